"""`nbgrader export` writes a table that a spreadsheet reads as it was meant."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
import xml.etree.ElementTree as ET
import zipfile
from pathlib import Path
from typing import Any

import pytest
from nbgrader.api import Gradebook
from nbgrader.apps import ExportApp
from traitlets.config import Config

from chainrule.formats.table import COLUMNS
from chainrule.plugins.export import EXPORTERS, CsvExport


@pytest.fixture
def table(classroom: Any, tmp_path: Path) -> Any:
    """table(student=[…]) is the exported table, with one student who submitted and two with difficult names."""
    with Gradebook(classroom.db_url) as gradebook:
        gradebook.add_student("ada", first_name="Ada", last_name='King, "Countess" of Lovelace', email="ada@x.org")
        gradebook.add_student("-1+1", first_name="=cmd|' /C calc'!A0", last_name="Nyström")
        gradebook.add_student("zoe", first_name="@zoe", last_name="two\nlines")
        gradebook.add_submission("t1", "ada")
        grade = gradebook.find_grade("test_twice", "t1", "t1", "ada")
        grade.auto_score, grade.extra_credit = 3.0, 0.5
        gradebook.find_submission_notebook("t1", "t1", "ada").late_submission_penalty = 1.0
        gradebook.db.commit()

    def export(**chosen: Any) -> list[dict[str, str]]:
        with Gradebook(classroom.db_url) as gradebook:
            plugin = CsvExport(to=str(tmp_path / "out.csv"), **chosen)
            plugin.export(gradebook)
        with (tmp_path / "out.csv").open(encoding="utf-8-sig", newline="") as file:
            return list(csv.DictReader(file))

    return export


def test_columns_are_nbgraders_and_one_of_ours(table: Any) -> None:
    assert tuple(table()[0]) == COLUMNS
    assert COLUMNS[-2:] == ("max_score", "isolation")


def test_names_with_commas_quotes_and_line_breaks_stay_one_field(table: Any) -> None:
    rows = {row["student_id"]: row for row in table()}
    assert rows["ada"]["last_name"] == 'King, "Countess" of Lovelace'
    assert rows["zoe"]["last_name"] == "two\nlines"
    assert len(rows) == 3


def test_text_is_never_a_formula(table: Any) -> None:
    rows = {row["student_id"]: row for row in table()}
    assert rows["'-1+1"]["first_name"] == "'=cmd|' /C calc'!A0"
    assert rows["zoe"]["first_name"] == "'@zoe"
    assert rows["ada"]["email"] == "ada@x.org"


def test_scores_are_nbgraders_and_no_submission_is_zero(table: Any) -> None:
    rows = {row["student_id"]: row for row in table()}
    assert [rows["ada"][name] for name in ("raw_score", "late_submission_penalty", "score", "max_score")] == [
        "3.5",
        "1.0",
        "2.5",
        "13.0",
    ]
    assert (rows["zoe"]["score"], rows["zoe"]["timestamp"]) == ("0.0", "")


def test_students_can_be_chosen(table: Any) -> None:
    assert [row["student_id"] for row in table(student=["ada"])] == ["ada"]


def test_an_unknown_name_is_said_in_a_sentence_with_status_1(table: Any, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        table(assignment=["other"])
    assert stopped.value.code == 1


@pytest.mark.parametrize("name", EXPORTERS)
def test_each_plugin_writes_its_file(table: Any, classroom: Any, tmp_path: Path, name: str) -> None:
    """The class that `--exporter=` names, called as nbgrader calls it: with its own loader of classes and settings."""
    exporter = f"chainrule.plugins.export.{EXPORTERS[name].__name__}"
    settings = {"ExportPlugin": {"to": str(tmp_path / "target"), "student": ["ada"], "assignment": ["t1"]}}
    with Gradebook(classroom.db_url) as gradebook:
        app = ExportApp(config=Config(settings | {"CourseExport": {"partial": True}}))
        app.update_config(Config({"ExportApp": {"plugin_class": exporter}}))
        plugin = app.plugin_class(parent=app)
        plugin.export(gradebook)
    check_file(name, tmp_path / "target")


@pytest.mark.slow
@pytest.mark.parametrize("name", EXPORTERS)
def test_nbgrader_export_writes_every_format(table: Any, classroom: Any, tmp_path: Path, name: str) -> None:
    """nbgrader's own command, with its options for students and assignments."""
    exporter, target = f"chainrule.plugins.export.{EXPORTERS[name].__name__}", tmp_path / "target"
    command = [sys.executable, "-m", "nbgrader", "export", f"--exporter={exporter}", "--to", str(target)]
    chosen = ["--student", "ada", "--assignment", "t1", "--CourseExport.partial=True"]
    done = subprocess.run([*command, *chosen], cwd=classroom.root, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    check_file(name, target)


def check_file(name: str, target: Path) -> None:
    """The file, or folder, of the format is there and has ada and what she got in it."""
    if name == "xlsx":
        with zipfile.ZipFile(target) as archive:
            assert b'<t xml:space="preserve">ada</t>' in archive.read("xl/worksheets/sheet1.xml")
    elif name == "gradescope":
        assert json.loads((target / "t1/ada/results.json").read_text())["score"] == 2.5
    elif name == "junit":
        cases = ET.parse(target / "t1/ada.xml").getroot().iter("testcase")
        assert {str(case.get("classname")) for case in cases} >= {"t1.test_twice"}
    else:
        rows = list(csv.reader(target.read_text(encoding="utf-8-sig").splitlines()))
        ids = {"canvas": ["SIS Login ID", "", "ada"], "moodle": ["username", "ada"], "csv": ["student_id", "ada"]}
        assert [row[{"canvas": 3, "moodle": 0, "csv": 3}[name]] for row in rows] == ids[name]
