"""Tries the promises. What is printed is for whoever looks why one did not hold."""

from __future__ import annotations

import json
import os
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.attacks.groups import ALONE, FOR_USER, JAILED, NOTHING, USERS
from tests.attacks.groups.promises import jails
from tests.attacks.groups.users import TOP, become, delegated, forked
from tests.processes import below, until

from chainrule import sandbox


class Trial:
    """Tries promises and keeps what became of each. `chosen`: names of users and promises; none of a kind is all."""

    def __init__(self, chosen: set[str]) -> None:
        self.users = chosen & USERS.keys() or set(USERS)
        self.names = chosen - USERS.keys()
        self.results: dict[str, dict[str, Any]] = {}

    def all(self) -> None:
        for user in self.users:
            uid = USERS[user]
            # Root is tried in the root of all groups, where nobody has to be moved.
            whole = delegated("jails", uid) if uid else None
            self.results[user] = forked(lambda uid=uid, whole=whole: self._in_jails(uid, whole))
            for name, function in ALONE.items():
                if uid or name not in FOR_USER:
                    self._try(user, name, lambda function=function, uid=uid: function(uid))

    def _in_jails(self, uid: int, whole: Path | None) -> dict[str, Any]:
        user, at = next(name for name, each in USERS.items() if each == uid), whole or TOP
        self.results[user] = {}
        become(uid, whole)
        for name, function in JAILED.items():
            self._try(user, name, lambda function=function: function(at))
        sandbox.close()
        self._try(user, NOTHING, lambda: _nothing(at))
        return self.results[user]

    def _try(self, user: str, name: str, function: Callable[[], None]) -> None:
        if self.names and name not in self.names:
            return
        begin, error = time.monotonic(), ""
        try:
            function()
        except BaseException:
            error = traceback.format_exc()
        self.results[user][name] = {"error": error, "seconds": time.monotonic() - begin}
        print(f"{user} {name} {time.monotonic() - begin:.1f} s {error}", flush=True)


def _nothing(whole: Path) -> None:
    assert jails(whole) == []
    assert until(lambda: below(os.getpid()) == {}), below(os.getpid())


def main() -> None:
    folder, *chosen = sys.argv[1:]
    trial = Trial(set(chosen))
    trial.all()
    Path(folder, "results.json").write_text(json.dumps(trial.results))


if __name__ == "__main__":
    main()
