"""The commands: right answers as text and JSON, short words for bad input, an exit status that tells."""

import json
import subprocess
import sys

import pytest

from chainrule.sandbox.tiers import STRONG


def chainrule(*args, cwd):
    return subprocess.run(
        [sys.executable, "-m", "chainrule.cli", *map(str, args)], cwd=cwd, capture_output=True, text=True, timeout=240
    )


def loaded(result):
    return json.loads(result.stdout)


def test_verify_proves_a_good_course(small_course):
    result = chainrule("verify", "--json", cwd=small_course)
    assert result.returncode == 0, result.stdout + result.stderr
    report = loaded(result)
    assert (report["version"], report["ok"]) == (1, True)
    (assignment,) = report["assignments"]
    exercise = assignment["exercises"][0]
    assert exercise["solution"]["points"] == 8
    assert exercise["stub"]["points"] == 0
    assert [(m["name"], m["points"], m["named"], m["message"]) for m in exercise["misconceptions"]] == [
        ("no_factor_two", 3, True, "Half the true gradient: d(u²) = 2u du."),
        ("downhill", 3, True, "This points downhill; the gradient points uphill."),
    ]
    table = chainrule("verify", "lines", cwd=small_course)
    assert "mistakes 2/2" in table.stdout


def test_verify_notices_a_weak_grader(small_course):
    path = small_course / "graders" / "lines" / "test_line_grad.py"
    weak = path.read_text().replace("check.gradient(lambda p: mse(p, x, y), ", "np.array(").replace(", at=phi)", ")")
    path.write_text(weak.replace("@points(5)", "@points(4)"))
    report = loaded(chainrule("verify", "--json", cwd=small_course))
    (exercise, _) = report["assignments"][0]["exercises"]
    assert not report["ok"]
    assert not any(entry["ok"] for entry in exercise["misconceptions"])
    assert "add up to 7 points, the test cell gives 8" in exercise["problems"][0]


def test_verify_notices_a_wrong_solution_and_a_leak(small_course):
    path = small_course / "source" / "lines.md"
    text = path.read_text().replace("2 * np.mean(r * x)", "np.mean(r * x)")
    path.write_text(text.replace("Two exercises", "Half the true gradient: d(u²) = 2u du. Two exercises"))
    chainrule("build", cwd=small_course)
    result = chainrule("verify", "--json", cwd=small_course)
    assert result.returncode == 1
    assert loaded(result)["assignments"][0]["exercises"][0]["solution"]["ok"] is False
    assert "no_factor_two" in loaded(result)["assignments"][0]["problems"][0]


def test_try_grades_a_file_in_place_of_the_answer(small_course, tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(
        "def line_grad(phi, x, y):\n    r = phi[0] + phi[1]*x - y\n    return np.array([r.mean(), (r*x).mean()])\n"
    )
    result = chainrule("try", "lines", "line_grad", file, "--json", cwd=small_course)
    assert result.returncode == 1
    exercise = loaded(result)
    assert list(exercise) == ["exercise", "points", "max_points", "misconception", "tests"]
    assert list(exercise["tests"][0]) == ["id", "title", "points", "max_points", "status", "message", "seconds"]
    assert (exercise["points"], exercise["misconception"]) == (3, "Half the true gradient: d(u²) = 2u du.")
    file.write_text(file.read_text().replace("r.mean(), ", "2*r.mean(), ").replace("(r*x)", "2*(r*x)"))
    assert chainrule("try", "lines", "line_grad", file, cwd=small_course).returncode == 0


def test_grade_needs_no_gradebook(small_course):
    notebook = small_course / "source" / "lines" / "lines.ipynb"
    result = chainrule("grade", notebook, "--json", cwd=small_course)
    assert result.returncode == 0
    graded = loaded(result)
    assert list(graded) == ["version", "assignment", "points", "max_points", "exercises", "isolation", "notes"]
    assert (graded["points"], graded["max_points"], graded["notes"]) == (15, 15, [])
    assert not (small_course / "gradebook.db").exists()


def test_grade_takes_only_the_students_cells(small_course, tmp_path):
    from chainrule.course import Course
    from chainrule.notebook import cells, intake

    notebook = cells.released(intake.read_notebook(Course(small_course).notebooks("lines")[0]))
    for cell in notebook["cells"]:
        if cells.grade_id(cell) == "test_line_grad":
            cell["source"], cell["metadata"]["nbgrader"]["points"] = "pass", 100
    path = tmp_path / "lines.ipynb"
    path.write_text(json.dumps(notebook))
    graded = loaded(chainrule("grade", path, "--json", cwd=small_course))
    assert (graded["points"], graded["max_points"]) == (0, 15)
    assert {note["kind"] for note in graded["notes"]} >= {"restored"}


BAD = [
    (["verify", "linse"], "Did you mean 'lines'?"),
    (["build", "nothing"], "No assignment 'nothing'"),
    (["try", "lines", "line_gard", "x.py"], "cannot be read"),
    (["try", "lines", "line_gard", "ok.py"], "Did you mean 'line_grad'?"),
    (["grade", "missing.ipynb"], "missing.ipynb"),
    (["grade", "ok.py"], "not a notebook"),
    (["autograde", "lines"], "nbgrader generate_assignment"),
    (["report"], "gradebook"),
    (["import", "ok.py"], "not a notebook"),
    (["--course", "nowhere", "build"], "The course folder nowhere does not exist"),
    (["verfy"], "Did you mean 'verify'?"),
]


@pytest.mark.parametrize(("args", "words"), BAD, ids=[" ".join(args) for args, _ in BAD])
def test_bad_input_gets_a_short_answer_and_what_to_do(small_course, args, words):
    (small_course / "ok.py").write_text("x = 1\n")
    result = chainrule(*args, cwd=small_course)
    assert result.returncode not in (0, None)
    assert words in result.stderr
    assert "Traceback" not in result.stderr + result.stdout
    assert len(result.stderr.strip().splitlines()) <= 3


def test_outside_a_course_it_says_where_to_go(tmp_path):
    result = chainrule("build", cwd=tmp_path)
    assert result.returncode == 1
    assert "not in a course folder" in result.stderr


def test_every_command_has_help(tmp_path):
    for command in ("build", "import", "verify", "try", "grade", "autograde", "report", "doctor"):
        result = chainrule(command, "--help", cwd=tmp_path)
        assert result.returncode == 0
        assert len(result.stdout) > 100


def test_doctor_names_the_tier_its_layers_and_what_to_do(tmp_path):
    found = loaded(chainrule("doctor", "--json", cwd=tmp_path))
    assert set(found) == {"tier", "meaning", "allowed", "layers", "advice"}
    assert found["tier"] in STRONG
    assert all(set(layer) == {"name", "works", "detail", "needed"} for layer in found["layers"])
    assert f"isolation: {found['tier']}" in chainrule("doctor", cwd=tmp_path).stdout
