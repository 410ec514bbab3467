"""What is not for a student is in no byte of the student's page, wherever it was planted."""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import datetime
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from tests.plugins.pieces import display, error, stream

from chainrule.model import ExerciseResult, Note, Outcome, Status
from chainrule.plugins.staff import staff_output

SECRETS = (
    "hidden_input",
    "hidden_foreign",
    "rubric_text",
    "rubric_task",
    "model_answer",
    "staff_detail",
    "staff_note",
    "grader_source",
    "other_student",
    "other_comment",
    "own_email",
    "own_lms",
    "environment",
    "folder_of_machine",
)
SHOWN = "what_the_student_printed"


FAILED = (
    Outcome("f", "a", "It is right.", 2, 2, Status.PASSED, detail=f"CANARY-{SECRETS[5]}-7f3a"),
    Outcome("f", "b", "It is even.", 0, 2, Status.FAILED, "The sign differs.", f"CANARY-{SECRETS[5]}-7f3a"),
)
UNGRADED = (
    Outcome("h", "a", "It is fast.", 0, 2, Status.UNGRADED, f"CANARY-{SECRETS[5]}-7f3a", f"CANARY-{SECRETS[5]}-7f3a"),
)


def canary(name: str) -> str:
    return f"CANARY-{name}-7f3a"


def hidden(name: str) -> str:
    return f"### BEGIN HIDDEN TESTS\nassert f({canary(name)}) == 1\n### END HIDDEN TESTS"


def rubric(name: str) -> str:
    return f"=== BEGIN MARK SCHEME ===\n## For {canary(name)}\nOne point for {canary(name)}.\n=== END MARK SCHEME ==="


def submission(cell: Callable[..., dict[str, Any]]) -> list[dict[str, Any]]:
    """An autograded notebook that holds all that a careless notebook can hold."""
    failed = ExerciseResult("f", "test_f", 4, FAILED)
    library = f"/srv/{canary('folder_of_machine')}/lib/python3.11/site-packages/numpy/x.py"
    quotes = [
        display(text__plain=f"In[3] is: assert f({canary('hidden_input')}) == 1"),
        error("KeyError", f"One point for {canary('rubric_task')}.", f"One point for {canary('rubric_task')}."),
        error("ValueError", "bad", f"File {library}"),
    ]
    through_test = error("AssertionError", "no", f"----> 2 assert f({canary('hidden_foreign')}) == 1")
    return [
        cell("markdown", "# Sheet\n\n## One"),
        cell("code", "def f(x): ...", "f", solution=True, outputs=[stream(SHOWN), *quotes]),
        cell("code", f"print(1)\n{hidden('hidden_input')}", "test_f", points=4, outputs=[staff_output(failed)]),
        cell("code", f"print(2)\n{hidden('hidden_foreign')}", "test_g", points=2, outputs=[
            through_test, stream(canary("hidden_foreign")), display(text__plain=canary("hidden_foreign")),
        ]),
        cell("markdown", f"Because.\n{rubric('rubric_text')}", "m1", points=3, solution=True),
        cell("code", f"x = 1\n{rubric('rubric_text')}", "m2", points=3, solution=True),
        cell("markdown", f"Draw it.\n{rubric('rubric_task')}", "t1", points=3, task=True),
        cell("code", "def h(): ...", "h", solution=True),
        cell("code", "h()", "test_h", points=2, outputs=[staff_output(ExerciseResult("h", "test_h", 2, UNGRADED))]),
    ]  # fmt: skip


def others(gradebook: Any) -> None:
    """Another student with marks and comments, and what the gradebook knows of this one."""
    name = canary("other_student")
    gradebook.update_or_create_student("ada", email=canary("own_email"), lms_user_id=canary("own_lms"))
    gradebook.add_student(name, first_name=name, last_name=name, email=name)
    gradebook.add_submission("a01", name, timestamp=datetime(2025, 3, 1))
    row = gradebook.find_submission_notebook("a01_linear_models", "a01", name)
    for comment in row.comments:
        comment.manual_comment = canary("other_comment")
    gradebook.db.commit()


@pytest.fixture(scope="module")
def page(
    feedback_in: Callable[..., str], cell: Callable[..., dict[str, Any]], tmp_path_factory: pytest.TempPathFactory
) -> str:
    root: Path = tmp_path_factory.mktemp("leaks")
    (root / "source/a01").mkdir(parents=True)
    (root / "source/a01/a01_linear_models.ipynb").write_text(canary("model_answer"))
    (root / "graders/a01").mkdir(parents=True)
    (root / "graders/a01/test_f.py").write_text(f"# {canary('grader_source')}")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COURSE_TOKEN", canary("environment"))
        return feedback_in(
            root,
            submission(cell),
            scores={
                "test_f": {"auto_score": 2},
                "test_g": {"auto_score": 0},
                "test_h": {"auto_score": None, "needs_manual_grade": True},
                "t1": {"auto_score": None, "needs_manual_grade": True},
            },
            results=[ExerciseResult("f", "test_f", 4, FAILED), ExerciseResult("h", "test_h", 2, UNGRADED)],
            notes=[Note("restored", canary("staff_note"), "test_f"), Note("new kind", canary("staff_note"))],
            also=others,
        )


def forms(text: str) -> list[str]:
    """How a text can stand in a page: as it is, and in base64, whose letters depend on where it begins."""
    encoded = [base64.b64encode(b"x" * shift + text.encode())[4:-4].decode() for shift in range(3)]
    return [text, *encoded]


@pytest.mark.parametrize("secret", SECRETS)
def test_the_page_does_not_hold(page: str, secret: str) -> None:
    assert [form for form in forms(canary(secret)) if form in page or form in unescape(page)] == []


def test_the_page_holds_what_it_should(page: str) -> None:
    """The control: an empty page would pass all the others."""
    for text in (SHOWN, "A fault on our side", "The sign differs.", "Because.", "x = 1", "site-packages/numpy/x.py"):
        assert text in page
    assert "CANARY" not in page


def test_every_secret_was_planted(cell: Callable[..., dict[str, Any]]) -> None:
    """The other control: a secret that is nowhere cannot be found."""
    planted = str(submission(cell)) + str(FAILED + UNGRADED)
    for secret in ("hidden_input", "hidden_foreign", "rubric_text", "rubric_task", "staff_detail", "folder_of_machine"):
        assert canary(secret) in planted
