"""Promises about control groups of version 2. `python -m tests.attacks.groups FOLDER [USER…] [PROMISE…]` tries them.

It is run as root of a machine that has such groups (`tests.fixtures.machine`), and tries each promise once for root and
once for an ordinary user to whom a group was delegated as systemd does it. What became of each is written into FOLDER.
A promise is a function that raises if it does not hold.
"""

from tests.attacks.groups import finding, jails, leftovers, runs
from tests.attacks.groups.promises import ALONE, FOR_USER, JAILED
from tests.attacks.groups.users import USERS

NOTHING = "nothing_is_left_after_all_that"

__all__ = ["ALONE", "FOR_USER", "JAILED", "NOTHING", "USERS", "finding", "jails", "leftovers", "runs"]
