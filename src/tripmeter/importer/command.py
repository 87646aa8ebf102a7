"""`tripmeter import`: runs an import and tells how it went."""

import sys

from tripmeter.importer.failures import ImportFailed, Interrupted
from tripmeter.importer.order import Order
from tripmeter.importer.run import run
from tripmeter.importer.summary import summary


def import_file(order: Order) -> int:
    """Carry out an import; its exit status."""
    try:
        outcome = run(order)
    except ImportFailed as error:
        print(f"tripmeter: {error}", file=sys.stderr)
        return 130 if isinstance(error, Interrupted) else 1
    print("\n".join(summary(outcome)))
    return 3 if outcome.progress.refused else 0
