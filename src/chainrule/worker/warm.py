"""What the zygote imports and runs once, so that no submission pays for it."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
from collections.abc import Callable, Iterable

SEED = 1_667_785_065
"""Where the global generators start, so that a regrade sees the same numbers. Not a seed that a student would set: that
a function sets one could not be noticed then.
"""


def _torch() -> None:
    """The first optimizer imports some 800 modules; the first backward pass sets up autograd."""
    import torch

    torch.set_num_threads(1)
    model = torch.nn.Sequential(torch.nn.Linear(4, 4), torch.nn.ReLU(), torch.nn.Linear(4, 1))
    for kind in (torch.optim.SGD, torch.optim.Adam):
        optimizer = kind(model.parameters(), lr=1e-3)
        loss = torch.nn.functional.mse_loss(model(torch.zeros(2, 4)), torch.zeros(2, 1))
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    torch.nn.Conv2d(1, 1, 3)(torch.zeros(1, 1, 8, 8))
    importlib.import_module("torch.utils.data")
    torch.manual_seed(SEED)


def _numpy() -> None:
    import numpy as np

    np.linalg.svd(np.eye(3))
    np.random.default_rng(0).normal(size=3)
    np.random.seed(SEED)


def _matplotlib() -> None:
    """Draw once: fonts are looked up, the inline backend is set up."""
    import io

    import matplotlib.pyplot as plt

    figure, (left, right) = plt.subplots(1, 2)
    left.plot([0, 1], label=r"$\hat x_0$")  # the first formula builds the parser of formulas
    left.legend()
    right.loglog([1, 100], [1, 100])
    right.contourf([[0, 1], [1, 2]])
    figure.savefig(io.BytesIO(), format="png")
    plt.close(figure)
    _close_fonts()


def _close_fonts() -> None:
    """A font object reads from its open file, which a student's process does not get: let it open them itself."""
    from matplotlib import font_manager, mathtext

    for owner, name in ((mathtext.MathTextParser, "_parse_cached"), (font_manager, "_get_font")):
        clear = getattr(getattr(owner, name, None), "cache_clear", None)
        if clear is not None:
            clear()


def _sympy() -> None:
    import sympy

    x = sympy.Symbol("x")
    sympy.simplify(sympy.diff(sympy.sin(x) ** 2, x))


def _import(*names: str) -> Callable[[], None]:
    def load() -> None:
        for name in names:
            importlib.import_module(name)

    return load


LIBRARIES: dict[str, Callable[[], None]] = {
    "numpy": _numpy,
    "matplotlib": _matplotlib,
    "pandas": _import("pandas"),
    "scipy": _import("scipy", "scipy.linalg", "scipy.optimize", "scipy.stats"),
    "sklearn": _import("sklearn", "sklearn.datasets"),
    "sympy": _sympy,
    "torch": _torch,
    "torchvision": _import("torchvision", "torchvision.transforms"),
    "chainrule": _import("chainrule.check"),
}
"""Library -> how it is warmed. Only these: a name that a student wrote decides what is warm, never what is run."""


def warm(names: Iterable[str]) -> list[str]:
    """Warm these libraries, as far as they are installed. Returns which are warm."""
    import random

    random.seed(SEED)
    done = []
    for name in LIBRARIES:
        if name in names and importlib.util.find_spec(name) is not None:
            with contextlib.suppress(ImportError):  # installed but broken: the student's cell will show how
                LIBRARIES[name]()
                done.append(name)
    return done
