"""The notebooks that nbgrader ships with itself: cells of every kind and age."""

from pathlib import Path

import nbgrader
import pytest

PACKAGE = Path(nbgrader.__file__).parent


@pytest.fixture(params=sorted(PACKAGE.glob("**/*.ipynb")), ids=lambda path: str(path.relative_to(PACKAGE)))
def shipped(request):
    return request.param
