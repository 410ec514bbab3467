"""Forks of a student's process: what hidden tests do there is gone afterwards."""

from __future__ import annotations

import contextlib

from chainrule.sandbox import Connection


class Forks:
    """Forks of the student's process, one at a time, for the tests of one exercise."""

    def __init__(self, base: Connection) -> None:
        self.base = base
        self.used = False
        """Whether a test has run in the present fork."""
        self.apart = True
        """Whether what tests do is gone afterwards: False where the process cannot be forked."""
        self._held = contextlib.ExitStack()
        self._fork: Connection | None = None

    def take(self) -> Connection:
        """The present fork, or a new one. Raises `StudentProcessError`."""
        if self._fork is None:
            self._fork = self._held.enter_context(self.base.forked())
        # Where the process cannot be forked it is the process itself: a second run there would prove nothing.
        self.used = self.apart = self._fork is not self.base
        return self._fork

    def drop(self) -> None:
        """End the present fork."""
        self._fork, self.used = None, False
        self._held.close()
