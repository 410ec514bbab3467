"""One epoch of mini-batches: a random permutation, cut into pieces."""

from itertools import islice
from math import ceil

import numpy as np
from scipy.stats import chi2

from chainrule import check
from chainrule.grader import alternative, helper, misconception, points

ENOUGH = 10_000


def drawn(minibatches, N, B, seed, epochs=1):
    """The batches of some epochs, all drawn from one generator (runs beside the student's code)."""
    rng = np.random.default_rng(seed)
    return [[np.asarray(batch) for batch in islice(minibatches(N, B, rng), ENOUGH)] for _ in range(epochs)]


def orders(minibatches, N, B, seed, epochs):
    """The order of the samples in each of many epochs, (epochs, N), or None if an epoch has not N samples."""
    rows = [np.concatenate(epoch) for epoch in drawn(minibatches, N, B, seed, epochs)]
    return np.array(rows) if all(row.shape == (N,) for row in rows) else None


# What the epochs of a failed test look like: the predicates of the misconceptions.


def epochs_of(run):
    """[(N, B, batches)] of the epochs in a run."""
    found = []
    for call in run.calls:
        if isinstance(call.result, list) and len(call.args) >= 4:
            N, B = call.args[1:3]
            found += [(N, B, epoch) for epoch in call.result if isinstance(epoch, list) and epoch]
    return found


def many_orders(run):
    found = [call.result for call in run.calls if isinstance(call.result, np.ndarray) and call.result.ndim == 2]
    return found[0] if found else None


def repeated_in_a_batch(run):
    return any(len(set(batch.tolist())) < len(batch) for _, _, epoch in epochs_of(run) for batch in epoch)


def repeated_between_batches(run):
    together = [(N, np.concatenate(epoch)) for N, _, epoch in epochs_of(run)]
    missing = any(len(set(order.tolist())) < N for N, order in together)
    return missing and not repeated_in_a_batch(run) and any(len(set(o.tolist())) < len(o) for _, o in together)


def only_lost(run):
    together = [(N, np.concatenate(epoch)) for N, _, epoch in epochs_of(run)]
    distinct = all(len(set(order.tolist())) == len(order) for _, order in together)
    return distinct and any(len(order) < N for N, order in together)


def filled_up(run):
    return any(
        len(set(np.concatenate(epoch).tolist())) == N and sum(map(len, epoch)) > N and len(set(map(len, epoch))) == 1
        for N, _, epoch in epochs_of(run)
    )


def empty_batch(run):
    return any(len(batch) == 0 for _, _, epoch in epochs_of(run) for batch in epoch)


def always_the_same(run):
    found = many_orders(run)
    return found is not None and bool((found == found[0]).all())


def pieces_of_the_range(run):
    found = many_orders(run)
    return (
        found is not None
        and not always_the_same(run)
        and {tuple(row) for row in found.tolist()}
        == {
            (0, 1, 2, 3),
            (3, 0, 1, 2),
        }
    )


def number_instead_of_size(run):
    return any(len(epoch) == B != ceil(N / B) for N, B, epoch in epochs_of(run))


def levelled(run):
    return not number_instead_of_size(run) and any(
        len(epoch) == ceil(N / B) and sum(map(len, epoch)) == N and max(map(len, epoch)) < min(B, N)
        for N, B, epoch in epochs_of(run)
    )


def accepts_no_samples(run):
    return run.test == "test_batch_size" and "raise ValueError" in run.failure


def global_generator(run):
    return any(call.rng_touched for call in run.calls)


def own_generator(run):
    return run.test == "test_generator" and not global_generator(run) and "generator" in run.failure


@misconception("With replacement: some samples repeat, others are missed.", when=repeated_in_a_batch)
def with_replacement(N, B, rng):
    return [rng.choice(N, min(B, N - start)) for start in range(0, N, B)]


@misconception("With replacement: some samples repeat, others are missed.", when=repeated_in_a_batch)
def random_integers(N, B, rng):
    for start in range(0, N, B):
        yield rng.integers(0, N, size=min(B, N - start))


@misconception(
    "Each batch is drawn afresh, so samples come back before the epoch is over: one order for the whole epoch.",
    when=repeated_between_batches,
)
def fresh_draws(N, B, rng):
    return [rng.choice(N, min(B, N - start), replace=False) for start in range(0, N, B)]


@misconception("Samples lost every epoch: the last batch may be smaller.", when=only_lost)
def last_batch_dropped(N, B, rng):
    order = rng.permutation(N)
    return [order[k * B : (k + 1) * B] for k in range(N // B)]


@misconception("Samples lost every epoch: the last batch may be smaller.", when=only_lost)
def stops_too_early(N, B, rng):
    order = rng.permutation(N)
    return [order[start : start + B] for start in range(0, N - 1, B) if start + B <= N or N < B]


@misconception("Do not fill the last batch up: those samples would count twice.", when=filled_up)
def last_batch_filled(N, B, rng):
    order = rng.permutation(N)
    order = np.resize(order, ceil(N / B) * B)
    return list(order.reshape(-1, B))


@misconception("Where B divides N your last batch is empty: an epoch has N/B batches then.", when=empty_batch)
def one_batch_too_many(N, B, rng):
    order = rng.permutation(N)
    return [order[k * B : (k + 1) * B] for k in range(N // B + 1)]


@misconception("Shuffle every epoch.", when=always_the_same)
def never_shuffled(N, B, rng):
    if B < 1:
        raise ValueError
    return [np.arange(start, min(start + B, N)) for start in range(0, N, B)]


@misconception("Shuffle every epoch.", when=always_the_same)
def one_fixed_order(N, B, rng):
    order = np.random.default_rng(7).permutation(N)
    return [order[start : start + B] for start in range(0, N, B)]


@misconception("Permute the samples, then cut.", when=pieces_of_the_range)
def shuffled_pieces(N, B, rng):
    pieces = [np.arange(start, min(start + B, N)) for start in range(0, N, B)]
    return [pieces[k] for k in rng.permutation(len(pieces))]


@misconception("A random starting point is not a random order: permute the samples.")
def cyclic_shift(N, B, rng):
    order = np.roll(np.arange(N), rng.integers(N))
    return [order[start : start + B] for start in range(0, N, B)]


@misconception("Sort nothing after shuffling: every order must be equally likely.")
def sorted_batches(N, B, rng):
    order = rng.permutation(N)
    return [np.sort(order[start : start + B]) for start in range(0, N, B)]


@misconception("These swaps do not make every order equally likely: rng.permutation does.")
def naive_swaps(N, B, rng):
    order = np.arange(N)
    for i in range(N):
        j = rng.integers(N)
        order[[i, j]] = order[[j, i]]
    return [order[start : start + B] for start in range(0, N, B)]


@misconception("B is the size of a batch, not the number of batches.", when=number_instead_of_size)
def number_of_batches(N, B, rng):
    if B < 1:
        raise ValueError
    return np.array_split(rng.permutation(N), B)


@misconception("All batches have B samples, only the last may be smaller: do not level them out.", when=levelled)
def even_sizes(N, B, rng):
    if B < 1:
        raise ValueError
    return np.array_split(rng.permutation(N), ceil(N / B))


@misconception("Use only the generator `rng` you are given.", when=global_generator)
def global_permutation(N, B, rng):
    order = np.random.permutation(N)
    return [order[start : start + B] for start in range(0, N, B)]


@misconception("Use only the generator `rng` you are given.", when=own_generator)
def generator_of_its_own(N, B, rng):
    order = np.random.default_rng().permutation(N)
    return [order[start : start + B] for start in range(0, N, B)]


@misconception("The indices count from 0.")
def from_one(N, B, rng):
    order = 1 + rng.permutation(N)
    return [order[start : start + B] for start in range(0, N, B)]


@misconception("A batch needs at least one sample: raise ValueError for B < 1.", when=accepts_no_samples)
def negative_sizes_accepted(N, B, rng):
    order = rng.permutation(N)
    return [order[start : start + B] for start in range(0, N, B)]


@misconception("A batch needs at least one sample: raise ValueError for B < 1.", when=accepts_no_samples)
def cut_to_one(N, B, rng):
    B, order = max(B, 1), rng.permutation(N)
    return [order[start : start + B] for start in range(0, N, B)]


@alternative("generator with yield")
def by_yield(N, B, rng):
    if B <= 0:
        raise ValueError("B must be at least 1")
    order = np.arange(N)
    rng.shuffle(order)
    start = 0
    while start < N:
        yield order[start : start + B]
        start += B


@alternative("lists, sorted by random keys")
def random_keys(N, B, rng):
    if B < 1:
        raise ValueError("B must be at least 1")
    order = np.argsort(rng.random(N)).tolist()
    return (order[start : start + B] for start in range(0, N, B))


@alternative("choice without replacement, split at the multiples of B")
def split(N, B, rng):
    if B < 1:
        raise ValueError("B must be at least 1")
    return np.split(rng.choice(N, N, replace=False), range(B, N, B))


@alternative("taken from a bag, one after the other")
def from_a_bag(N, B, rng):
    if B < 1:
        raise ValueError("B must be at least 1")
    bag, batch = list(range(N)), []
    while bag:
        batch.append(bag.pop(rng.integers(len(bag))))
        if len(batch) == B or not bag:
            yield np.array(batch)
            batch = []


def seed(rng):
    return int(rng.integers(2**31))


def integer_batches(epoch):
    """The batches, each checked to be one row of integers."""
    for batch in epoch:
        check.that(
            isinstance(batch, np.ndarray) and batch.ndim == 1 and (batch.dtype.kind in "iu"),
            "A batch should be a one-dimensional array of integers.",
        )
    check.that(len(epoch) > 0, "Your epoch has no batches.")
    return epoch


@points(4)
def test_partition(student, rng):
    """The batches of an epoch hold every sample exactly once."""
    sizes = [(10, 4), (12, 3), (int(rng.integers(15, 30)), int(rng.integers(4, 9))), (7, 1)]
    epochs = [(N, student.beside(helper(drawn), student.minibatches, N, B, seed(rng))[0]) for N, B in sizes]
    for N, epoch in epochs:
        order = np.concatenate(integer_batches(epoch))
        missing = N - len(set(range(N)) & set(order.tolist()))
        check.that(
            len(order) == N and missing == 0,
            f"In your epoch {len(order)} indices are drawn for {N} samples, and {missing} samples never come.",
        )


@points(2)
def test_sizes(student, rng):
    """There are N/B batches, rounded up, and only the last may be smaller than B."""
    sizes = [(10, 4), (11, 5), (12, 3), (int(rng.integers(30, 50)), int(rng.integers(4, 9)))]
    epochs = [(N, B, student.beside(helper(drawn), student.minibatches, N, B, seed(rng))[0]) for N, B in sizes]
    for N, B, epoch in epochs:
        lengths = [len(batch) for batch in integer_batches(epoch)]
        check.that(
            lengths == [B] * (N // B) + [N % B] * (N % B > 0),
            f"For {N} samples in batches of {B} your batches have other sizes than the data allow.",
            f"{lengths}",
        )


def equally_likely(cells, what):
    """χ² test of counts of equally likely cells; chance fails it once in 10⁹ runs."""
    expected = cells.sum() / cells.size
    statistic = float(((cells - expected) ** 2).sum() / expected)
    check.that(
        chi2.sf(statistic, cells.size - 1) > 1e-9,
        f"Over 4000 epochs {what}. Shuffle all samples anew for each epoch.",
        f"chi2 {statistic} with {cells.size - 1} degrees of freedom",
    )


@points(2)
def test_uniform(student, rng):
    """Over 4000 epochs all orders of the samples are equally likely, whatever the order before."""
    found = student.beside(helper(orders), student.minibatches, 4, 3, seed(rng), 4000)
    check.that(found is not None, "Your epochs do not hold every sample once.")
    found = check.array(found, (4000, 4)).astype(int)
    check.that(found.min() >= 0 and found.max() <= 3, "Your indices are not those of the samples: 0, …, N − 1.")
    words = found @ 4 ** np.arange(4)
    every = np.unique(
        [p @ 4 ** np.arange(4) for p in np.array(np.meshgrid(*[range(4)] * 4)).reshape(4, -1).T if len(set(p)) == 4]
    )
    counts = np.array([(words == word).sum() for word in every])
    check.that(counts.sum() == 4000, "Your epochs do not hold every sample once.")
    equally_likely(np.bincount(found[:, 0], minlength=4), "some samples come first more often than others")
    equally_likely(counts, "some orders come more often than others")
    pairs = np.bincount(4 * found[:-1, 0] + found[1:, 0], minlength=16)
    equally_likely(pairs, "an epoch's order depends on that of the epoch before")


@points(1)
def test_batch_size(student, rng):
    """A batch larger than the data is all of the data; a batch without samples is an error."""
    for N, B in ((6, 6), (5, 11), (1, 1), (1, 4)):
        epoch = student.beside(helper(drawn), student.minibatches, N, B, seed(rng))[0]
        check.that(len(epoch) == 1, f"For B ≥ N there is one batch; yours are {len(epoch)}.")
        check.that(sorted(epoch[0].tolist()) == list(range(N)), "For B ≥ N the batch holds every sample once.")
    for B in (0, -3):
        try:
            student.beside(helper(drawn), student.minibatches, 6, B, seed(rng))
        except ValueError:
            continue
        check.fail("For B < 1 your function should raise ValueError, at the latest when the first batch is drawn.")


@points(1)
def test_generator(student, rng):
    """The generator decides: the same state gives the same batches, another state others."""
    one, two = seed(rng), seed(rng)
    first, again, other = (
        np.concatenate(student.beside(helper(drawn), student.minibatches, 40, 7, start)[0]) for start in (one, one, two)
    )
    check.that(np.array_equal(first, again), "Two generators in the same state gave different batches.")
    check.that(not np.array_equal(first, other), "Two different generators gave the same order of 40 samples.")
