"""Building is exact: same text, same bytes; and it leaves a course folder whole, whatever happens."""

import resource
import stat

import nbformat
import pytest

from chainrule.course import Course
from chainrule.errors import SourceError, UnknownName
from chainrule.notebook.build import build, import_notebook

TEXT = '# Größe\n\n```python solution="f"\nf = 1\n```\n\n```python test="f" points=2\nf\n```\n'


@pytest.fixture
def course(tmp_path):
    for name in ("a01", "a02"):
        (tmp_path / "graders" / name).mkdir(parents=True)
        (tmp_path / "graders" / name / "test_f.py").write_text("@points(2)\ndef test_it(student): ...\n")
        (tmp_path / "source" / name).mkdir(parents=True)
        (tmp_path / "source" / f"{name}.md").write_text(TEXT, encoding="utf-8")
    (tmp_path / "source" / "a03").mkdir()
    (tmp_path / "source" / "a03" / "a03.ipynb").write_text("{}")
    return Course(tmp_path)


def built(course, name="a01"):
    return course.source(name) / f"{name}.ipynb"


def files(course):
    return {path: path.read_bytes() for path in course.root.rglob("*") if path.is_file()}


def test_every_text_is_built_and_assignments_without_text_are_left_alone(course):
    assert build(course) == [built(course), built(course, "a02")]
    assert (course.source("a03") / "a03.ipynb").read_text() == "{}"


def test_only_the_named_assignments_are_built(course):
    assert build(course, ["a02"]) == [built(course, "a02")]
    assert not built(course).exists()


def test_the_bytes_are_those_that_nbformat_writes_so_that_saving_in_jupyter_changes_nothing(course):
    build(course)
    content = built(course).read_text(encoding="utf-8")
    assert nbformat.writes(nbformat.reads(content, as_version=4)) + "\n" == content
    assert "Größe" in content


def test_building_twice_gives_the_same_bytes_and_touches_no_file(course):
    build(course)
    before, time = files(course), built(course).stat().st_mtime_ns
    build(course)
    assert files(course) == before
    assert built(course).stat().st_mtime_ns == time


def test_check_names_what_is_missing_or_stale_and_writes_nothing(course):
    before = files(course)
    assert build(course, check=True) == [built(course), built(course, "a02")]
    assert files(course) == before
    build(course)
    assert build(course, check=True) == []
    course.text("a02").write_text(TEXT + "\nMore.\n", encoding="utf-8")
    assert build(course, check=True) == [built(course, "a02")]


def test_a_bad_text_among_good_ones_changes_no_file(course):
    course.text("a02").write_text("```python\n", encoding="utf-8")
    before = files(course)
    with pytest.raises(SourceError, match=r"a02\.md:1: .*never closed"):
        build(course)
    assert files(course) == before


def test_a_failed_write_leaves_the_old_notebook_and_nothing_beside_it(course):
    """nbgrader copies whatever lies in that folder to students."""
    build(course)
    course.text("a01").write_text(TEXT + "\nMore.\n", encoding="utf-8")
    before = files(course)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))  # as on a full disk, the write ends early
    try:
        with pytest.raises(OSError, match="too large"):
            build(course)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert files(course) == before


def test_a_built_notebook_has_the_permissions_of_any_new_file(course):
    build(course)
    assert stat.S_IMODE(built(course).stat().st_mode) == stat.S_IMODE(course.text("a01").stat().st_mode)


def test_an_unknown_assignment_is_named_with_the_nearest_one(course):
    with pytest.raises(UnknownName, match="'a01'"):
        build(course, ["a011"])


def test_an_assignment_without_text_says_what_its_source_is(course):
    with pytest.raises(SourceError, match=r"the notebooks in .*a03 are the source"):
        build(course, ["a03"])


def test_a_text_that_is_not_utf8_is_an_error_with_its_line(course):
    course.text("a01").write_bytes(b"one\ntwo\xff\n")
    with pytest.raises(SourceError, match=r"a01\.md:2: .*UTF-8"):
        build(course)


def test_a_byte_order_mark_is_no_part_of_the_text(course):
    build(course)
    course.text("a01").write_bytes(b"\xef\xbb\xbf" + TEXT.encode())
    assert build(course, check=True) == []


def test_import_gives_back_the_text(course):
    build(course)
    assert import_notebook(built(course)) == TEXT


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "is empty"),
        ('{"nbformat": 4, "cells": [], "metadata": {"kernelspec": {"language": "R"}}}', "written in R"),
        ('{"nbformat": 4, "cells": [{"cell_type": "code", "metadata": {"tags": 1}}], "metadata": {}}', "Cell 1"),
    ],
)
def test_import_says_why_a_notebook_cannot_be_text(tmp_path, content, words):
    path = tmp_path / "x.ipynb"
    path.write_text(content)
    with pytest.raises(SourceError, match=rf"x\.ipynb.* {words}"):
        import_notebook(path)
