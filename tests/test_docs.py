"""The documentation is true: commands, targets, files and links that it names exist, and none is left out."""

from __future__ import annotations

import re
import subprocess
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from types import ModuleType

import click
import pytest
from nbgrader.apps.nbgraderapp import NbGraderApp

from chainrule import cli

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
ALL = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
COMMANDS: dict[str, click.Command] = cli.main.commands


def _rows(page: Path, heading: str) -> list[list[str]]:
    """The rows of the first table under a heading, without its head."""
    section = page.read_text(encoding="utf-8").split(f"## {heading}\n", 1)[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")][2:]
    return [[field.strip() for field in line.strip("|").split("|")] for line in lines]


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_is_documented_for_instructors_and_has_help(name: str) -> None:
    assert f"chainrule {name}" in (ROOT / "docs" / "instructors.md").read_text(encoding="utf-8")
    assert COMMANDS[name].help


def test_commands_in_the_documentation_exist() -> None:
    named = set(re.findall(r"(?:^    |`)chainrule ([a-z]+)", ALL, re.MULTILINE))
    assert named <= set(COMMANDS)
    asked = set(re.findall(r"(?:^    |`)nbgrader ([a-z_]+)", ALL, re.MULTILINE))
    assert asked <= set(NbGraderApp.subcommands)


def test_options_in_the_documentation_exist() -> None:
    for name, rest in re.findall(r"(?:^    |`)chainrule ([a-z]+)([^`\n#]*)", ALL, re.MULTILINE):
        known = {option for parameter in COMMANDS[name].params for option in parameter.opts}
        assert set(re.findall(r"--[a-z-]+", rest)) <= known, f"chainrule {name}{rest}"


def test_make_targets_in_the_documentation_exist_and_all_are_explained() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    explained = set(re.findall(r"^([a-z-]+):.*## ", makefile, re.MULTILINE))
    assert explained == set(re.findall(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)[0].split())
    assert set(re.findall(r"(?:^    |`)make ([a-z-]+)", ALL, re.MULTILINE)) <= explained


def test_ci_runs_the_readmes_commands_and_nothing_else() -> None:
    lines = (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()
    run = [line for line in lines if line and not line.startswith(("#", "set ", "cd "))]
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    section = readme.partition("\n    make test\n")[2].partition("\n    make")[0]
    assert run == ["make test", *re.findall(r"`(make [a-z]+)`", section.partition("CI runs it")[2])]
    assert run[1:] == ["make attacks"]


def test_links_lead_to_files_that_are_here() -> None:
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#]+)", page.read_text(encoding="utf-8")):
            if not target.startswith("http"):
                assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_the_table_of_derived_files_is_true() -> None:
    """Every derived file it names is there and committed, made from a file that is there, by a command that exists."""
    for derived, origin, command in _rows(ROOT / "CONTRIBUTING.md", "Derived files"):
        for name in re.findall(r"`([^`]+)`", derived):
            assert _committed(name.replace("<a>", "*")), f"{name} is not committed"
        for name in re.findall(r"`([^`]+)`", origin):
            assert _committed(name.replace("<a>", "*")), f"{name} is not committed"
        words = command.strip("`").split()
        programs = {"chainrule": set(COMMANDS), "nbgrader": set(NbGraderApp.subcommands)}
        assert words[1] in programs.get(words[0], {words[1]})
        assert words[0] in programs or (ROOT / words[1]).is_file()


def test_every_assignment_has_its_derived_files() -> None:
    for text in _committed("source/*.md"):
        name = Path(text).stem
        assert _committed(f"source/{name}/{name}.ipynb"), f"run `chainrule build {name}` and commit the notebook"
        assert _committed(f"release/{name}/{name}.ipynb"), "run scripts/release and commit it"


def test_constraints_are_names_and_versions_of_all_that_we_install() -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = dict(line.split("==") for line in lines)
    for name, version in pins.items():
        assert re.fullmatch(r"[A-Za-z0-9_.-]+", name)
        assert re.fullmatch(r"[0-9]+(\.[0-9a-z]+)*", version)
    script = _script("constraints")
    for dist in script.installed():
        assert _normal(dist.name) in {_normal(name) for name in pins}, f"{dist.name} is not pinned"
        assert script.pin(dist) not in lines or script.fits(dist), f"{script.pin(dist)} does not install on Debian 12"


def test_the_architecture_page_names_every_module() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    for path in (ROOT / "src" / "chainrule").iterdir():
        name = f"{path.name}/" if path.is_dir() else path.name
        if not name.startswith("_") and name != "py.typed":
            assert f"`{name}`" in page, f"docs/architecture.md does not say what {name} is"


def test_assistants_know_every_kind_of_attention() -> None:
    from chainrule.report.attention import KINDS

    rows = _rows(ROOT / "docs" / "tas.md", "Who needs attention")
    assert [kind for row in rows for kind in row[0].split(", ")] == list(KINDS)


def test_decisions_are_numbered_and_short() -> None:
    """Context, decision, consequences, on at most a page."""
    pages = sorted((ROOT / "docs" / "decisions").glob("*.md"))
    assert [page.name[:4] for page in pages] == [f"{number:04}" for number in range(1, len(pages) + 1)]
    for page in pages:
        text = page.read_text(encoding="utf-8")
        assert re.findall(r"^## (.*)$", text, re.MULTILINE) == ["Context", "Decision", "Consequences"]
        assert len(text.split()) < 500


def _committed(pattern: str) -> list[str]:
    found = subprocess.run(
        ["git", "ls-files", "--", f":(glob){pattern}"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return found.stdout.split()


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _script(name: str) -> ModuleType:
    """A script of scripts/ as a module."""
    loader = SourceFileLoader(name, str(ROOT / "scripts" / name))
    spec = spec_from_loader(name, loader)
    assert spec is not None
    module = module_from_spec(spec)
    loader.exec_module(module)
    return module
