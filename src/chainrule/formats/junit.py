"""JUnit XML, one file for each submission: a testsuite an exercise, a testcase a hidden test.

There is no standard. The files fit the two schemas that are widely used, of Ant's task (windyroad/JUnit-Schema) and of
Jenkins (jenkinsci/xunit-plugin, junit-10.xsd): docs/exports.md. As in the feedback, no `detail` is in them.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterable, Sequence
from pathlib import Path

from chainrule.formats.book import Submission, Written
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

ATTRIBUTES = {"failure": "failures", "error": "errors", "skipped": "skipped"}


def write(submissions: Iterable[Submission], folder: Path) -> Written:
    """`folder`/<assignment>/<student>.xml for each submission that chainrule graded."""
    for found in submissions:
        if any(run.outcomes for run in found.runs):
            path = folder / file_name(found.item.name) / f"{file_name(found.person.id)}.xml"
            with replacing(path) as part:
                part.write_bytes(document(found))
    return Written(str(folder))


def document(found: Submission) -> bytes:
    """The XML of one submission."""
    root = ET.Element("testsuites")
    for run in found.runs:
        exercises: dict[str, list[Outcome]] = {}
        for _, outcome in run.outcomes:
            exercises.setdefault(outcome.exercise, []).append(outcome)
        for name, outcomes in exercises.items():
            root.append(_suite(found, run, name, outcomes, len(root)))
    ET.indent(root)
    return bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True)) + b"\n"


def _suite(found: Submission, run: Run, exercise: str, outcomes: Sequence[Outcome], place: int) -> ET.Element:
    kinds = [ELEMENTS.get(outcome.status, "") for outcome in outcomes]
    suite = ET.Element(
        "testsuite",
        {
            "id": str(place),
            "package": line(run.notebook),
            "name": line(exercise),
            "timestamp": run.graded_at.strftime("%Y-%m-%dT%H:%M:%S"),
            "hostname": "localhost",
            "tests": str(len(outcomes)),
            **{attribute: str(kinds.count(kind)) for kind, attribute in ATTRIBUTES.items()},
            "time": number(sum(outcome.seconds for outcome in outcomes), 3),
        },
    )
    ungraded = Status.UNGRADED in [outcome.status for outcome in outcomes]
    values = {
        "assignment": found.item.name,
        "student": found.person.id,
        "points": "" if ungraded else number(sum(outcome.points for outcome in outcomes)),
        "max_points": number(sum(outcome.max_points for outcome in outcomes)),
        "isolation": run.isolation,
    }
    properties = ET.SubElement(suite, "properties")
    for key, value in values.items():
        ET.SubElement(properties, "property", name=key, value=line(value))
    for outcome in outcomes:
        suite.append(_case(run, outcome))
    # The schema of the Ant task asks for both, also where there is nothing in them.
    ET.SubElement(suite, "system-out")
    ET.SubElement(suite, "system-err")
    return suite


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
