"""The `chainrule` command: parses, calls, prints. Every decision is made elsewhere."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

try:
    import click
    from rich.console import Console
except ModuleNotFoundError as missing:  # the base package is the student's: no command line comes with it
    sys.exit(f"The chainrule command needs {missing.name}: run `pip install 'chainrule[grading]'`.")

from chainrule import __version__
from chainrule.course import Course
from chainrule.errors import ChainruleError, CourseError, IsolationError

out = Console()
err = Console(stderr=True)


class _Group(click.Group):
    """Errors in one or two lines, exit status 1; Ctrl-C says so, exit status 130."""

    def invoke(self, context: click.Context) -> Any:
        try:
            return super().invoke(context)
        except IsolationError as error:
            _complain(str(error), 3)
        except ChainruleError as error:
            _complain(str(error))
        except KeyboardInterrupt:
            _complain("Interrupted. What was finished is kept; run the command again to go on.", 130)
        except OSError as error:
            where = f" ({error.filename})" if error.filename else ""
            _complain(f"{error.strerror or error}{where}. Nothing half-written was kept.")

    def resolve_command(self, context: click.Context, args: list[str]) -> Any:
        try:
            return super().resolve_command(context, args)
        except click.UsageError as error:
            from chainrule.errors import UnknownName

            if args and not args[0].startswith("-"):
                raise click.UsageError(str(UnknownName("command", args[0], self.list_commands(context)))) from None
            raise error


def _complain(message: str, status: int = 1) -> None:
    err.print(message, style="red", highlight=False, markup=False, soft_wrap=True)
    sys.exit(status)


def _print_json(value: Any) -> None:
    click.echo(json.dumps(value, ensure_ascii=False, indent=2))


as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON (docs/json.md) instead of text.")


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--course",
    "folder",
    type=click.Path(path_type=Path),
    help="The course folder; default: the one you are in.",
)
@click.option(
    "--allow-weak-isolation",
    is_flag=True,
    help="Run student code also where it cannot be shut in (see `chainrule doctor`).",
)
@click.version_option(__version__, prog_name="chainrule")
@click.pass_context
def main(context: click.Context, folder: Path | None, allow_weak_isolation: bool) -> None:
    """Build, verify, grade and report an auto-graded course of Jupyter notebooks."""
    context.obj = folder
    if allow_weak_isolation:
        os.environ["CHAINRULE_ALLOW_WEAK_ISOLATION"] = "1"  # the workers that are started from here see it, too


def _course(context: click.Context) -> Course:
    folder: Path | None = context.obj
    if folder is not None and not folder.is_dir():
        raise CourseError(f"The course folder {folder} does not exist.")
    return Course.find(folder)


@main.command()
@click.argument("assignments", nargs=-1)
@click.option("--check", is_flag=True, help="Write nothing; fail if a notebook is older than its text.")
@click.pass_context
def build(context: click.Context, assignments: tuple[str, ...], check: bool) -> None:
    """Build source/<a>/<a>.ipynb from source/<a>.md, for all assignments or those named."""
    from chainrule.notebook.build import build as build_notebooks

    course = _course(context)
    paths = build_notebooks(course, assignments or None, check=check)
    for path in paths:
        out.print(f"{'stale' if check else 'built'}: {path.relative_to(course.root)}", highlight=False)
    if check and paths:
        _complain("Run `chainrule build` and commit the notebooks.")


@main.command("import")
@click.argument("notebook", type=click.Path(path_type=Path))
def import_(notebook: Path) -> None:
    """Print a notebook as text, for source/<a>.md."""
    from chainrule.notebook.build import import_notebook

    click.echo(import_notebook(notebook), nl=False)


@main.command()
@click.argument("assignment", required=False)
@click.option(
    "--repeat",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="Grade each solution this often, with other seeds.",
)
@click.option("--exercise", "exercises", multiple=True, help="Only this exercise; may be given several times.")
@as_json
@click.pass_context
def verify(
    context: click.Context, assignment: str | None, repeat: int, exercises: tuple[str, ...], as_json: bool
) -> None:
    """Prove the graders: solution and alternatives full marks, misconceptions named, stub 0, nothing leaks."""
    from chainrule import grading, present
    from chainrule.verify import verify as verify_assignment

    course = _course(context)
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
                    on_exercise=lambda report: present.print_matrix(console, report),
                )
            )
            for problem in reports[-1].problems:
                console.print(f"  {problem}", style="red", highlight=False, markup=False)
    finally:
        grading.close()
    if as_json:
        _print_json(present.verify_json(reports))
    sys.exit(0 if all(report.ok for report in reports) else 1)


@main.command("try")
@click.argument("assignment")
@click.argument("exercise")
@click.argument("file", type=click.Path(path_type=Path))
@as_json
@click.pass_context
def try_(context: click.Context, assignment: str, exercise: str, file: Path, as_json: bool) -> None:
    """Grade one exercise with the definitions in FILE; all other cells are the solution's."""
    from chainrule import grading, present
    from chainrule.verify import try_file

    course = _course(context)
    try:
        result = try_file(course, course.require(assignment), exercise, file)
    finally:
        grading.close()
    if as_json:
        _print_json(present.exercise_json(result))
    else:
        present.print_exercise(out, result)
    sys.exit(0 if result.points == result.max_points else 1)


@main.command()
@click.argument("notebook", type=click.Path(path_type=Path))
@click.option("--assignment", help="Default: the assignment that has a notebook of this name.")
@click.option("--student", default="", help="Whose seeds to use; default: nobody's.")
@as_json
@click.pass_context
def grade(context: click.Context, notebook: Path, assignment: str | None, student: str, as_json: bool) -> None:
    """Grade one submission, a notebook file, without touching any gradebook."""
    from chainrule import grading, present
    from chainrule.single import grade_file

    try:
        graded = grade_file(_course(context), notebook, assignment, student)
    finally:
        grading.close()
    if as_json:
        _print_json(present.graded_json(graded))
    else:
        present.print_graded(out, graded)
    sys.exit(0 if graded.points == graded.max_points else 1)


@main.command()
@click.argument("assignment")
@click.option("--student", "students", multiple=True, help="Only this student; may be repeated.")
@click.option("--force", is_flag=True, help="Grade again what was graded before.")
@click.option("--workers", type=click.IntRange(1), help="Processes at work; default: one for each core.")
@click.pass_context
def autograde(
    context: click.Context, assignment: str, students: tuple[str, ...], force: bool, workers: int | None
) -> None:
    """Grade all collected submissions of an assignment in parallel, as `nbgrader autograde` would."""
    from chainrule import present
    from chainrule.autograde import autograde as autograde_class
    from chainrule.progress import progress

    with progress(err, f"autograde {assignment}") as report:
        summary = autograde_class(
            _course(context), assignment, students=students or None, force=force, workers=workers, progress=report
        )
    present.print_summary(out, summary.rows)
    if summary.failed:
        _complain(f"{len(summary.failed)} of {len(summary.rows)} submissions could not be graded; see above.")


@main.command()
@click.argument("assignment")
@click.option("--student", "students", multiple=True, help="Only this student; may be repeated.")
@click.option("--dry-run", is_flag=True, help="Only show what would change.")
@click.option("--reason", default="", help="Why; goes into the ledger (`chainrule audit`) with every changed score.")
@click.option("--raise-only", is_flag=True, help="Keep the old result of each exercise that would lose points.")
@click.option("--yes", is_flag=True, help="Do not ask before writing.")
@click.option("--workers", type=click.IntRange(1), help="Processes at work; default: one for each core.")
@click.option("--csv", "table", type=click.Path(path_type=Path, dir_okay=False), help="Write the changes to this file.")
@as_json
@click.pass_context
def regrade(
    context: click.Context,
    assignment: str,
    students: tuple[str, ...],
    dry_run: bool,
    reason: str,
    raise_only: bool,
    yes: bool,
    workers: int | None,
    table: Path | None,
    as_json: bool,
) -> None:
    """Grade an assignment again, show who gains and who loses and why, and after a yes write it."""
    from chainrule import present, present_regrade
    from chainrule.progress import progress
    from chainrule.regrade import Regrade

    chosen = students or None
    with Regrade(_course(context), assignment, students=chosen, raise_only=raise_only, workers=workers) as run:
        with progress(err, f"regrade {assignment}") as report:
            found = run.compare(report)
        if as_json:
            _print_json(present_regrade.difference_json(found))
        else:
            present_regrade.print_difference(out, found)
        if table is not None:
            present_regrade.write_difference(table, found)
        if not dry_run:
            run.may_apply(found, reason)
            ask = found.changes_scores and not yes
            if ask and not sys.stdin.isatty():
                raise CourseError("Nothing was written: there is no terminal to ask on. Give --yes if you mean it.")
            if ask and not click.confirm("Write this?", err=True):
                _complain("Nothing was written.")
            with progress(err, f"writing {assignment}") as report:
                rows = run.apply(reason, report).failed
            if rows:
                present.print_summary(err, rows)
            failed = len(rows)
        else:
            failed = len(found.failed)
    if failed:
        _complain(f"{failed} of {len(found.students)} submissions could not be regraded; see above.")


@main.command()
@click.argument("assignment", required=False)
@click.option("--student", help="Only this student.")
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV instead of text.")
@as_json
@click.pass_context
def audit(context: click.Context, assignment: str | None, student: str | None, as_csv: bool, as_json: bool) -> None:
    """Print which scores were changed after their first grading: who, when, from, to, why."""
    from chainrule import present_regrade
    from chainrule.regrade import ledger

    entries = ledger(_course(context), assignment, student)
    if as_json:
        _print_json(present_regrade.audit_json(entries))
    elif as_csv:
        present_regrade.write_audit(sys.stdout, entries)
    else:
        present_regrade.print_audit(out, entries)


@main.command()
@click.argument("assignment", required=False)
@click.option("--out", "folder", type=click.Path(path_type=Path), default=Path("report"), show_default=True)
@click.option("--graders", help="Who shares the marking, as NAME,NAME: what is left for each (one assignment).")
@click.option("--formgrader", help="Address of Formgrader for the links of the review page (one assignment).")
@click.option("--anonymous", is_flag=True, help="No names on the review pages (one assignment).")
@click.pass_context
def report(
    context: click.Context,
    assignment: str | None,
    folder: Path,
    graders: str | None,
    formgrader: str | None,
    anonymous: bool,
) -> None:
    """Write grades as CSV and pages, for one assignment (with what needs a human: review.html) or the whole course."""
    from chainrule.startup import without_slow_imports

    with without_slow_imports():
        from chainrule.report import review, write

    course = _course(context)
    settings = review.load(course).changed(graders, formgrader, anonymous)
    for path in write(course, assignment, folder, settings):
        out.print(str(path), highlight=False, soft_wrap=True)


@main.command()
@click.argument("assignment")
@click.option("--out", "folder", type=click.Path(path_type=Path), default=Path("report"), show_default=True)
@click.option("--anonymous", is_flag=True, help="No names, but labels, on the page and in the table.")
@click.pass_context
def similar(context: click.Context, assignment: str, folder: Path, anonymous: bool) -> None:
    """Write a page with pairs of submissions that share structure: worth a look, never a verdict."""
    from chainrule.report.review import similar as found

    for path in found.write(_course(context), assignment, folder, anonymous=anonymous):
        out.print(str(path), highlight=False, soft_wrap=True)


@main.command()
@click.argument("format")
@click.argument("assignment", required=False)
@click.option("--out", type=click.Path(path_type=Path), help="File or folder; default: named for the format, here.")
@click.option("--student", "students", multiple=True, help="Only this student; may be repeated.")
@click.option("--partial", is_flag=True, help="Also scores of submissions that are not graded completely.")
@click.option("--total", is_flag=True, help="Canvas, Moodle: a column with the course's total in percent.")
@click.pass_context
def export(
    context: click.Context,
    format: str,
    assignment: str | None,
    out: Path | None,
    students: tuple[str, ...],
    partial: bool,
    total: bool,
) -> None:
    """Write grades for another program: canvas, csv, gradescope, junit, moodle or xlsx (docs/exports.md)."""
    from chainrule.report.formats import export as write

    done = write(_course(context), format, assignment, out, students=students, partial=partial, total=total)
    for note in done.notes:
        err.print(note, style="yellow", highlight=False, markup=False, soft_wrap=True)
    click.echo(done.path)


@main.command()
@click.argument("student")
@click.argument("assignment", required=False)
@click.pass_context
def explain(context: click.Context, student: str, assignment: str | None) -> None:
    """Say line by line how a student's total comes about, by grades.toml; of one assignment, if given."""
    from chainrule import present
    from chainrule.report.totals import explain as explained

    present.print_lines(out, explained(_course(context), student, assignment))


@main.command()
@as_json
def doctor(as_json: bool) -> None:
    """Say how well student code is shut in on this machine, layer by layer, and what would make it better."""
    from chainrule import present, sandbox

    try:
        found = sandbox.doctor()
    finally:
        sandbox.close()
    if as_json:
        _print_json(found.as_dict())
    else:
        present.print_doctor(out, found)
    sys.exit(0 if found.tier != "C" else 3)


if __name__ == "__main__":
    main()
