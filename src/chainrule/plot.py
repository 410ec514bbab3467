"""The look of the course's pictures: colours, one call that sets the style, and level lines of a loss.

A notebook's first cell says

    from chainrule.plot import BLUE, GREEN, GREY, ORANGE, PINK, contours, style

    style()
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from numpy.typing import ArrayLike

# Colours that everybody can tell apart (Okabe and Ito 2008), dark enough for lines on white.
BLUE, ORANGE, GREEN, PINK, GREY = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#5F6368"


def style() -> None:
    """Set matplotlib's defaults for the notebooks of the course.

    Room for the labels of two panels side by side is left by fixed margins: a layout engine sets every figure twice,
    which would be most of the time that grading spends on figures.
    """
    plt.rcParams.update(
        {
            "figure.figsize": (8.4, 3.5),
            "figure.dpi": 110,
            "figure.subplot.left": 0.09,
            "figure.subplot.right": 0.98,
            "figure.subplot.bottom": 0.15,
            "figure.subplot.top": 0.91,
            "figure.subplot.wspace": 0.26,
            "figure.subplot.hspace": 0.45,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.titlesize": 11,
            "axes.titleweight": "bold",
            "axes.grid": True,
            "grid.alpha": 0.25,
            "axes.prop_cycle": plt.cycler(color=[BLUE, ORANGE, GREEN, PINK, GREY]),
            "image.cmap": "cividis",
            "legend.edgecolor": "none",
            "legend.framealpha": 0.8,
            "legend.fontsize": 9,
        }
    )


def contours(
    ax: Any,
    f: Callable[[np.ndarray], Any],
    xs: ArrayLike,
    ys: ArrayLike,
    *,
    rings: int = 14,
    labels: tuple[str, str] = ("", ""),
) -> None:
    """Draw level lines of f over the grid xs × ys, pale where f is small, evenly spaced in the root of f.

    f   function of a point (2,) -> number
    xs  (A,), ys (B,)  the grid; `labels` name its axes
    """
    across, up = np.asarray(xs, dtype=float), np.asarray(ys, dtype=float)
    values = np.array([[float(f(np.array([a, b]))) for a in across] for b in up])
    root = np.sqrt(values - values.min())
    levels = np.linspace(0, root.max(), rings)
    ax.contourf(across, up, root, levels=levels, cmap="Blues", alpha=0.8)
    ax.contour(across, up, root, levels=levels, colors="white", linewidths=0.7)
    ax.set(xlabel=labels[0], ylabel=labels[1], xlim=(across[0], across[-1]), ylim=(up[0], up[-1]))
    ax.grid(False)
