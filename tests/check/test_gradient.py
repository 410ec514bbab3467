"""The gradient check agrees with calculus and notices a wrong factor, sign or component."""

import numpy as np
import pytest

from chainrule import check


def rosenbrock(x):
    return 100 * (x[1] - x[0] ** 2) ** 2 + (1 - x[0]) ** 2


def rosenbrock_gradient(x):
    return np.array([-400 * x[0] * (x[1] - x[0] ** 2) - 2 * (1 - x[0]), 200 * (x[1] - x[0] ** 2)])


def test_central_differences_agree_with_scipy():
    from scipy.optimize import approx_fprime

    at = np.array([0.3, -0.7])
    np.testing.assert_allclose(check.central_differences(rosenbrock, at), rosenbrock_gradient(at), rtol=1e-8)
    np.testing.assert_allclose(check.central_differences(rosenbrock, at), approx_fprime(at, rosenbrock), rtol=1e-4)


def test_a_right_gradient_passes_in_any_shape():
    at = np.array([0.3, -0.7])
    check.gradient(rosenbrock, rosenbrock_gradient(at).tolist(), at)
    check.gradient(lambda m: float((m**3).sum()), 3 * np.ones((2, 3)), np.ones((2, 3)))


@pytest.mark.parametrize(
    ("factor", "words"), [([0.5, 0.5], "½ times"), ([-1, -1], "sign is flipped"), ([1, 1.01], "component 1")]
)
def test_a_wrong_gradient_is_described(factor, words):
    at = np.array([0.3, -0.7])
    with pytest.raises(check.Failed, match=words):
        check.gradient(rosenbrock, np.array(factor) * rosenbrock_gradient(at), at)


def test_a_gradient_of_another_shape_is_refused():
    with pytest.raises(check.Failed, match=r"Expected shape \(2,\), got \(1, 2\)"):
        check.gradient(rosenbrock, rosenbrock_gradient(np.ones(2))[None], np.ones(2))
