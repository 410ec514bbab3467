"""The report's pages have nothing for axe-core to complain about."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.browser.accessibility import complaints

from chainrule.course import Course
from chainrule.report import write

pytestmark = pytest.mark.browser


def test_axe_has_no_complaint_about_any_page_of_the_report(chromium: Any, full_course: Course, tmp_path: Path) -> None:
    write(full_course, None, tmp_path)
    pages = sorted(tmp_path.rglob("*.html"))
    assert len(pages) > 2
    assert {page.name: found for page in pages if (found := complaints(chromium, page.as_uri()))} == {}
