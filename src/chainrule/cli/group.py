"""The `chainrule` command itself: its options, how errors end it, what its subcommands print with."""

from __future__ import annotations

import atexit
import gc
import json
import os
import sys
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from chainrule import __version__
from chainrule.course import Course
from chainrule.errors import ChainruleError, CourseError, IsolationError
from chainrule.startup import without_slow_imports

# At its end, Python would search all that was imported for garbage: a third of a second after nbgrader.
atexit.register(gc.freeze)

out = Console()
err = Console(stderr=True)


class Group(click.Group):
    """Errors in one or two lines, exit status 1; Ctrl-C says so, exit status 130."""

    def invoke(self, context: click.Context) -> Any:
        try:
            with without_slow_imports():
                return super().invoke(context)
        except IsolationError as error:
            complain(str(error), 3)
        except ChainruleError as error:
            complain(str(error))
        except KeyboardInterrupt:
            complain("Interrupted. What was finished is kept; run the command again to go on.", 130)
        except BrokenPipeError:
            raise  # whoever read along has seen enough (`| head`): click ends quietly
        except OSError as error:
            where = f" ({error.filename})" if error.filename else ""
            complain(f"{error.strerror or error}{where}. Nothing half-written was kept.")

    def resolve_command(self, context: click.Context, args: list[str]) -> Any:
        try:
            return super().resolve_command(context, args)
        except click.UsageError as error:
            from chainrule.errors import UnknownName

            if args and not args[0].startswith("-"):
                raise click.UsageError(str(UnknownName("command", args[0], self.list_commands(context)))) from None
            raise error


def complain(message: str, status: int = 1) -> None:
    err.print(message, style="red", highlight=False, markup=False, soft_wrap=True)
    sys.exit(status)


def print_json(value: Any) -> None:
    click.echo(json.dumps(value, ensure_ascii=False, indent=2))


as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON (docs/json.md) instead of text.")


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"]})
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


def course_of(context: click.Context) -> Course:
    folder: Path | None = context.obj
    if folder is not None and not folder.is_dir():
        raise CourseError(f"The course folder {folder} does not exist.")
    return Course.find(folder)
