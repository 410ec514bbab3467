"""Read the gradebook: `report`, `similar`, `export`, `explain`."""

from __future__ import annotations

from pathlib import Path

import click

from chainrule.cli.group import course_of, err, main, out
from chainrule.startup import without_collecting

into = click.option(
    "--out",
    "folder",
    type=click.Path(path_type=Path),
    default=Path("report"),
    show_default=True,
    help="The folder to write into.",
)


@main.command(short_help="Write grades as CSV and pages.")
@click.argument("assignment", required=False)
@into
@click.option("--graders", help="Who shares the marking, as NAME,NAME: what is left for each.")
@click.option("--formgrader", help="Address of Formgrader for the links of the review pages.")
@click.option("--anonymous", is_flag=True, help="No names on the review pages.")
@click.pass_context
def report(
    context: click.Context,
    assignment: str | None,
    folder: Path,
    graders: str | None,
    formgrader: str | None,
    anonymous: bool,
) -> None:
    """Write grades as CSV and pages, for one assignment (with what needs a human: review.html) or the whole course
    (with that where something waits and is soon read)."""
    with without_collecting():
        from chainrule.report import review, write

        course = course_of(context)
        settings = review.load(course).changed(graders, formgrader, anonymous)
        paths = write(course, assignment, folder, settings)
    for path in paths:
        out.print(str(path), highlight=False, soft_wrap=True)


@main.command(short_help="Write a page of submissions that look alike.")
@click.argument("assignment")
@into
@click.option("--anonymous", is_flag=True, help="No names, but labels, on the page and in the table.")
@click.pass_context
def similar(context: click.Context, assignment: str, folder: Path, anonymous: bool) -> None:
    """Write a page with pairs of submissions that share structure: worth a look, never a verdict."""
    from chainrule.report.review.similar import write

    done = write(course_of(context), assignment, folder, anonymous=anonymous)
    found = "none is worth a look" if not done.groups else f"{done.groups} to look at"
    if done.largest > 2:
        found += f", the same text in up to {done.largest} submissions"
    out.print(f"{done.submissions} submissions compared: {found}", highlight=False)
    for path in done.paths:
        out.print(str(path), highlight=False, soft_wrap=True)


@main.command(short_help="Write grades for Canvas, Moodle, Gradescope, a spreadsheet.")
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
    from chainrule.present.tables import print_words
    from chainrule.report.formats import export as write

    done = write(course_of(context), format, assignment, out, students=students, partial=partial, total=total)
    for note in done.notes:
        print_words(err, note, style="yellow")
    click.echo(done.path)


@main.command(short_help="Say line by line how a student's total comes about.")
@click.argument("student")
@click.argument("assignment", required=False)
@click.pass_context
def explain(context: click.Context, student: str, assignment: str | None) -> None:
    """Say line by line how a student's total comes about, by grades.toml; of one assignment, if given."""
    from chainrule.present.total import print_lines
    from chainrule.report.totals import explain as explained

    print_lines(out, explained(course_of(context), student, assignment))
