"""Reproducible batches that leave the randomness of others alone, and an honest stop-watch."""

import statistics
import time

import numpy as np
import torch
from torch.utils.data import DataLoader, RandomSampler, Subset, TensorDataset

from chainrule import check
from chainrule.grader import alternative, helper, misconception, points


def looked_at(make_loaders, x, y, B, loader_seed, epochs, world, seed=0):
    """Batches of some epochs of both loaders, and whether building them left the global generators alone."""
    import random

    import numpy as np
    import torch

    torch.manual_seed(world)
    np.random.seed(world % 2**32)
    before = torch.get_rng_state(), np.random.get_state()[1].tobytes(), random.getstate()
    shuffled, ordered = make_loaders(x, y, B, loader_seed)
    after = torch.get_rng_state(), np.random.get_state()[1].tobytes(), random.getstate()
    alone = torch.equal(before[0], after[0]) and before[1:] == after[1:]
    batches = [[[(part[0], part[1]) for part in loader] for _ in range(epochs)] for loader in (shuffled, ordered)]
    return batches[0], batches[1], alone


def loaders(x, y, B, generator=None, shuffle=True, **options):
    data = TensorDataset(x, y)
    return DataLoader(data, batch_size=B, shuffle=shuffle, generator=generator, **options)


def private(seed):
    return torch.Generator().manual_seed(seed)


@misconception("torch.manual_seed inside: resets everybody's randomness. Make your own generator.", of="make_loaders")
def seeds_the_world(x, y, B, seed):
    torch.manual_seed(seed)
    return loaders(x, y, B), loaders(x, y, B, shuffle=False)


@misconception(
    "torch.manual_seed resets everybody's randomness: not needed beside your own generator.", of="make_loaders"
)
def seeds_both(x, y, B, seed):
    torch.manual_seed(seed)
    return loaders(x, y, B, private(seed)), loaders(x, y, B, shuffle=False)


@misconception("The order depends on the global generator: give the loader one of its own.", of="make_loaders")
def global_order(x, y, B, seed):
    return loaders(x, y, B), loaders(x, y, B, shuffle=False)


@misconception(
    "The seed is ignored: two loaders with one seed must give equal batches.",
    of="make_loaders",
    when=lambda run: "same seed" in run.failure,
)
def seed_ignored(x, y, B, seed):
    generator = torch.Generator()
    generator.seed()
    return loaders(x, y, B, generator), loaders(x, y, B, shuffle=False)


@misconception("Another seed, another order: use the seed that you are given.", of="make_loaders")
def constant_seed(x, y, B, seed):
    return loaders(x, y, B, private(0)), loaders(x, y, B, shuffle=False)


@misconception("Each epoch shuffles anew; yours repeats one order.", of="make_loaders")
def shuffled_once(x, y, B, seed):
    order = torch.randperm(len(y), generator=private(seed))
    return loaders(x[order], y[order], B, shuffle=False), loaders(x, y, B, shuffle=False)


@misconception("The training loader does not shuffle.", of="make_loaders")
def never_shuffled(x, y, B, seed):
    return loaders(x, y, B, shuffle=False), loaders(x, y, B, shuffle=False)


@misconception("The second loader keeps the order of the data.", of="make_loaders")
def both_shuffled(x, y, B, seed):
    return loaders(x, y, B, private(seed)), loaders(x, y, B, private(seed))


@misconception("Order: first the loader that shuffles, then the ordered one.", of="make_loaders")
def swapped(x, y, B, seed):
    return loaders(x, y, B, shuffle=False), loaders(x, y, B, private(seed))


@misconception("The last short batch is dropped; it belongs to the data.", of="make_loaders")
def last_dropped(x, y, B, seed):
    return loaders(x, y, B, private(seed), drop_last=True), loaders(x, y, B, shuffle=False, drop_last=True)


@misconception("Keep the last short batch in the shuffled loader, too.", of="make_loaders")
def last_dropped_in_training(x, y, B, seed):
    return loaders(x, y, B, private(seed), drop_last=True), loaders(x, y, B, shuffle=False)


@misconception("Images and labels are shuffled apart: a label must stay with its image.", of="make_loaders")
def labels_apart(x, y, B, seed):
    order = torch.randperm(len(y), generator=private(seed + 1))
    return loaders(x, y[order], B, private(seed)), loaders(x, y, B, shuffle=False)


@misconception("Drawn with replacement: an epoch shows each sample once.", of="make_loaders")
def with_replacement(x, y, B, seed):
    data = TensorDataset(x, y)
    sampler = RandomSampler(data, replacement=True, generator=private(seed))
    return DataLoader(data, batch_size=B, sampler=sampler), loaders(x, y, B, shuffle=False)


@misconception("The batch size is missing: batches of one sample are the default.", of="make_loaders")
def batches_of_one(x, y, B, seed):
    return loaders(x, y, 1, private(seed)), loaders(x, y, 1, shuffle=False)


@misconception("Both loaders have batches of size B.", of="make_loaders")
def ordered_at_once(x, y, B, seed):
    return loaders(x, y, B, private(seed)), loaders(x, y, len(y), shuffle=False)


@misconception("Both loaders show all the data; there is nothing to split here.", of="make_loaders")
def split(x, y, B, seed):
    cut = int(0.8 * len(y))
    return loaders(x[:cut], y[:cut], B, private(seed)), loaders(x[cut:], y[cut:], B, shuffle=False)


@alternative("a sampler instead of shuffle", of="make_loaders")
def by_sampler(x, y, B, seed):
    data = TensorDataset(x, y)
    generator = torch.Generator()
    generator.manual_seed(seed)
    return DataLoader(data, B, sampler=RandomSampler(data, generator=generator)), DataLoader(data, B, False)


class _Epochs:
    def __init__(self, n, seed):
        self.n, self.rng = n, np.random.default_rng(seed)

    def __iter__(self):
        return iter(self.rng.permutation(self.n).tolist())

    def __len__(self):
        return self.n


@alternative("a sampler of one's own with a NumPy generator", of="make_loaders")
def own_sampler(x, y, B, seed):
    pairs = [(a, b) for a, b in zip(x, y, strict=True)]
    return [DataLoader(pairs, batch_size=B, sampler=_Epochs(len(y), seed)), DataLoader(pairs, batch_size=B)]


@alternative("a subset of the shuffled data", of="make_loaders")
def by_subset(x, y, B, seed):
    data = TensorDataset(x, y)
    generator = private(seed)
    everything = Subset(data, torch.randperm(len(y), generator=generator).tolist())
    return DataLoader(everything, B, shuffle=True, generator=generator), DataLoader(data, B)


# The stop-watch.


def events(time_op, repeats):
    """In which order a stop-watch calls what."""
    log = []
    time_op(lambda: log.append("f"), lambda: log.append("s"), repeats)
    return "".join(log)


def on_a_queue(time_op, repeats, work):
    """A device that works behind one's back: fn queues work, sync waits. The first call is slow, and one later."""
    import time

    queue, calls = [0.0], []

    def fn():
        calls.append(1)
        queue[0] += 0.3 if len(calls) in (1, 4) else work

    def sync():
        time.sleep(queue[0])
        queue[0] = 0.0

    result = time_op(fn, sync, repeats)
    return type(result).__name__, float(result)


def napping(time_op, repeats):
    """A function that naps for 20 ms, but for 300 ms in its first call and in one of the others."""
    import time

    calls = []

    def fn():
        calls.append(1)
        time.sleep(0.3 if len(calls) in (1, 4) else 0.02)

    return float(time_op(fn, lambda: None, repeats))


NO_SYNC = "Kernel launch timed, not the work: sync before the clock stops."
UNSETTLED = "The device may still be busy when the clock starts: sync before, too."


def only_queued(run):
    return "queueing" in run.failure


def unsettled(run):
    return "before the clock starts" in run.failure


@misconception(NO_SYNC, of="time_op")
def no_sync(fn, sync, repeats):
    fn()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        fn()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


@misconception(NO_SYNC, of="time_op", when=only_queued)
def sync_after_the_clock(fn, sync, repeats):
    fn()
    times = []
    for _ in range(repeats):
        sync()
        start = time.perf_counter()
        fn()
        times.append(time.perf_counter() - start)
        sync()
    return statistics.median(times)


@misconception(UNSETTLED, of="time_op", when=unsettled)
def sync_only_at_the_end(fn, sync, repeats):
    fn()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        fn()
        sync()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


@misconception("First call included: warm up.", of="time_op", when=lambda run: "before it measures" in run.failure)
def no_warm_up(fn, sync, repeats):
    times = []
    for _ in range(repeats):
        sync()
        start = time.perf_counter()
        fn()
        sync()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def slow(run):
    return "much longer" in run.failure


@misconception(
    "Measure call by call: one clock around all of them gives their mean.",
    of="time_op",
    when=lambda run: "around each call" in run.failure,
)
def one_clock(fn, sync, repeats):
    fn()
    sync()
    start = time.perf_counter()
    for _ in range(repeats):
        fn()
    sync()
    return (time.perf_counter() - start) / repeats


@misconception("Median resists hiccups: the mean does not.", of="time_op", when=slow)
def mean(fn, sync, repeats):
    fn()
    times = []
    for _ in range(repeats):
        sync()
        start = time.perf_counter()
        fn()
        sync()
        times.append(time.perf_counter() - start)
    return sum(times) / len(times)


@misconception("`repeats` calls are measured, no fewer.", of="time_op", when=lambda run: "calls of fn" in run.failure)
def single_call(fn, sync, repeats):
    fn()
    sync()
    start = time.perf_counter()
    fn()
    sync()
    return time.perf_counter() - start


@misconception("Seconds are asked for.", of="time_op", when=lambda run: "not in seconds" in run.failure)
def milliseconds(fn, sync, repeats):
    fn()
    times = []
    for _ in range(repeats):
        sync()
        start = time.perf_counter()
        fn()
        sync()
        times.append(1000 * (time.perf_counter() - start))
    return statistics.median(times)


@alternative("one sync between two calls", of="time_op")
def one_sync_between(fn, sync, repeats):
    fn()
    sync()
    times = []
    for _ in range(repeats):
        start = time.perf_counter_ns()
        fn()
        sync()
        times.append(time.perf_counter_ns() - start)
    return statistics.median(times) / 1e9


@alternative("three warm-ups, NumPy's median", of="time_op")
def several_warm_ups(fn, sync, repeats):
    for _ in range(3):
        fn()
        sync()
    times = np.empty(repeats)
    for k in range(repeats):
        sync()
        times[k] = -time.monotonic()
        fn()
        sync()
        times[k] += time.monotonic()
    return np.median(times)


# The tests.


def draw(rng):
    """Samples that carry their own number, and labels that tell it again."""
    B = int(rng.integers(3, 6))
    n = 4 * B + int(rng.integers(1, B))
    x = torch.arange(n, dtype=torch.float32)[:, None, None, None].repeat(1, 1, 2, 2)
    return x, torch.arange(n) * 3 + 1, B, n


EVENTS = helper(events)
LOADERS = helper(looked_at)
NAPS = helper(napping)
QUEUE = helper(on_a_queue)


def look(student, x, y, B, seed, epochs, world):
    return student.beside(LOADERS, student.make_loaders, x, y, B, seed, epochs, world, seed=world)


def whole(epoch, B, n):
    """The order of an epoch, once it is known to hold full batches and all samples with their labels."""
    sizes = [len(y) for _, y in epoch]
    check.that(
        sizes == [B] * (n // B) + [n % B],
        f"Your {len(sizes)} batches are not of size B with a short one at the end.",
    )
    images, labels = (torch.cat([batch[k] for batch in epoch]) for k in (0, 1))
    check.array(images, (n, 1, 2, 2))
    order = images[:, 0, 0, 0].long()
    check.that(torch.equal(order * 3 + 1, labels), "Labels are not with their images.")
    check.that(sorted(order.tolist()) == list(range(n)), "An epoch does not show each sample exactly once.")
    return order.tolist()


@points(4)
def test_batches(student, rng):
    """Each sample comes once an epoch, in batches of size B and a short one; the seed alone decides the order."""
    x, y, B, n = draw(rng)
    seed = int(rng.integers(1000))
    runs = [look(student, x, y, B, s, 2, world) for s, world in ((seed, 1), (seed, 2), (seed + 1, 1))]
    orders = [[whole(epoch, B, n) for epoch in shuffled] for shuffled, _, _ in runs]
    for _, ordered, _ in runs:
        for epoch in ordered:
            check.that(whole(epoch, B, n) == list(range(n)), "The second loader does not keep the order of the data.")
    check.that(orders[0][0] != list(range(n)), "The training loader does not shuffle.")
    check.that(orders[0] == orders[1], "Two loaders with the same seed give different batches.")
    check.that(orders[0] != orders[2], "Another seed gives the same batches.")


@points(2)
def test_epochs_differ(student, rng):
    """Each epoch has an order of its own."""
    x, y, B, n = draw(rng)
    shuffled, ordered, _ = look(student, x, y, B, int(rng.integers(1000)), 4, int(rng.integers(2**31)))
    orders = [tuple(whole(epoch, B, n)) for epoch in shuffled]
    check.that(len(set(orders)) == 4, f"In 4 epochs your training loader has {len(set(orders))} different orders.")
    check.that(whole(ordered[0], B, n) == list(range(n)), "The second loader does not keep the order of the data.")


@points(1)
def test_global_generators(student, rng):
    """Building the loaders leaves all global generators as they were."""
    x, y, B, n = draw(rng)
    shuffled, _, alone = look(student, x, y, B, int(rng.integers(1000)), 1, int(rng.integers(2**31)))
    check.that(alone, "Building your loaders changed the state of a global generator.")
    check.that(whole(shuffled[0], B, n) != list(range(n)), "The training loader does not shuffle.")


@points(3)
def test_call_order(student, rng):
    """It warms up, and each measured call stands between two syncs."""
    repeats = int(rng.integers(3, 7))
    log = student.beside(EVENTS, student.time_op, repeats)
    work = student.beside(QUEUE, student.time_op, 3, 0.02) if "s" in log else ("float", 0.0)
    calls = log.count("f")
    check.that(calls >= repeats, f"There are {calls} calls of fn for {repeats} repeats.")
    check.that(calls > repeats, "There is no call of fn before it measures.")
    warm_up = [k for k, event in enumerate(log) if event == "f"][calls - repeats]
    measured = log[warm_up:]
    check.that("s" in log, "sync was never called.")
    check.that(log[warm_up - 1] == "s", "sync was not called before the clock starts for the first time.")
    check.that("ff" not in measured and measured[-1] == "s", "sync was not called around each call that is measured.")
    check.that(work[1] > 0.01, "On a device that works behind one's back, you measure the queueing and not the work.")
    check.that(work[1] < 1.0, "Your time is not in seconds, or not that of one call.")


@points(2, seeds=2)
def test_median(student):
    """It is the time of a typical call in seconds, whatever the first call and a hiccup take."""
    times = [student.beside(NAPS, student.time_op, 5) for _ in range(1)]
    for seconds in times:
        check.that(seconds >= 0.018, "Your time is shorter than the work takes.")
        check.that(seconds < 1.0, "Your time is not in seconds.")
        check.that(seconds <= 0.06, "Your time is much longer than that of a typical call: some calls are slow.")
