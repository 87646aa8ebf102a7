"""What there is to tell of an alert that may fire, recover, and fire again."""

from tripmeter.model.alert import Action, AlertNotification


def due_action(
    last: AlertNotification | None, activation: int, period: int, *, reached: bool
) -> Action | None:
    """What is to be told now, given what was told last, if anything.

    It fires once in each period of each activation, and whatever it was told in is not taken back
    within that: less usage afterwards does not let it fire again. It has recovered when the next
    period, or activation, is below its line. Where there are no periods, `period` is 0.
    """
    if last is None or last.action is Action.RECOVERED:
        return Action.TRIGGERED if reached else None
    is_current = last.period == period and last.activation == activation
    if is_current and period:
        return None
    if reached:
        return None if is_current else Action.TRIGGERED
    return Action.RECOVERED
