"""JUnit XML, one file for each submission: a testsuite an exercise, a testcase a hidden test; and one of each for every
other graded cell, of nbgrader's own kind or marked by a human.

There is no standard. The files fit the two schemas that are widely used, of Ant's task (windyroad/JUnit-Schema) and of
Jenkins (jenkinsci/xunit-plugin, junit-10.xsd): docs/exports.md. As in the feedback, no `detail` is in them.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from chainrule.formats.book import Mark, Submission, Written
from chainrule.formats.files import replacing
from chainrule.formats.text import clean, file_name, line, number
from chainrule.gradebook import Run
from chainrule.model import Outcome, Status

ELEMENTS = {
    Status.FAILED: "failure",
    Status.TIMEOUT: "error",
    Status.CRASHED: "error",
    Status.UNGRADED: "skipped",  # a fault of ours: neither passed nor failed
}
"""What stands in the testcase; nothing in one that passed."""

NEVER = datetime.fromtimestamp(0, UTC)
"""The schemas ask for a time, also where nothing has one."""

ATTRIBUTES = {"failure": "failures", "error": "errors", "skipped": "skipped"}


def write(submissions: Iterable[Submission], folder: Path) -> Written:
    """`folder`/<assignment>/<student>.xml for each submission of which the gradebook has a graded cell."""
    empty: dict[str, list[str]] = {}
    files = 0
    for found in submissions:
        if not found.marks and not found.with_outcomes:
            empty.setdefault(found.item.name, []).append(found.person.id)
            continue
        path = folder / file_name(found.item.name) / f"{file_name(found.person.id)}.xml"
        with replacing(path) as part:
            part.write_bytes(document(found))
        files += 1
    notes = [
        f"{name}: {len(ids)} {'submission has' if len(ids) == 1 else 'submissions have'} no graded cell and no file: "
        f"{', '.join(ids[:8])}{f' and {len(ids) - 8} more' if len(ids) > 8 else ''}."
        for name, ids in empty.items()
    ]
    if not files:
        notes.append(f"No file was written into {folder}: grade something first (`chainrule autograde ASSIGNMENT`).")
    return Written(str(folder), tuple(notes))


def document(found: Submission) -> bytes:
    """The XML of one submission."""
    root = ET.Element("testsuites")
    for run in found.runs:
        exercises: dict[str, list[Outcome]] = {}
        for _, outcome in run.outcomes:
            exercises.setdefault(outcome.exercise, []).append(outcome)
        for name, outcomes in exercises.items():
            ungraded = Status.UNGRADED in [outcome.status for outcome in outcomes]
            points = None if ungraded else sum(outcome.points for outcome in outcomes)
            most = sum(outcome.max_points for outcome in outcomes)
            cases = [_case(run, outcome) for outcome in outcomes]
            graded = (run.graded_at, run.isolation)
            root.append(_suite(found, (run.notebook, name), graded, (points, most), cases, len(root)))
    runs = {run.notebook: (run.graded_at, run.isolation) for run in found.runs}
    for mark in found.other_marks:
        graded = runs.get(mark.notebook, (found.score.submitted or NEVER, ""))
        values = (mark.points, mark.max_points)
        root.append(_suite(found, (mark.notebook, mark.cell), graded, values, [_cell(mark)], len(root)))
    ET.indent(root)
    return bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True)) + b"\n"


def _suite(
    found: Submission,
    place: tuple[str, str],
    graded: tuple[datetime, str],
    points: tuple[float | None, float],
    cases: Sequence[ET.Element],
    number_of: int,
) -> ET.Element:
    """`place` is a notebook and an exercise or cell in it; `graded` says when, and what stood around the student's
    code; `points` what there is and how much there may be.
    """
    kinds = [child.tag for case in cases for child in case]
    suite = ET.Element(
        "testsuite",
        {
            "id": str(number_of),
            "package": line(place[0]),
            "name": line(place[1]),
            "timestamp": graded[0].strftime("%Y-%m-%dT%H:%M:%S"),
            "hostname": "localhost",
            "tests": str(len(cases)),
            **{attribute: str(kinds.count(kind)) for kind, attribute in ATTRIBUTES.items()},
            "time": number(sum(float(case.attrib["time"]) for case in cases), 3),
        },
    )
    values = {
        "assignment": found.item.name,
        "student": found.person.id,
        "points": number(points[0]),
        "max_points": number(points[1]),
        "isolation": graded[1],
    }
    properties = ET.SubElement(suite, "properties")
    for key, value in values.items():
        ET.SubElement(properties, "property", name=key, value=line(value))
    suite.extend(cases)
    # The schema of the Ant task asks for both, also where there is nothing in them.
    ET.SubElement(suite, "system-out")
    ET.SubElement(suite, "system-err")
    return suite


def _cell(mark: Mark) -> ET.Element:
    """A graded cell without hidden tests of ours. JUnit knows no part of a point, so less than all is a failure."""
    name = line(mark.cell)
    case = ET.Element("testcase", name=name, classname=f"{line(mark.notebook)}.{name}", time="0")
    if mark.points is None:
        ET.SubElement(case, "skipped", type="waiting", message="Not marked yet.")
    elif mark.points < mark.max_points:
        message = f"{number(mark.points, 2)} of {number(mark.max_points, 2)} points"
        ET.SubElement(case, "failure", type="points", message=message).text = mark.remark
    return case


def _case(run: Run, outcome: Outcome) -> ET.Element:
    case = ET.Element(
        "testcase",
        name=line(outcome.title or outcome.test),
        classname=line(f"{run.notebook}.{outcome.exercise}"),
        time=number(outcome.seconds, 3),
    )
    if kind := ELEMENTS.get(outcome.status):
        message = "A fault of the grading, not of the student." if kind == "skipped" else line(outcome.message)
        said = ET.SubElement(case, kind, type=outcome.status.value, message=message)
        if kind != "skipped":
            mistake = clean(outcome.misconception)
            parts = [mistake, "" if clean(outcome.message) == mistake else clean(outcome.message)]
            said.text = "\n\n".join(part for part in parts if part)
    return case
