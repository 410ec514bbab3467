"""An automated accessibility check of a page, for every test that makes one.

axe-core comes with the package axe-playwright-python: nothing is fetched. It finds what a program can find; that a page
makes sense when it is read aloud it does not know.
"""

from __future__ import annotations

from typing import Any

from axe_playwright_python.base import AXE_SCRIPT

RULES = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice")
COLOURS = ("color-contrast", "link-in-text-block")
WIDTHS = (390, 1280)
SCHEMES = ("light", "dark")

_AXE = """
async (only) => (await axe.run(document, {runOnly: only, resultTypes: ['violations']})).violations.flatMap(
    found => found.nodes.map(node => `${found.id}: ${node.target.join(' ')}: ${node.failureSummary}`))
"""
_WIDE = """
() => [...document.body.querySelectorAll('*')]
  .filter(e => e.getBoundingClientRect().right > innerWidth + 1 && !e.closest('pre, .scroll, .wide, .formula'))
  .slice(0, 5).map(e => e.outerHTML.slice(0, 120))
"""


def complaints(browser: Any, address: str) -> list[str]:
    """What is wrong with the page at `address` on a phone and on a desk, light and dark, with all that folds opened.

    Each complaint begins with the width and the scheme. axe is a script and our pages forbid scripts, so for this check
    alone their policy is set aside.
    """
    context = browser.new_context(bypass_csp=True)
    try:
        page = context.new_page()
        page.goto(address)
        page.evaluate("document.querySelectorAll('details').forEach(details => details.open = true)")
        page.evaluate(AXE_SCRIPT)
        found = []
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 900})
            for scheme in SCHEMES:
                page.emulate_media(color_scheme=scheme)
                # The scheme changes colours only.
                only = {"type": "tag", "values": RULES} if scheme == "light" else {"type": "rule", "values": COLOURS}
                found += [f"{width} {scheme}: {what}" for what in page.evaluate(_AXE, only)]
            if page.evaluate("document.documentElement.scrollWidth") > width:
                found += [f"{width}: wider than the screen: {what}" for what in page.evaluate(_WIDE) or ["?"]]
        return found
    finally:
        context.close()
