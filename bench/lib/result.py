# SPDX-License-Identifier: GPL-3.0-or-later
"""result.py: what a work found, and whether it is what was aimed at.

Targets compare medians as they are printed, rounded to two digits: a verdict must never contradict its own table.
"""

import dataclasses


@dataclasses.dataclass
class Target:
    """value at most `limit` (or at least, where at_least); a value of None is a miss, for there was nothing to measure."""

    text: str
    value: float | None
    limit: float
    unit: str = "x"
    at_least: bool = False

    @property
    def is_met(self):
        if self.value is None:
            return False
        value = round(self.value, 2)
        return value >= self.limit if self.at_least else value <= self.limit


@dataclasses.dataclass
class Result:
    name: str
    title: str
    programs: list = dataclasses.field(default_factory=list)
    targets: list = dataclasses.field(default_factory=list)
    notes: list = dataclasses.field(default_factory=list)
    figures: tuple = ()  # headings of what this work counts besides time
    timed: bool = True  # False: programs run for a duration, so that ratios of their times say nothing
    fault: str = ""  # why nothing could be measured

    def _first(self, role):
        return next((program for program in self.programs if program.role == role), None)

    @property
    def us(self):
        return self._first("us")

    @property
    def floor(self):
        return self._first("floor")

    def best_peer(self, what="wall"):
        peers = [program for program in self.programs if program.role == "peer" and program.samples]
        return min(peers, key=lambda program: program.median(what), default=None)

    def ratio(self, what, of, to):
        """The median of one program over that of another; None where either has none."""
        if of is None or to is None or not of.samples or not to.samples:
            return None
        return of.median(what) / to.median(what)

    # ---- the kinds of target --------------------------------------------------------------------------------

    def aim_times_as_fast(self, times, peer=None):
        peer = peer or self.best_peer()
        text = f"{times:g}x as fast as {peer.name if peer else 'the best peer'}"
        self.targets.append(Target(text, self.ratio("wall", peer, self.us), times, at_least=True))

    def aim_near_floor(self, what, limit):
        text = f"{'CPU' if what == 'cpu' else 'wall'} time at most {limit:g}x the floor's"
        self.targets.append(Target(text, self.ratio(what, self.us, self.floor), limit))

    def aim_no_more_than(self, what, peer):
        text = f"no more {'CPU' if what == 'cpu' else 'wall'} time than {peer.name}"
        self.targets.append(Target(text, self.ratio(what, self.us, peer), 1))

    def aim_figure_below(self, what, peer):
        # Strictly below, as printed: equal is not enough.
        self.targets.append(Target(f"{what} below {peer.name}'s", self.ratio(what, self.us, peer), 0.99))

    def aim_under(self, seconds):
        value = self.us.median("wall") if self.us and self.us.samples else None
        self.targets.append(Target(f"everything answered in under {seconds:g} s", value, seconds, unit=" s"))
