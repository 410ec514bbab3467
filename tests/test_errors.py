"""Errors come from other processes as they were raised there."""

from __future__ import annotations

import pickle

import pytest

from chainrule import errors
from chainrule.errors import ChainruleError, FileNotPlaced, SourceError, UnknownName


@pytest.mark.parametrize(
    "error",
    [
        UnknownName("student", "adda", ["ada", "bob"], "the gradebook (grades.toml:2)"),
        SourceError("It has no title.", "source/a01.md", 3),
        FileNotPlaced("data.csv", "The file data.csv is too large."),
        *(
            kind("Something is wrong. Mend it.")
            for kind in vars(errors).values()
            if isinstance(kind, type) and issubclass(kind, ChainruleError) and kind not in (UnknownName, FileNotPlaced)
        ),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_error_from_another_process_has_its_type_its_message_and_its_place(error: ChainruleError) -> None:
    """`chainrule report` reads assignments in several: which of them meets a mistake in grades.toml is chance."""
    there = pickle.loads(pickle.dumps(error))
    assert type(there) is type(error)
    assert (str(there), there.args, vars(there)) == (str(error), error.args, vars(error))
