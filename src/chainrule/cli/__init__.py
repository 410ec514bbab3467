"""The `chainrule` command: parses, calls, prints. Every decision is made elsewhere; a file a group of subcommands."""

import sys

try:
    from chainrule.cli import authoring, grading, reporting
    from chainrule.cli.group import main
except ModuleNotFoundError as missing:  # the base package is the student's: no command line comes with it
    if missing.name not in ("click", "rich"):
        raise
    sys.exit(f"The chainrule command needs {missing.name}: run `pip install 'chainrule[grading]'`.")

__all__ = ["authoring", "grading", "main", "reporting"]
