"""Checks of numbers accept every honest form of a right answer and say what is wrong with the others."""

import numpy as np
import pytest

from chainrule import check


def failure(function, *args, **kwargs):
    with pytest.raises(check.Failed) as caught:
        function(*args, **kwargs)
    return caught.value


@pytest.mark.parametrize("got", [6, 6.0, np.float64(6), np.array(6.0), np.array([6.0]), [6.0], np.float32(6)])
def test_a_scalar_may_come_in_any_form(got):
    check.close(got, 6.0)
    assert check.scalar(got) == 6.0


@pytest.mark.parametrize("got", [[1, 2, 3], (1.0, 2.0, 3.0), np.arange(1, 4), np.arange(1.0, 4.0)])
def test_an_array_may_be_a_list_or_tuple(got):
    check.close(got, np.array([1.0, 2.0, 3.0]))
    assert check.array(got, (3,)).dtype == np.float64


def test_a_tensor_is_an_array():
    torch = pytest.importorskip("torch", reason="tensors need the extra `course`")
    check.close(torch.ones(3, requires_grad=True), np.ones(3))
    check.close([torch.tensor(1.0), torch.tensor(2.0)], [1.0, 2.0])


def test_a_scalar_never_passes_for_a_vector_by_broadcasting():
    assert "Expected shape (2,), got ()" in failure(check.close, 4.0, np.array([4.0, 4.0])).message
    assert "got (2, 2)" in failure(check.close, np.ones((2, 2)), np.ones(2)).message


@pytest.mark.parametrize(
    ("got", "words"),
    [
        (None, "returned None"),
        ("abc", "Expected numbers, got a str"),
        ([1, [2, 3]], "different shapes"),
        (np.nan, "NaN/inf"),
        ({"a": 1}, "Expected numbers, got a dict"),
        (np.array(["a"]), "holding something else"),
    ],
)
def test_what_is_no_number_is_named(got, words):
    assert words in failure(check.close, got, 1.0).message


@pytest.mark.parametrize(
    ("factor", "words"),
    [(0.5, "½ times"), (2.0, "2 times"), (-1.0, "sign is flipped"), (np.log(2), "natural logarithm")],
)
def test_a_constant_ratio_is_named(factor, words):
    want = np.array([1.0, -2.0, 3.5])
    caught = failure(check.close, factor * want, want)
    assert words in caught.message
    assert caught.ratio == pytest.approx(factor)


def test_a_missing_mean_is_named_by_the_length():
    want = np.arange(1.0, 8.0)
    assert "take a mean, not a sum" in failure(check.close, 7 * want, want).message


def test_an_ordinary_difference_is_not_called_a_ratio():
    caught = failure(check.close, [1.0, 2.0, 3.1], [1.0, 2.0, 3.0])
    assert caught.message == "1 of 3 entries of your result differ."
    assert caught.ratio is None


def test_messages_hold_no_expected_value_but_details_do():
    caught = failure(check.close, 3.25, 7.125)
    assert "7.125" not in caught.message
    assert "7.125" in caught.detail


def test_infinities_and_nan_must_be_equal_where_they_are_expected():
    check.close([np.inf, np.nan, 1.0], [np.inf, np.nan, 1.0])
    failure(check.close, [-np.inf, np.nan, 1.0], [np.inf, np.nan, 1.0])


def test_parts_say_how_many_came():
    assert check.parts((1, 2), 2) == (1, 2)
    assert "Expected 2 results, got 3" in failure(check.parts, (1, 2, 3), 2).message
    assert "returned None" in failure(check.parts, None, 2).message


def test_a_check_that_holds_prints_its_name(capsys):
    check.close(4, 4.0, "two and two")
    check.close(4, 4.0)
    assert capsys.readouterr().out == "✓ two and two\n"


def test_jupyter_shows_the_message_instead_of_a_traceback():
    lines = failure(check.close, 1.0, 2.5)._render_traceback_()
    assert lines[0].startswith("✗ ")
    assert not any("Traceback" in line for line in lines)
