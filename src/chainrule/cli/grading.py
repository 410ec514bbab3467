"""Grade: `grade`, `autograde`, `regrade`, `audit`, `doctor`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from chainrule.cli.group import as_json, complain, course_of, err, main, out, print_json
from chainrule.errors import CourseError


@main.command(short_help="Grade one notebook file, without any gradebook.")
@click.argument("notebook", type=click.Path(path_type=Path))
@click.option("--assignment", help="Default: the assignment that has a notebook of this name.")
@click.option("--student", default="", help="Grade with the inputs of this student; default: of nobody.")
@as_json
@click.pass_context
def grade(context: click.Context, notebook: Path, assignment: str | None, student: str, as_json: bool) -> None:
    """Grade one submission, a notebook file, without touching any gradebook."""
    from chainrule import grading
    from chainrule.present import grades
    from chainrule.single import grade_file

    try:
        graded = grade_file(course_of(context), notebook, assignment, student)
    finally:
        grading.close()
    if as_json:
        print_json(grades.graded_json(graded))
    else:
        grades.print_graded(out, graded)
    sys.exit(0 if graded.points == graded.max_points else 1)


@main.command(short_help="Grade all collected submissions of an assignment.")
@click.argument("assignment")
@click.option("--student", "students", multiple=True, help="Only this student; may be repeated.")
@click.option("--force", is_flag=True, help="Grade again what was graded before.")
@click.option("--workers", type=click.IntRange(1), help="Processes at work; default: one for each core.")
@click.pass_context
def autograde(
    context: click.Context, assignment: str, students: tuple[str, ...], force: bool, workers: int | None
) -> None:
    """Grade all collected submissions of an assignment in parallel, as `nbgrader autograde` would."""
    from chainrule.autograde import autograde as autograde_class
    from chainrule.present.grades import print_summary
    from chainrule.present.progress import progress

    with progress(err, f"autograde {assignment}") as report:
        summary = autograde_class(
            course_of(context), assignment, students=students or None, force=force, workers=workers, progress=report
        )
    print_summary(out, summary.rows)
    if summary.failed:
        complain(f"{len(summary.failed)} of {len(summary.rows)} submissions could not be graded; see above.")


@main.command(short_help="Grade again, show who gains and loses, then write it.")
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
    from chainrule.present import difference
    from chainrule.present.grades import print_summary
    from chainrule.present.progress import progress
    from chainrule.present.tables import print_words
    from chainrule.regrade import Regrade

    chosen = students or None
    with Regrade(course_of(context), assignment, students=chosen, raise_only=raise_only, workers=workers) as run:
        with progress(err, f"regrade {assignment}") as report:
            found = run.compare(report)
        if as_json:
            print_json(difference.difference_json(found))
        else:
            difference.print_difference(out, found)
        if table is not None:
            difference.write_difference(table, found)
        if not dry_run:
            run.may_apply(found, reason)
            ask = found.changes_scores and not yes
            if ask and not sys.stdin.isatty():
                raise CourseError("Nothing was written: there is no terminal to ask on. Give --yes if you mean it.")
            if ask and not click.confirm("Write this?", err=True):
                complain("Nothing was written.")
            with progress(err, f"writing {assignment}") as report:
                summary = run.apply(reason, report)
            if summary.failed:
                print_summary(err, summary.failed)
            failed = len(summary.failed)
            written = sum(not (row.error or row.skipped) for row in summary.rows)
            whom = "1 student" if written == 1 else f"{written} students"
            print_words(err, f"Written: {whom}. The changed scores: chainrule audit {assignment}")
        else:
            failed = len(found.failed)
            if found.changes_scores:
                print_words(err, "Nothing was written. To write this: without --dry-run, with --reason TEXT.")
    if failed:
        complain(f"{failed} of {len(found.students)} submissions could not be regraded; see above.")


@main.command(short_help="Print which scores changed after their first grading.")
@click.argument("assignment", required=False)
@click.option("--student", help="Only this student.")
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV instead of text.")
@as_json
@click.pass_context
def audit(context: click.Context, assignment: str | None, student: str | None, as_csv: bool, as_json: bool) -> None:
    """Print which scores were changed after their first grading: who, when, from, to, why."""
    from chainrule.present.ledger import audit_json, print_audit, write_audit
    from chainrule.regrade import ledger

    entries = ledger(course_of(context), assignment, student)
    if as_json:
        print_json(audit_json(entries))
    elif as_csv:
        write_audit(sys.stdout, entries)
    else:
        print_audit(out, entries)


@main.command(short_help="Say how well student code is shut in on this machine.")
@as_json
def doctor(as_json: bool) -> None:
    """Say how well student code is shut in on this machine, layer by layer, and what would make it better."""
    from chainrule import sandbox
    from chainrule.present.isolation import print_doctor

    try:
        found = sandbox.doctor()
    finally:
        sandbox.close()
    if as_json:
        print_json(found.as_dict())
    else:
        print_doctor(out, found)
    sys.exit(0 if found.tier != "C" else 3)
