"""What a student hands in beside a notebook ends nobody's run but theirs, and brings nothing in that is not theirs."""

from __future__ import annotations

import os
import re
import stat
import subprocess
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from pathlib import Path
from typing import Any

import pytest
from tests.folders import nest

from chainrule import beside
from chainrule.autograde import Row, autograde
from chainrule.course import Course
from chainrule.desk import Desk
from chainrule.errors import CourseError, FileNotPlaced, SubmissionError
from chainrule.limits import Beside
from chainrule.regrade import Regrade

MIB = 1 << 20
CLASS = ("ada", "bob", "cyd")
"""`bob` is the one with the odd files."""


@pytest.fixture(params=["with graders", "without graders"])
def course(request: pytest.FixtureRequest, classroom: Any) -> Iterator[Any]:
    """A class of three; the assignment has a folder `data` and a file `x.csv` beside its notebook."""
    if request.param == "without graders":
        for path in (classroom.root / "graders/t1").iterdir():
            path.unlink()
    (classroom.root / "source/t1/data").mkdir()
    (classroom.root / "source/t1/data/y.csv").write_text("ours")
    (classroom.root / "source/t1/x.csv").write_text("ours")
    for student in CLASS:
        classroom.submit(student)
    yield classroom
    subprocess.run(["rm", "-rf", str(classroom.root / "submitted")], check=True)  # pytest's own way is recursive


def theirs(course: Any) -> Path:
    folder: Path = course.root / "submitted/bob/t1"
    return folder


def graded(course: Any, at_once: Any) -> dict[str, Row]:
    return {row.student: row for row in autograde(Course(course.root), "t1", executor=at_once, workers=1).rows}


def a_file_for_a_folder(folder: Path) -> None:
    (folder / "data").write_text("theirs")


def a_folder_for_a_file(folder: Path) -> None:
    (folder / "x.csv/deep").mkdir(parents=True)
    (folder / "x.csv/deep/y").write_text("theirs")


def nested_folders(folder: Path) -> None:
    descriptor = nest(folder)
    os.close(os.open("f", os.O_WRONLY | os.O_CREAT, dir_fd=descriptor))
    os.close(descriptor)


def long_names(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    for _ in range(30):
        os.mkdir("d" * 250, dir_fd=descriptor)
        inner = os.open("d" * 250, os.O_RDONLY, dir_fd=descriptor)
        os.close(descriptor)
        descriptor = inner
    os.close(descriptor)


def a_pipe(folder: Path) -> None:
    os.mkfifo(folder / "pipe")


def a_link(folder: Path) -> None:
    (folder / "link.txt").symlink_to(folder.parents[2] / "secret")
    (folder / "linked").symlink_to(folder.parents[2] / "secrets")


def a_huge_file(folder: Path) -> None:
    (folder / "huge.bin").touch()
    os.truncate(folder / "huge.bin", 700 * MIB)


def a_name_of_no_encoding(folder: Path) -> None:
    (folder / os.fsdecode(b"caf\xe9\n")).symlink_to("nowhere")


ODD = {
    "data": a_file_for_a_folder,
    "x.csv": a_folder_for_a_file,
    "d/d/d": nested_folders,
    "ddddd": long_names,
    "pipe": a_pipe,
    "link.txt": a_link,
    "huge.bin": a_huge_file,
    "caf": a_name_of_no_encoding,
}


@pytest.mark.parametrize(("name", "make"), [pytest.param(*pair, id=pair[1].__name__) for pair in ODD.items()])
def test_odd_files_are_left_out_with_a_note_and_cost_nobody(
    course: Any, at_once: Any, name: str, make: Callable[[Path], None]
) -> None:
    (course.root / "secret").write_text("gradebook")
    (course.root / "secrets").mkdir()
    (course.root / "secrets/one").write_text("gradebook")
    make(theirs(course))
    rows = graded(course, at_once)
    assert [row.error for row in rows.values()] == [""] * 3
    assert len({row.points for row in rows.values()}) == 1
    assert [name in note.message for note in rows["bob"].notes if note.kind == beside.NOTE] == [True]
    assert not any(note.kind == beside.NOTE for student in ("ada", "cyd") for note in rows[student].notes)
    folder = course.root / "autograded/bob/t1"
    files = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert files == {"t1.ipynb", "timestamp.txt", "x.csv", "data/y.csv"}
    assert {(folder / name).read_text() for name in ("x.csv", "data/y.csv")} == {"ours"}
    assert all(row.skipped for row in graded(course, at_once).values())


@pytest.mark.parametrize("name", ["x.txt", "timestamp.txt"])
def test_what_cannot_be_looked_at_is_that_students_error(course: Any, at_once: Any, name: str) -> None:
    """For the time stamp, a pipe: whoever opened it would wait for ever."""
    (theirs(course) / name).unlink(missing_ok=True)
    if name == "timestamp.txt":
        os.mkfifo(theirs(course) / name)
    else:
        (theirs(course) / name).write_text("")
        (theirs(course) / name).chmod(0)

    def check() -> None:
        for again in (False, True):  # the next run does not stop there either
            rows = graded(course, at_once)
            assert "cannot be read" in rows["bob"].error or "not a regular file" in rows["bob"].error
            assert [(rows[student].error, rows[student].skipped) for student in ("ada", "cyd")] == [("", again)] * 2

    as_ordinary_user(course.root, check)


def test_a_regrade_does_not_end_there_either(classroom: Any, at_once: Any) -> None:
    for student in CLASS:
        classroom.submit(student, twice="def twice(x):\n    return 0")
    assert not any(row.error for row in graded(classroom, at_once).values())
    (theirs(classroom) / "x.txt").write_text("")
    (theirs(classroom) / "x.txt").chmod(0)
    a_link(classroom.root / "submitted/cyd/t1")

    def check() -> None:
        with Regrade(Course(classroom.root), "t1", executor=at_once, workers=1) as regrade:
            errors = {change.student: change.error for change in regrade.compare().students}
        assert "x.txt cannot be read" in errors["bob"]
        assert (errors["ada"], errors["cyd"]) == ("", "")

    as_ordinary_user(classroom.root, check)


def test_a_failure_while_files_are_put_together_is_that_students_error(
    classroom: Any, at_once: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Here the file goes away between the look and the copy."""
    for student in CLASS:
        classroom.submit(student)
    path = theirs(classroom) / "x.txt"
    path.write_text("")
    looked = beside.digest

    def look(found: Path, most: int | None = None) -> str:
        result = looked(found, most)
        if found == path:
            path.chmod(0)
        return result

    monkeypatch.setattr(beside, "digest", look)

    def check() -> None:
        rows = graded(classroom, at_once)
        assert "x.txt cannot be read" in rows["bob"].error
        assert [rows[student].points for student in ("ada", "cyd")] == [8.0, 8.0]

    as_ordinary_user(classroom.root, check)


def as_ordinary_user(root: Path, check: Callable[[], None]) -> None:
    """Call `check` in a process without root's rights, which read everything; what it raises, print and fail."""
    if os.geteuid():
        return check()
    for path in (root, *root.rglob("*")):
        os.chown(path, 65534, 65534, follow_symlinks=False)
    for path in root.parents:
        if path.stat().st_mode & 0o11 != 0o11:
            path.chmod(path.stat().st_mode | 0o11)
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            os.setgroups([])
            os.setegid(65534)
            os.seteuid(65534)
            os.environ["HOME"] = str(root)
            check()
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    return None


def test_links_and_pipes_where_a_notebook_is_expected_are_no_notebooks(course: Any, at_once: Any) -> None:
    """In a course without graders, too, and beside something that is left out."""
    for student, make in (("bob", lambda path: path.symlink_to(course.root / "secret")), ("cyd", os.mkfifo)):
        folder = course.root / "submitted" / student / "t1"
        (folder / "t1.ipynb").unlink()
        make(folder / "t1.ipynb")
        a_pipe(folder)
    (course.root / "secret").write_text((course.root / "submitted/ada/t1/t1.ipynb").read_text())
    rows = graded(course, at_once)
    assert not rows["ada"].error
    for student in ("bob", "cyd"):
        unread = [note for note in rows[student].notes if note.kind == "unreadable"]
        assert unread or f"submitted/{student}/t1/t1.ipynb is not a regular file" in rows[student].error


class Cut(Executor):
    """A machine on which the file `name` of `bob` does not arrive whole."""

    def __init__(self, at_once: Any, name: str) -> None:
        self.at_once, self.name = at_once, name

    def __call__(self, workers: int) -> Cut:
        return self

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        if args[0].student != "bob":
            return self.at_once.submit(fn, *args)  # type: ignore[no-any-return]
        future: Future[Any] = Future()
        future.set_exception(FileNotPlaced(self.name, f"The file {self.name} is cut."))
        return future


def test_whose_file_does_not_arrive_whole_decides_whose_error_it_is(course: Any, at_once: Any) -> None:
    rows = graded(course, Cut(at_once, "theirs.bin"))
    assert {student: row.error for student, row in rows.items() if row.error} == {
        "bob": "It could not be graded: The file theirs.bin is cut."
    }
    with pytest.raises(CourseError, match=r"source/t1: The file x\.csv is cut"):
        graded(course, Cut(at_once, "x.csv"))


def test_a_students_files_leave_room_for_the_instructors(classroom: Any) -> None:
    """In truth, where the limit is: in the jail."""
    (classroom.root / "source/t1/z.bin").write_bytes(b"z" * (8 * MIB))
    with (classroom.root / "nbgrader_config.py").open("a") as config:
        config.write('c.Limits.disk = "16 MiB"\n')
    classroom.submit("ada", twice="def twice(x):\n    import os\n    print(os.path.getsize('z.bin'))\n    return 2 * x")
    for number in range(9):
        (classroom.root / f"submitted/ada/t1/{number}.bin").write_bytes(b"x" * MIB)
    (row,) = autograde(Course(classroom.root), "t1", workers=1).rows
    assert (row.error, row.points) == ("", 8.0)
    (note,) = row.notes
    assert re.findall(r"(\d)\.bin \(1\.0 MiB, with 7\.0 MiB for all", note.message) == ["7", "8"]


def test_nbgraders_own_command_copies_no_target_of_a_link(classroom: Any) -> None:
    """Formgrader's button and `nbgrader autograde` copy before any of our code is asked."""
    for path in (classroom.root / "graders/t1").iterdir():
        path.unlink()
    (classroom.root / "source/t1/x.csv").write_text("ours")
    (classroom.root / "secret").write_text("gradebook")
    classroom.submit("bob")
    for name in ("link.txt", "x.csv"):
        (theirs(classroom) / name).symlink_to(classroom.root / "secret")
    desk = Desk(Course(classroom.root), "t1")
    with desk.logged():
        desk.converter("bob").start()
    folder = classroom.root / "autograded/bob/t1"
    assert {path.name for path in folder.iterdir()} == {"t1.ipynb", "timestamp.txt", "x.csv"}
    assert (folder / "x.csv").read_text() == "ours"


# -- the listing itself ------------------------------------------------------------------------------------------------


def test_the_bounds_hold_for_bytes_number_and_depth(tmp_path: Path) -> None:
    for name, size in {"a": 5000, "b": 5000, "c": 100, "e/f/g": 1}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x" * size)
    found = beside.theirs(tmp_path, (), Beside(total=5 * 4096, depth=1))
    assert (set(found.files), set(found.left_out)) == ({"a", "b", "c"}, {"e/f"})
    found = beside.theirs(tmp_path, (), Beside(total=3 * 4096))  # the second file of two blocks does not fit
    assert (set(found.files), set(found.left_out)) == ({"a", "c"}, {"b", "e/f/g"})
    found = beside.theirs(tmp_path, (), Beside(files=4))
    assert set(found.files) == {"a", "b", "c"}
    assert found.left_out == {"e": "more than 4 files in all"}


def test_what_the_instructors_file_replaces_counts_nothing_unless_it_is_kept(tmp_path: Path) -> None:
    (tmp_path / "data.csv").write_bytes(b"x" * 5000)
    bounds = Beside(total=4096)
    assert beside.theirs(tmp_path, (), bounds, ["data.csv"]) == beside.Listing()
    assert set(beside.theirs(tmp_path, (), bounds, ["data.csv"], ["data.csv"]).left_out) == {"data.csv"}


def test_patterns_of_nbgrader_and_notebooks_are_no_files_beside(tmp_path: Path) -> None:
    for name in (".ipynb_checkpoints/a", "b.ipynb", "c.ipynb/d", "e/f.pyc", "e/g"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert set(beside.theirs(tmp_path, (".ipynb_checkpoints", "*.pyc"), Beside()).files) == {"e/g"}


def test_a_note_names_some_and_counts_the_rest() -> None:
    (note,) = beside.Listing(left_out={f"{number}\udce9": "a link" for number in range(20)}).notes()
    assert note.message.endswith("7\ufffd (a link) and 12 more.")
    note.message.encode()
    assert beside.Listing().notes() == ()


def test_a_script_stays_executable_and_a_link_is_not_opened(tmp_path: Path) -> None:
    (tmp_path / "script").touch(0o755)
    beside.copy(tmp_path / "script", tmp_path / "into/script")
    assert stat.S_IMODE((tmp_path / "into/script").stat().st_mode) & 0o100
    (tmp_path / "link").symlink_to("script")
    with pytest.raises(OSError, match="symbolic"):
        beside.regular(tmp_path / "link")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(SubmissionError, match="not a regular file"):
        beside.copy(tmp_path / "pipe", tmp_path / "copy")


def test_files_of_the_assignment_that_do_not_fit_are_an_error_of_the_course(classroom: Any, at_once: Any) -> None:
    """It says which limit and which file: graded with a part of it, everybody would lose points."""
    classroom.submit("ada")
    (classroom.root / "source/t1/large.npz").touch()
    os.truncate(classroom.root / "source/t1/large.npz", 513 * MIB)
    with pytest.raises(CourseError, match=r"512\.0 MiB of disk.*large\.npz.*c\.Limits\.disk"):
        graded(classroom, at_once)
