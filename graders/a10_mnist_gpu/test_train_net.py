"""A trained classifier of the bundled digits: how good, how reproducible, what it returns."""

import numpy as np
import pytest
import torch
from scipy.special import softmax
from sklearn.datasets import load_digits
from torch import nn
from torch.nn import functional as F

from chainrule import check
from chainrule.grader import alternative, helper, misconception, points

SEED = 17
SECONDS = 90  # three trainings of 20 s, and half as much again


def trained(train_net, x, y, test, seed):
    """Trains twice with one seed and once with another, in a world whose generators moved on meanwhile."""
    import random

    import numpy as np
    import torch

    device, found = torch.device("cpu"), []
    for world, number in ((1, seed), (2, seed), (3, seed + 1)):
        torch.manual_seed(world)
        np.random.seed(world)
        random.seed(world)
        model = train_net(x.clone(), y.clone(), device, number)
        if not isinstance(model, torch.nn.Module):
            return type(model).__name__, [], False
        model.eval()
        with torch.no_grad():
            found.append(model(test).detach().clone())
    placed = all(p.device.type == device.type for p in model.parameters())
    return "Module", found, placed


def split():
    """Bundled digits as the text says: a fifth for testing, spread over all writers."""
    digits = load_digits()
    test = np.arange(1797) * 611 % 1797 < 360
    x = torch.tensor(digits.images[:, None] / 16, dtype=torch.float32)
    y = torch.tensor(digits.target, dtype=torch.int64)
    return x[~test], y[~test], x[test], y[test]


PROBE = helper(trained)


@pytest.fixture(scope="module")
def runs(shared_student):
    """The three trainings, paid for once."""
    x, y, test, _ = split()
    return shared_student.beside(PROBE, shared_student.train_net, x, y, test, seed=SEED)


# One training, to be spoilt below.


def network(n_in, seed):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Flatten(), nn.Linear(n_in, 64), nn.ReLU(), nn.Linear(64, 10))


def descend(model, x, y, seed, lr=3e-3, epochs=15, B=32, optimizer=torch.optim.Adam):
    generator = torch.Generator().manual_seed(seed)
    opt = optimizer(model.parameters(), lr=lr)
    for _ in range(epochs):
        for rows in torch.randperm(len(y), generator=generator).split(B):
            opt.zero_grad()
            F.cross_entropy(model(x[rows]), y[rows]).backward()
            opt.step()
    return model


def logits(run, k=0):
    """What the trained networks say about the test images; None if there are none."""
    found = [call.result[1] for call in run.calls if isinstance(call.result, tuple) and len(call.result) == 3]
    return np.asarray(found[0][k], dtype=float) if found and len(found[0]) == 3 else None


def accuracy(out):
    return float(np.mean(out.argmax(axis=1) == split()[3].numpy()))


def poor(run):
    out = logits(run)
    return out is not None and out.shape == (360, 10) and np.isfinite(out).all() and "accuracy" in run.failure


def spread(out):
    """How far the logits of an image are from those of the others: 0.06 before any training, 0.4 and more after it."""
    return float(np.std(out - out.mean(axis=0)))


def overconfident(out):
    """Mean probability of the answers, less how many are right: negative while a network learns from all images."""
    return float(softmax(out, axis=1).max(axis=1).mean()) - accuracy(out)


@misconception(
    "One class for every image: the learning rate is too large, the units have died.",
    when=lambda run: poor(run) and len(set(logits(run).argmax(axis=1))) == 1,
)
def dies(x, y, device, seed):
    return descend(network(x[0].numel(), seed), x, y, seed, lr=300.0, epochs=3, optimizer=torch.optim.SGD)


@misconception(
    "Accuracy ≈ 10 %: are labels and images shuffled apart?",
    when=lambda run: poor(run) and accuracy(logits(run)) < 0.25 and spread(logits(run)) > 0.15,
)
def labels_apart(x, y, device, seed):
    return descend(network(x[0].numel(), seed), x, y[torch.randperm(len(y))], seed)


@misconception(
    "Accuracy ≈ 10 %, and small logits: does the optimiser make its steps?",
    when=lambda run: poor(run) and accuracy(logits(run)) < 0.5 and spread(logits(run)) <= 0.15,
)
def untrained(x, y, device, seed):
    return network(x[0].numel(), seed)


@misconception(
    "Loss NaN: the learning rate is too large.",
    when=lambda run: logits(run) is not None and not np.isfinite(logits(run)).all(),
)
def diverges(x, y, device, seed):
    return descend(network(x[0].numel(), seed), x, y, seed, lr=1e20, epochs=2, optimizer=torch.optim.SGD)


@misconception(
    "Two runs with one seed must agree: seed torch and the shuffling.", when=lambda run: "do not agree" in run.failure
)
def seed_ignored(x, y, device, seed):
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
    return descend(model, x, y, int(torch.randint(1000, ())))


@misconception(
    "Two runs with one seed must agree: seed torch and the shuffling.", when=lambda run: "do not agree" in run.failure
)
def only_batches_seeded(x, y, device, seed):
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
    return descend(model, x, y, seed)


@misconception(
    "Another seed, another run: use the seed that you are given.", when=lambda run: "another seed" in run.failure
)
def constant_seed(x, y, device, seed):
    return descend(network(x[0].numel(), 0), x, y, 0)


@misconception("Return logits: the softmax belongs to the loss.", when=lambda run: "sum to 1" in run.failure)
def softmax_at_end(x, y, device, seed):
    return nn.Sequential(descend(network(x[0].numel(), seed), x, y, seed), nn.Softmax(dim=1))


@misconception(
    "It learns, but not enough: more epochs, or a better learning rate.",
    when=lambda run: poor(run) and 0.5 <= accuracy(logits(run)) < 0.95 and overconfident(logits(run)) <= 0.06,
)
def too_short(x, y, device, seed):
    return descend(network(x[0].numel(), seed), x, y, seed, lr=1e-3, epochs=1)


@misconception(
    "The network is to be returned, and nothing else.",
    when=lambda run: "NoneType, and not" not in run.failure and "not an nn.Module" in run.failure,
)
def returns_losses(x, y, device, seed):
    return descend(network(x[0].numel(), seed), x, y, seed, epochs=1), [0.1]


@misconception("The network is missing: is there a `return`?", when=lambda run: "NoneType" in run.failure)
def returns_nothing(x, y, device, seed):
    descend(network(x[0].numel(), seed), x, y, seed, epochs=1)


@misconception(
    "Images need not have 28 × 28 pixels: take the number of inputs from x.",
    when=lambda run: run.error == "RuntimeError",
)
def always_784(x, y, device, seed):
    return descend(network(784, seed), x, y, seed)


@misconception(
    "Sure of its answers, and often wrong: is it trained with all the images that you are given?",
    when=lambda run: poor(run) and accuracy(logits(run)) >= 0.25 and overconfident(logits(run)) > 0.06,
)
def first_batch_only(x, y, device, seed):
    return descend(network(x[0].numel(), seed), x[:32], y[:32], seed, epochs=400)


@alternative("SGD with momentum and a schedule")
def with_schedule(x, y, device, seed):
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Flatten(), nn.Linear(x[0].numel(), 100), nn.Tanh(), nn.Linear(100, 10)).to(device)
    opt = torch.optim.SGD(model.parameters(), lr=0.2, momentum=0.9)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(opt, 25)
    for _ in range(25):
        for rows in torch.randperm(len(y)).split(50):
            opt.zero_grad()
            F.cross_entropy(model(x[rows].to(device)), y[rows].to(device)).backward()
            opt.step()
        schedule.step()
    return model


@alternative("a convolutional network, in evaluation mode")
def convolutional(x, y, device, seed):
    torch.manual_seed(seed)
    size = (x.shape[2] // 2) * (x.shape[3] // 2) * 16
    model = nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1),
        nn.BatchNorm2d(16),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Dropout(0.2),
        nn.Linear(size, 10),
    ).to(device)
    return descend(model, x.to(device), y.to(device), seed, lr=2e-3, epochs=12).eval()


@alternative("the whole data in each step, many steps, AdamW")
def full_batch(x, y, device, seed):
    return descend(
        network(x[0].numel(), seed).to(device), x, y, seed, lr=1e-2, epochs=150, B=len(y), optimizer=torch.optim.AdamW
    )


# The tests.


def networks(runs):
    kind, found, _ = runs
    check.that(kind == "Module", f"What you return is a {check.known(kind)}, and not an nn.Module.")
    return [check.array(out, (360, 10)) for out in found]


def share(runs):
    return float(np.mean(networks(runs)[0].argmax(axis=1) == split()[3].numpy()))


@points(2, seeds=1, seconds=SECONDS)
def test_learns(runs):
    """Its accuracy on test digits is at least 0.90."""
    check.at_least(share(runs), 0.90, "test accuracy")


@points(2, seeds=1, seconds=SECONDS)
def test_learns_well(runs):
    """Its accuracy on test digits is at least 0.95."""
    check.at_least(share(runs), 0.95, "test accuracy")


@points(2, seeds=1, seconds=SECONDS)
def test_reproducible(runs):
    """Two runs with one seed give the same logits; another seed gives other ones."""
    first, again, other = networks(runs)
    check.that(np.allclose(first, again, rtol=1e-4, atol=1e-4), "Two runs with the same seed do not agree.")
    check.that(not np.allclose(first, other, rtol=1e-4, atol=1e-4), "The result with another seed is the same.")
    check.that(np.ptp(first, axis=0).max() > 1e-3, "All images have the same logits.")


@points(2, seeds=1, seconds=SECONDS)
def test_logits(runs):
    """The network is on the device, and gives ten logits for each image."""
    outs = networks(runs)
    check.that(runs[2], "Your network is not on the device that was asked for.")
    for out in outs:
        check.that(np.abs(out.sum(axis=1) - 1).max() > 1e-2, "The rows of your output sum to 1: they are no logits.")
        check.that(np.abs(out).max() > 1e-6 and np.ptp(out, axis=0).max() > 1e-3, "All images have the same logits.")
