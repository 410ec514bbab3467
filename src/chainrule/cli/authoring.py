"""Write an assignment and prove it: `build`, `import`, `verify`, `try`."""

from __future__ import annotations

import sys
from pathlib import Path

import click
from rich.console import Console

from chainrule.cli.group import as_json, complain, course_of, main, out, print_json
from chainrule.errors import CourseError


@main.command(short_help="Build notebooks from source/<a>.md.")
@click.argument("assignments", nargs=-1)
@click.option("--check", is_flag=True, help="Write nothing; fail if a notebook is older than its text.")
@click.pass_context
def build(context: click.Context, assignments: tuple[str, ...], check: bool) -> None:
    """Build source/<a>/<a>.ipynb from source/<a>.md, for all assignments or those named."""
    from chainrule.notebook.build import build as build_notebooks

    course = course_of(context)
    paths = build_notebooks(course, assignments or None, check=check)
    for path in paths:
        out.print(f"{'stale' if check else 'built'}: {path.relative_to(course.root)}", highlight=False)
    if check and paths:
        complain("Run `chainrule build` and commit the notebooks.")


@main.command("import")
@click.argument("notebook", type=click.Path(path_type=Path))
def import_(notebook: Path) -> None:
    """Print a notebook as text, for source/<a>.md."""
    from chainrule.notebook.build import import_notebook

    click.echo(import_notebook(notebook), nl=False)


@main.command(short_help="Prove the graders of an assignment.")
@click.argument("assignment", required=False)
@click.option(
    "--repeat",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="Grade each solution this often, with other seeds.",
)
@click.option("--exercise", "exercises", multiple=True, help="Only this exercise; may be repeated.")
@as_json
@click.pass_context
def verify(
    context: click.Context, assignment: str | None, repeat: int, exercises: tuple[str, ...], as_json: bool
) -> None:
    """Prove the graders: solution and alternatives full marks, misconceptions named, stub 0, nothing leaks."""
    from chainrule import grading
    from chainrule.present import selftest
    from chainrule.verify import verify as verify_assignment

    course = course_of(context)
    if assignment is None:
        if exercises:
            raise CourseError("--exercise needs an assignment: chainrule verify ASSIGNMENT --exercise NAME.")
        names = [name for name in course.assignments() if course.graders(name).is_dir()]
        if not names:
            raise CourseError(f"{course.root / 'graders'} holds no assignment, so there is nothing to verify.")
    else:
        names = [course.require(assignment)]
    console = Console(quiet=as_json)
    reports = []
    try:
        for name in names:
            console.print(f"[bold]{name}[/bold]")
            reports.append(
                verify_assignment(
                    course,
                    name,
                    repeat=repeat,
                    exercises=exercises,
                    on_exercise=lambda report: selftest.print_matrix(console, report),
                )
            )
            for problem in reports[-1].problems:
                console.print(f"  {problem}", style="red", highlight=False, markup=False)
    finally:
        grading.close()
    if as_json:
        print_json(selftest.verify_json(reports))
    sys.exit(0 if all(report.ok for report in reports) else 1)


@main.command("try", short_help="Grade one exercise with the definitions in a file.")
@click.argument("assignment")
@click.argument("exercise")
@click.argument("file", type=click.Path(path_type=Path))
@as_json
@click.pass_context
def try_(context: click.Context, assignment: str, exercise: str, file: Path, as_json: bool) -> None:
    """Grade one exercise with the definitions in FILE; all other cells are the solution's."""
    from chainrule import grading
    from chainrule.present import grades
    from chainrule.verify import try_file

    course = course_of(context)
    try:
        result = try_file(course, course.require(assignment), exercise, file)
    finally:
        grading.close()
    if as_json:
        print_json(grades.exercise_json(result))
    else:
        grades.print_exercise(out, result)
    sys.exit(0 if result.points == result.max_points else 1)
