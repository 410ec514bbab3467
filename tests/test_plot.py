"""The look of the pictures: colours that can be told apart, level lines where they belong, labels inside the figure."""

import numpy as np
import pytest

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("Agg")
plt = pytest.importorskip("matplotlib.pyplot")

from chainrule import plot  # noqa: E402 - after the backend is chosen


@pytest.fixture(autouse=True)
def defaults_again():
    yield
    plt.close("all")
    matplotlib.rcdefaults()
    matplotlib.use("Agg")


def test_labels_of_two_panels_do_not_overlap_and_stay_inside() -> None:
    plot.style()
    figure, (left, right) = plt.subplots(1, 2)
    for axes in (left, right):
        axes.plot([0, 1e4], [-1000.0, 1000.0])
        axes.set(xlabel="$x$", ylabel="a label", title="Title")
    figure.canvas.draw()
    boxes = [axes.get_tightbbox() for axes in (left, right)]
    assert boxes[0].x1 < boxes[1].x0
    assert boxes[1].x1 <= figure.bbox.x1
    assert boxes[0].y0 >= 0
    assert boxes[0].y1 <= figure.bbox.y1


def test_contours_are_pale_at_the_minimum_and_rise_away_from_it() -> None:
    _, axes = plt.subplots()
    plot.contours(
        axes, lambda p: (p[0] - 1) ** 2 + p[1] ** 2, np.linspace(-2, 2, 9), np.linspace(-1, 1, 9), labels=("a", "b")
    )
    filled = axes.collections[0]
    assert filled.norm.vmin == 0
    assert filled.norm.vmax == pytest.approx(np.sqrt(10))
    assert (axes.get_xlabel(), axes.get_ylabel(), axes.get_xlim()) == ("a", "b", (-2, 2))


def test_neighbouring_colours_differ_in_lightness_for_the_colour_blind() -> None:
    def lightness(colour: str) -> float:
        red, green, blue = matplotlib.colors.to_rgb(colour)
        return 0.2126 * red**2.2 + 0.7152 * green**2.2 + 0.0722 * blue**2.2

    levels = sorted(lightness(colour) for colour in (plot.BLUE, plot.ORANGE, plot.PINK))
    assert np.diff(levels).min() > 0.03
