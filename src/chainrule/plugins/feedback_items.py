"""What the feedback page is made of: plain values that `feedback.html` prints."""

from __future__ import annotations

from dataclasses import dataclass, field

from chainrule.model import Status
from chainrule.plugins.feedback_outputs import Output
from chainrule.plugins.feedback_words import counted, points

STATUS = {
    Status.PASSED: ("✓", "passed"),
    Status.FAILED: ("✗", "failed"),
    Status.TIMEOUT: ("✗", "took too long"),
    Status.CRASHED: ("✗", "Python stopped"),
    Status.UNGRADED: ("…", "not graded"),
}

STATES = {
    "full": ("✓", "Full marks", "good"),
    "read": ("✓", "Graded", "good"),
    "part": ("◐", "Partly", "some"),
    "none": ("○", "No points yet", "bad"),
    "waiting": ("…", "To be graded", "wait"),
    "fault": ("…", "A person will look", "wait"),
}
"""How an item stands: sign, words and colour."""


@dataclass(frozen=True)
class Mark:
    """The gradebook's row on one cell."""

    score: float
    points: float
    auto: float | None = None
    manual: float | None = None
    extra: float | None = None
    waiting: bool = False

    @property
    def words(self) -> str:
        """ "7 of 10", "– of 10"."""
        return f"{'–' if self.waiting else points(self.score)} of {points(self.points)}"


@dataclass(frozen=True)
class Test:
    """One hidden test as the student sees it. `again` says that the message stands at an earlier test already."""

    title: str
    status: Status
    points: float
    max_points: float
    message: str
    again: bool = False

    @property
    def sign(self) -> str:
        return STATUS[self.status][0]

    @property
    def word(self) -> str:
        return STATUS[self.status][1]


@dataclass
class Item:
    """A section of the page: an exercise, a test cell of nbgrader's own kind, or a written answer.

    `answer` is Markdown. `misconceptions` are the named ones, without repeats.
    """

    kind: str  # "exercise", "tests" or "answer"
    anchor: str
    id: str
    title: str
    mark: Mark
    lead: str = ""
    misconceptions: list[str] = field(default_factory=list)
    tests: list[Test] = field(default_factory=list)
    answer: str = ""
    code: list[str] = field(default_factory=list)
    visible_tests: str = ""
    outputs: list[Output] = field(default_factory=list)
    comments: list[str] = field(default_factory=list)

    @property
    def state(self) -> str:
        """A key of `STATES`."""
        if self.mark.waiting:
            return "waiting" if self.kind == "answer" else "fault"
        if self.mark.score >= self.mark.points:
            return "full"
        if self.kind == "answer" and self.mark.score > 0:
            return "read"
        return "part" if self.mark.score > 0 else "none"

    @property
    def passed(self) -> str:
        """ "2 of 3 tests passed"; empty without tests, or while a test waits for a person."""
        if not self.tests or self.mark.waiting:
            return ""
        good = sum(test.status is Status.PASSED for test in self.tests)
        return f"{good} of {counted(len(self.tests), 'test')} passed"

    @property
    def lost(self) -> float:
        """Points that are missing for good reason: not those that a person has still to give."""
        return 0.0 if self.mark.waiting else max(0.0, self.mark.points - self.mark.score)

    @property
    def telling(self) -> bool:
        """Whether the outputs are worth a look at once: a figure, or an error that may be why points are missing."""
        kinds = {output.kind for output in self.outputs}
        return "picture" in kinds or (self.state != "full" and "error" in kinds)


@dataclass(frozen=True)
class Part:
    """Items of one sort together."""

    score: float
    points: float
    waiting: int
    waiting_points: float


@dataclass(frozen=True)
class Page:
    """All that the template prints below the score. `rest` and `remarks` belong to no graded cell."""

    title: str
    items: list[Item]
    notes: list[str]
    rest: list[Output]
    remarks: list[str] = field(default_factory=list)

    def part(self, *kinds: str) -> Part:
        """Over the sections of these kinds, of all without any."""
        marks = [item.mark for item in self.items if not kinds or item.kind in kinds]
        waiting = [mark.points for mark in marks if mark.waiting]
        return Part(sum(mark.score for mark in marks), sum(mark.points for mark in marks), len(waiting), sum(waiting))

    @property
    def dearest(self) -> list[Item]:
        """Where most points are still to be had: three at most, and only where there is a choice."""
        losing = sorted((item for item in self.items if item.lost), key=lambda item: -item.lost)
        return losing[:3] if len(losing) > 3 else []
