"""The policy of a course: which rule applies to whom, and the way to a total."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from fnmatch import fnmatchcase
from fractions import Fraction

from chainrule.errors import UnknownName
from chainrule.policy.model import Dispensation, Group, Late, Record, Total
from chainrule.policy.place import Where

WILD = frozenset("*?[")


@dataclass(frozen=True)
class Policy:
    """What `grades.toml` says. Without a `file` it is nbgrader's own: the plain sum, all of its penalties, no rules."""

    file: str = ""
    zone: tzinfo = UTC
    decimals: int = 2
    cap: Fraction | None = None
    extra_credit: tuple[str, ...] = ()
    groups: tuple[Group, ...] = ()
    late: Late | None = None
    extensions: tuple[Dispensation, ...] = ()
    excused: tuple[Dispensation, ...] = ()
    places: Where | None = None
    _groups: dict[str, Group | None] = field(default_factory=dict, compare=False, repr=False)

    def total(self, student: str, records: Iterable[Record], now: datetime | None = None) -> Total:
        """The student's total as of `now` (default: this moment), with its reasons.

        Raises `SourceError` if two groups of the file claim one of the assignments.
        """
        from chainrule.policy.total import total

        return total(self, student, tuple(records), now or datetime.now(UTC))

    def check(self, assignments: Iterable[str], students: Iterable[str]) -> None:
        """Raise `UnknownName` or `SourceError` unless the names in the file are those of the course.

        A pattern may match nothing yet.
        """
        if self.places is None:
            return
        known, people = set(assignments), set(students)
        for where, name in self._named_assignments():
            if not WILD & set(name) and name not in known:
                raise UnknownName("assignment", name, known, f"the course ({where}, {where.name})")
        for where, name in self._named_students():
            if name not in people:
                raise UnknownName("student", name, people, f"the gradebook ({where}, {where.name})")
        for name in sorted(known):
            self.group(name)
        for group in self.groups:
            self._check_unmixed(group, sorted(known))

    def group(self, assignment: str) -> Group | None:
        """The group it counts in; None if none. A plain name goes before a pattern."""
        if assignment not in self._groups:  # asked for every student
            self._groups[assignment] = self._find(assignment)
        return self._groups[assignment]

    def _find(self, assignment: str) -> Group | None:
        if not self.groups:
            return Group("", Fraction(1), ("*",), by_points=True)
        exact = [group for group in self.groups if assignment in group.patterns]
        found = exact or [group for group in self.groups if matches(assignment, group.patterns)]
        if len(found) > 1:
            assert self.places is not None
            first, second = found[:2]
            table = "weights" if second.apart else "groups"
            raise (self.places / table / second.name).wrong(
                f"{assignment} is in {_kind(first)} as well. An assignment counts once: take it out of one of them."
            )
        return found[0] if found else None

    def is_extra(self, assignment: str) -> bool:
        return matches(assignment, self.extra_credit)

    def extensions_of(self, student: str, assignment: str) -> list[Dispensation]:
        return _of(self.extensions, student, assignment)

    def is_excused(self, student: str, assignment: str) -> bool:
        return bool(_of(self.excused, student, assignment))

    def budget(self, student: str) -> int:
        return self.late.days_of(student) if self.late else 0

    def _check_unmixed(self, group: Group, known: Sequence[str]) -> None:
        mine = [name for name in known if self.group(name) == group]
        extra = [name for name in mine if self.is_extra(name)]
        if self.groups and not group.apart and 0 < len(extra) < len(mine):
            assert self.places is not None
            other = next(name for name in mine if name not in extra)
            raise (self.places / "groups" / group.name).wrong(
                f"{extra[0]} is extra credit and {other} is not. Give extra credit a group of its own."
            )

    def _named_assignments(self) -> Iterable[tuple[Where, str]]:
        assert self.places is not None
        for group in self.groups:
            where = self.places / "weights" if group.apart else self.places / "groups" / group.name / "assignments"
            for pattern in group.patterns:
                yield (where / pattern if group.apart else where), pattern
        for pattern in self.extra_credit:
            yield self.places / "extra_credit", pattern
        for table in ("extensions", "excused"):
            for index, entry in enumerate(getattr(self, table)):
                for pattern in entry.patterns:
                    yield self.places / table / index / "assignment", pattern

    def _named_students(self) -> Iterable[tuple[Where, str]]:
        assert self.places is not None
        for table in ("extensions", "excused"):
            for index, entry in enumerate(getattr(self, table)):
                for student in entry.students:
                    yield self.places / table / index / "student", student
        for student in self.late.budgets if self.late else ():
            yield self.places / "late" / "late_days_of" / student, student


def matches(name: str, patterns: Iterable[str]) -> bool:
    """Shell patterns: `*`, `?`, `[abc]`."""
    return any(name == pattern or fnmatchcase(name, pattern) for pattern in patterns)


def _of(entries: Iterable[Dispensation], student: str, assignment: str) -> list[Dispensation]:
    return [entry for entry in entries if student in entry.students and matches(assignment, entry.patterns)]


def _kind(group: Group) -> str:
    return f"[weights] as {group.name!r}" if group.apart else f"[groups.{group.name}]"
