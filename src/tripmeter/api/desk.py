"""What the dashboard has beside the store: one of it in the process that has the writer."""

from tripmeter.api.live import Live
from tripmeter.api.logbook import Logbook
from tripmeter.api.looks import Looks
from tripmeter.api.overview import Overviews
from tripmeter.api.passwords import Passwords
from tripmeter.api.tries import TriesOfLate
from tripmeter.pipeline.nearest import Candidates
from tripmeter.pipeline.pulse import Pulse
from tripmeter.ports import Clock, Store


class Desk:
    """Passwords, and how often they were tried; what happens, who listens, what was asked."""

    def __init__(self, store: Store, clock: Clock, pulse: Pulse) -> None:
        self.passwords = Passwords()
        self.tries = TriesOfLate()
        self.overviews = Overviews(store, clock, pulse)
        self.live = Live()
        self.logbook = Logbook()
        self.looks = Looks(store)
        self.candidates = Candidates()
        pulse.tell = self.live.tell
