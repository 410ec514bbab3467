"""Counting, raising, and what a student's machine needs."""

import subprocess
import sys

import pytest

from chainrule import check
from chainrule.check.names import known_error


def test_counted_counts_and_remembers():
    f = check.counted(lambda x: x + 1)
    assert [f(1), f(2)] == [2, 3]
    assert f.calls == 2
    assert f.inputs == [(1,), (2,)]


def test_raises_wants_the_very_error():
    check.raises(ValueError, int, "x")
    with pytest.raises(check.Failed, match="Expected a ValueError, your function raised TypeError"):
        check.raises(ValueError, int, [])
    with pytest.raises(check.Failed, match="should raise a ValueError here and does not"):
        check.raises(ValueError, int, "1")


def test_a_stub_does_not_pass_where_an_error_is_wanted():
    def stub():
        raise NotImplementedError

    with pytest.raises(check.Failed):
        check.raises(ValueError, stub)


def test_the_student_side_imports_fast_and_with_numpy_alone():
    code = (
        "import sys, time, numpy; t = time.process_time(); import chainrule; spent = time.process_time() - t\n"
        "heavy = {'pandas','nbgrader','pytest','sympy','scipy','torch','matplotlib','click','nbformat','sqlalchemy'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
        "assert spent < 0.2, spent"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_base_package_works_where_nothing_but_numpy_is_installed(tmp_path):
    import numpy

    import chainrule

    for package in (numpy, chainrule):
        (tmp_path / package.__name__).symlink_to(package.__path__[0])
    for libs in (p for p in __import__("pathlib").Path(numpy.__path__[0]).parent.glob("numpy.libs")):
        (tmp_path / libs.name).symlink_to(libs)
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); from chainrule import check; check.close(1, 1.0)"
    subprocess.run([sys.executable, "-S", "-I", "-c", code], check=True)


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["ValueError", "Exception"], "ValueError"),
        (["LinAlgError", "ValueError", "Exception"], "LinAlgError"),
        (["E31337", "KeyError", "LookupError", "Exception"], "an exception of your own (a kind of KeyError)"),
        (["E31337", "Exception", "BaseException"], "an exception of your own"),
        ([], "an exception of your own"),
    ],
)
def test_an_exception_is_named_only_if_its_name_is_known(names, said):
    assert known_error(names) == said


def test_a_type_is_named_only_if_its_name_is_known():
    assert (check.known("Tensor"), check.known("E31337"), check.known(31337, "?")) == (
        "Tensor",
        "type of your own",
        "?",
    )


def test_every_public_check_is_documented():
    from pathlib import Path

    page = (Path(__file__).parents[2] / "docs" / "writing-graders.md").read_text()
    shown = {name for name in check.__all__ if f"check.{name}" in page}
    assert set(check.__all__) - shown <= {"Counted", "central_differences"}
