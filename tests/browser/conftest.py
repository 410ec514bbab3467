"""A real Chromium that watches what a page tries to do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from tests.browser import hostile, ordinary


@dataclass
class Watched:
    """A page and what it did besides being shown."""

    page: Any
    requests: list[str] = field(default_factory=list)
    blocked: list[str] = field(default_factory=list)
    dialogs: list[str] = field(default_factory=list)
    console: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)

    def show(self, html: str, folder: Path, **media: str) -> None:
        """Load `html` as a file, open everything that can be opened, and let it run for a moment."""
        file = folder / "shown.html"
        file.write_text(html, encoding="utf-8")
        if media:
            self.page.emulate_media(**media)
        self.page.goto(file.as_uri())
        self.requests.remove(file.as_uri())
        self.left.remove(file.as_uri())
        self.page.evaluate("document.querySelectorAll('summary').forEach(summary => summary.click())")
        self.page.wait_for_timeout(300)


@pytest.fixture
def watched(chromium: Any) -> Iterator[Watched]:
    page = chromium.new_page(viewport={"width": 1100, "height": 800})
    seen = Watched(page)

    def dismiss(dialog: Any) -> None:
        seen.dialogs.append(dialog.message)
        dialog.dismiss()

    page.on("request", lambda request: seen.requests.append(request.url))
    # Chromium tells of a request also when the page's policy has stopped it.
    page.on("requestfailed", lambda request: request.failure == "csp" and seen.blocked.append(request.url))
    page.on("dialog", dismiss)
    page.on("framenavigated", lambda frame: seen.left.append(frame.url))
    page.on("popup", lambda popup: seen.left.append(popup.url))
    page.on("download", lambda download: seen.left.append(download.url))
    page.on("console", lambda message: seen.console.append(message.text))
    page.on("pageerror", lambda error: seen.console.append(str(error)))
    yield seen
    page.close()


@pytest.fixture(scope="session")
def hostile_page(
    feedback_in: Callable[..., str], cell: Callable[..., dict[str, Any]], tmp_path_factory: pytest.TempPathFactory
) -> str:
    """See tests/browser/hostile.py."""
    return hostile.hostile_page(feedback_in, cell, tmp_path_factory.mktemp("hostile"))


@pytest.fixture(scope="session")
def ordinary_page(
    feedback_in: Callable[..., str], cell: Callable[..., dict[str, Any]], tmp_path_factory: pytest.TempPathFactory
) -> str:
    """See tests/browser/ordinary.py."""
    return ordinary.ordinary_page(feedback_in, cell, tmp_path_factory.mktemp("ordinary"))
