"""Whether logistic regression with one feature and a bias has a minimiser."""

import numpy as np
from scipy.optimize import linprog

from chainrule import check
from chainrule.grader import alternative, misconception, points

TOUCHING = "Quasi-separable: touching classes are misclassified, and still the loss decreases along a ray for ever."


def split(x, y):
    x, y = np.asarray(x, dtype=float), np.asarray(y)
    return x[y == 0], x[y == 1]


@misconception("Convex is not enough: the infimum may sit at infinity.")
def always(x, y):
    return True


@misconception("There are samples with a minimiser: look at mixed classes.")
def never(x, y):
    return False


@misconception(TOUCHING)
def strictly_apart(x, y):
    noes, yeses = split(x, y)
    if len(noes) == 0 or len(yeses) == 0:
        return False
    return not (noes.max() < yeses.min() or yeses.max() < noes.min())


@misconception("All x equal: there every direction leaves the loss unchanged or raises it in the end.")
def equal_is_separable(x, y):
    noes, yeses = split(x, y)
    if len(noes) == 0 or len(yeses) == 0:
        return False
    return not (noes.max() <= yeses.min() or yeses.max() <= noes.min())


def accuracy(x, y):
    """Best share of right answers of a threshold, in either direction."""
    x, y = np.asarray(x, dtype=float), np.asarray(y)
    best = 0.0
    for t in [*np.unique(x), x.max() + 1, x.min() - 1]:
        for side in (x >= t, x < t, x > t, x <= t):
            best = max(best, np.mean(side == (y == 1)))
    return best


@misconception(TOUCHING)
def errors_left(x, y):
    return bool(accuracy(x, y) < 1)


@misconception("With one class only, the bias alone makes the loss smaller for ever.")
def one_class_is_fine(x, y):
    noes, yeses = split(x, y)
    if len(noes) == 0 or len(yeses) == 0 or np.min(x) == np.max(x):
        return True
    return noes.max() > yeses.min() and yeses.max() > noes.min()


@misconception("Two classes are not enough: they may be apart.")
def both_classes(x, y):
    return 0 < np.sum(y) < len(y)


@misconception("The weight may be negative: the noes may also lie above the yeses.")
def increasing_only(x, y):
    noes, yeses = split(x, y)
    if len(noes) == 0 or len(yeses) == 0:
        return False
    return bool(np.min(x) == np.max(x) or noes.max() > yeses.min())


@misconception("The weight may be positive: the yeses may also lie above the noes.")
def decreasing_only(x, y):
    noes, yeses = split(x, y)
    if len(noes) == 0 or len(yeses) == 0:
        return False
    return bool(np.min(x) == np.max(x) or yeses.max() > noes.min())


@misconception("The answer is the other way round: separable data have no minimiser.")
def negated(x, y):
    noes, yeses = split(x, y)
    if len(noes) == 0 or len(yeses) == 0:
        return True
    if np.min(x) == np.max(x):
        return False
    return not (noes.max() > yeses.min() and yeses.max() > noes.min())


@misconception("The model has a bias: the threshold need not lie at 0.")
def threshold_at_zero(x, y):
    margins = (2 * np.asarray(y) - 1) * np.asarray(x, dtype=float)
    return not ((margins >= 0).all() or (margins <= 0).all())


@misconception("Means do not tell: one sample on the wrong side is enough.")
def by_means(x, y):
    noes, yeses = split(x, y)
    if len(noes) == 0 or len(yeses) == 0:
        return False
    return bool(abs(noes.mean() - yeses.mean()) < np.std(x) or np.min(x) == np.max(x))


@misconception("The samples come in any order: sort them, or compare extremes.")
def in_given_order(x, y):
    if len(set(np.asarray(y).tolist())) < 2:
        return False
    if np.min(x) == np.max(x):
        return True
    changes = np.sum(np.diff(np.asarray(y)) != 0)
    return bool(changes > 1)


@misconception("Equal features with labels in equal number are no exception: any number of each will do.")
def balanced_ties_only(x, y):
    noes, yeses = split(x, y)
    if len(noes) == 0 or len(yeses) == 0:
        return False
    if np.min(x) == np.max(x):
        return len(noes) == len(yeses)
    return bool(noes.max() > yeses.min() and yeses.max() > noes.min())


@alternative("comparison of intervals")
def intervals(x, y):
    noes, yeses = split(x, y)
    if min(len(noes), len(yeses)) == 0:
        return False
    if len(set(np.ravel(x).tolist())) == 1:
        return True
    return (
        np.bool_(max(noes.min(), yeses.min()) < min(noes.max(), yeses.max()))
        or bool(noes.min() == noes.max() and yeses.min() < noes.min() < yeses.max())
        or bool(yeses.min() == yeses.max() and noes.min() < yeses.min() < noes.max())
    )


@alternative("a linear program over (w, b)")
def by_linear_program(x, y):
    return not has_good_direction(np.asarray(x, dtype=float), np.asarray(y))


@alternative("all thresholds and both directions, plain Python")
def by_thresholds(x, y):
    pairs = [(float(a), 2 * int(t) - 1) for a, t in zip(x, y, strict=True)]
    directions = [(0.0, 1.0), (0.0, -1.0)]
    for threshold, _ in pairs:
        directions += [(1.0, -threshold), (-1.0, threshold)]
    for w, b in directions:
        margins = [sign * (w * a + b) for a, sign in pairs]
        if min(margins) >= 0 and max(margins) > 0:
            return False
    return 1


def has_good_direction(x, y):
    """Whether some (w, b) has no negative margin and a positive one: a linear program with margins in [0, 1]."""
    margins = (2 * y - 1)[:, None] * np.column_stack([x, np.ones(len(x))])
    bounds = [(None, None), (None, None)]
    ends = np.concatenate([np.ones(len(x)), np.zeros(len(x))])
    solution = linprog(-margins.sum(axis=0), A_ub=np.vstack([margins, -margins]), b_ub=ends, bounds=bounds)
    return bool(-solution.fun > 1e-7)


def answer(value):
    """A truth value, or a number that stands for one."""
    number = check.scalar(value)
    check.that(number in (0.0, 1.0), "Expected True or False.")
    return bool(number)


def decide(student, hint, *pairs):
    """In each pair the first sample has a minimiser and the second has none: a constant earns nothing."""
    cases = [(want, sample) for pair in pairs for want, sample in zip((True, False), pair, strict=True)]
    answers = [student.minimum_exists(x, y) for _, (x, y) in cases]
    for (want, _), got in zip(cases, answers, strict=True):
        check.that(answer(got) == want, hint)


def overlapping(rng, n=9):
    """Mixed classes: a yes between two noes and a no between two yeses."""
    x = np.sort(rng.normal(size=n))
    y = np.zeros(n, dtype=int)
    y[[1, 3, 4, n - 2]] = 1
    order = rng.permutation(n)
    return x[order], y[order]


def apart(rng, n=9):
    x = rng.normal(size=n) + 3 * rng.normal()
    y = (x > np.sort(x)[int(rng.integers(2, n - 2))]).astype(int)
    return x, y


@points(1)
def test_yes_between_noes(student, rng):
    """A yes between two noes has a minimiser, separated classes have none."""
    yes = np.array([-1.0, 1.0, 2.0]), np.array([0, 1, 0])
    hint = "Look at classes that overlap, and at classes that lie apart."
    decide(student, hint, (yes, apart(rng)), (overlapping(rng), apart(rng)))


@points(1)
def test_one_class(student, rng):
    """With one class only there is no minimiser."""
    only_yes, only_no = (rng.normal(size=5), np.ones(5, dtype=int)), (np.full(3, 2.0), np.zeros(3, dtype=int))
    hint = "With one class only, the bias can make the loss smaller and smaller."
    decide(student, hint, (overlapping(rng), only_yes), (overlapping(rng), only_no))


@points(1)
def test_touching(student, rng):
    """Classes that touch in a point have no minimiser."""
    a, gaps, order = rng.normal(), rng.uniform(0.5, 2, size=3), rng.permutation(5)
    touch = np.array([a - gaps[0], a, a, a + gaps[1], a + gaps[1] + gaps[2]])[order]
    cross = np.array([a - gaps[0], a, a - 0.1, a + gaps[1], a + gaps[1] + gaps[2]])[order]
    y = np.array([0, 0, 1, 1, 1])[order]
    corner = np.array([a, a, a + 1]), np.array([0, 1, 1])
    hint = "Look at the case in which the largest x of one class equals the smallest of the other."
    pairs = ((cross, y), (touch, y)), ((cross, 1 - y), (touch, 1 - y)), (overlapping(rng), corner)
    decide(student, hint, *pairs)


@points(1)
def test_equal_features(student, rng):
    """If all features are equal and both classes occur, there is a minimiser."""
    x, y = np.full(5, float(rng.integers(-3, 4))), rng.permutation([0, 1, 1, 0, 1])
    balanced = x[:2], np.array([0, 1])
    hint = "Look at the case in which all features are equal."
    decide(student, hint, ((x, y), (x, np.ones(5, dtype=int))), (balanced, apart(rng)))


@points(1)
def test_decreasing(student, rng):
    """It does not matter which class lies above the other."""
    (x, y), (a, b) = apart(rng), overlapping(rng)
    hint = "The noes may lie above the yeses: w may be negative."
    decide(student, hint, ((a, 1 - b), (x, 1 - y)), ((a, b), (-x, y)))


@points(1)
def test_random(student, rng):
    """It agrees with a linear program on small random samples."""
    cases = []
    for _ in range(30):
        n = int(rng.integers(2, 6))
        cases.append((rng.integers(-2, 3, size=n).astype(float), rng.integers(0, 2, size=n)))
    cases += [overlapping(rng), apart(rng)]
    answers = [student.minimum_exists(x, y) for x, y in cases]
    wrong = sum(answer(got) == has_good_direction(x, y) for got, (x, y) in zip(answers, cases, strict=True))
    check.that(wrong == 0, f"{wrong} of 32 small samples are judged wrongly.")
