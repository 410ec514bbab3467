"""Loss and accuracy of a classifier, measured without a trace."""

import numpy as np
import torch

from chainrule import check
from chainrule.grader import alternative, helper, misconception, points


def measured(evaluate, W, b, x, y, B, mode, dropout, times, seed=0):
    """Evaluates a classifier that records what is done to it: batch norm, dropout, a linear map."""
    import torch
    from torch import nn
    from torch.utils.data import DataLoader, TensorDataset

    log = []

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.norm, self.drop = nn.BatchNorm1d(W.shape[0], affine=False, eps=0.0), nn.Dropout(dropout)
            self.W, self.b = nn.Parameter(W.clone()), nn.Parameter(b.clone())

        def forward(self, inputs):
            log.append((self.training or self.norm.training or self.drop.training, torch.is_grad_enabled()))
            return self.drop(self.norm(inputs.flatten(1))) @ self.W + self.b

    torch.manual_seed(seed)
    net = Net()
    net.train(mode)
    for p in net.parameters():
        p.grad = torch.ones_like(p)
    before = [p.detach().clone() for p in (*net.parameters(), *net.buffers())]
    results = [evaluate(net, DataLoader(TensorDataset(x, y), batch_size=B), torch.device("cpu")) for _ in range(times)]
    after = [p.detach() for p in (*net.parameters(), *net.buffers())]
    return {
        "results": [
            tuple(float(part) for part in result) if isinstance(result, (tuple, list)) else result for result in results
        ],
        "modes": (net.training, net.norm.training, net.drop.training),
        "trained": any(training for training, _ in log),
        "taped": any(tape for _, tape in log),
        "forwards": len(log),
        "same": all(torch.equal(p, q) for p, q in zip(before, after, strict=True)),
        "grads": all(p.grad is not None and bool((p.grad == 1).all()) for p in net.parameters()),
        "requires": all(p.requires_grad for p in net.parameters()),
    }


# One evaluation, to be spoilt below.


def cross_entropy(logits, y):
    return torch.nn.functional.cross_entropy(logits, y).item()


def hits(logits, y):
    return (logits.argmax(dim=1) == y).sum().item()


def sums(model, loader, device, loss=cross_entropy, right=hits):
    rows = []
    for x, y in loader:
        x, y = x.to(device), y.to(device)
        logits = model(x)
        rows.append((loss(logits, y), right(logits, y), len(y)))
    return np.array(rows, dtype=float)


def weighted(rows):
    n = rows[:, 2].sum()
    return (rows[:, 0] * rows[:, 2]).sum() / n, rows[:, 1].sum() / n


def quietly(model, loader, device, loss=cross_entropy, right=hits, summary=weighted):
    was = model.training
    model.eval()
    with torch.no_grad():
        result = summary(sums(model, loader, device, loss, right))
    model.train(was)
    return result


@misconception("Dropout noise in the result: evaluate in evaluation mode.")
def no_eval(model, loader, device):
    with torch.no_grad():
        return weighted(sums(model, loader, device))


@misconception("Graph kept: evaluate under torch.no_grad().")
def with_tape(model, loader, device):
    was = model.training
    model.eval()
    result = weighted(sums(model, loader, device))
    model.train(was)
    return result


@misconception("Weight by samples: this is the mean of the batches' means.")
def mean_of_batches(model, loader, device):
    return quietly(model, loader, device, summary=lambda rows: (rows[:, 0].mean(), (rows[:, 1] / rows[:, 2]).mean()))


@misconception("Weight by samples: the accuracy is averaged over batches.")
def accuracy_of_batches(model, loader, device):
    def summary(rows):
        return weighted(rows)[0], (rows[:, 1] / rows[:, 2]).mean()

    return quietly(model, loader, device, summary=summary)


@misconception("Weight by samples: the loss is averaged over batches.")
def loss_of_batches(model, loader, device):
    return quietly(model, loader, device, summary=lambda rows: (rows[:, 0].mean(), weighted(rows)[1]))


@misconception("Per row: the largest logit of each sample, argmax(dim=1).")
def argmax_of_columns(model, loader, device):
    def right(logits, y):
        columns = logits.argmax(dim=0)
        return int((columns[: len(y)] == y[: len(columns)]).sum())

    return quietly(model, loader, device, right=right)


@misconception("The mode is not restored: put the model back into the mode in which you found it.")
def mode_not_restored(model, loader, device):
    model.eval()
    with torch.no_grad():
        return weighted(sums(model, loader, device))


@misconception("The model may have been in evaluation mode before: restore the mode that you found.")
def always_train(model, loader, device):
    result = quietly(model, loader, device)
    model.train()
    return result


@misconception("Order: (loss, accuracy).")
def swapped(model, loader, device):
    return quietly(model, loader, device, summary=lambda rows: weighted(rows)[::-1])


@misconception("The accuracy is a share between 0 and 1, no percentage.")
def percentage(model, loader, device):
    return quietly(model, loader, device, summary=lambda rows: (weighted(rows)[0], 100 * weighted(rows)[1]))


@misconception("The accuracy is a share: divide by the number of samples.")
def count(model, loader, device):
    return quietly(model, loader, device, summary=lambda rows: (weighted(rows)[0], rows[:, 1].sum()))


@misconception("The loss is a mean: divide by the number of samples.")
def total_loss(model, loader, device):
    return quietly(model, loader, device, summary=lambda rows: ((rows[:, 0] * rows[:, 2]).sum(), weighted(rows)[1]))


@misconception("F.cross_entropy is a mean already: weight it with the size of the batch.")
def divided_twice(model, loader, device):
    return quietly(model, loader, device, summary=lambda rows: (rows[:, 0].sum() / rows[:, 2].sum(), weighted(rows)[1]))


@misconception("cross_entropy takes logits: it applies the softmax itself.")
def softmax_twice(model, loader, device):
    return quietly(model, loader, device, loss=lambda logits, y: cross_entropy(logits.softmax(dim=1), y))


@misconception("Only the last batch counts here: add up over all of them.")
def last_batch(model, loader, device):
    return quietly(model, loader, device, summary=lambda rows: weighted(rows[-1:]))


@misconception("Only the first batch counts here: return after the loop.")
def first_batch(model, loader, device):
    return quietly(model, loader, device, summary=lambda rows: weighted(rows[:1]))


@misconception("This is the share of wrong answers.")
def error_rate(model, loader, device):
    return quietly(model, loader, device, summary=lambda rows: (weighted(rows)[0], 1 - weighted(rows)[1]))


@misconception("You train while you evaluate: gradients and parameters are to stay as they are.")
def training(model, loader, device):
    result = quietly(model, loader, device)
    for p in model.parameters():
        p.grad = None
    return result


@misconception("requires_grad is to stay as it is: turn the tape off, not the parameters.")
def freezes(model, loader, device):
    model.requires_grad_(False)
    return quietly(model, loader, device)


@misconception("Both are asked for: the loss and the accuracy.")
def loss_only(model, loader, device):
    return quietly(model, loader, device)[0]


@alternative("inference_mode as a decorator, try and finally")
@torch.inference_mode()
def inference_mode(model, loader, device):
    mode, loss, right = model.training, 0.0, 0
    model.eval()
    try:
        for x, y in loader:
            logits = model(x.to(device))
            loss += torch.nn.functional.cross_entropy(logits, y.to(device), reduction="sum").item()
            right += int((logits.max(dim=1).indices == y.to(device)).sum())
    finally:
        model.train(mode)
    return loss / len(loader.dataset), right / len(loader.dataset)


@alternative("all logits first, results as tensors")
def all_logits(model, loader, device):
    was = model.training
    model.eval()
    with torch.no_grad():
        pairs = [(model(x.to(device)), y.to(device)) for x, y in loader]
    model.train(was)
    logits, y = (torch.cat(parts) for parts in zip(*pairs, strict=True))
    return [torch.nn.functional.cross_entropy(logits, y), (logits.argmax(-1) == y).float().mean()]


@alternative("the loss written out")
def written_out(model, loader, device):
    was, losses, right = model.training, [], []
    model.train(False)
    with torch.no_grad():
        for x, y in loader:
            logits = model(x.to(device)).double()
            y = y.to(device)
            losses += (logits.logsumexp(1) - logits[torch.arange(len(y)), y]).tolist()
            right += (torch.topk(logits, 1).indices[:, 0] == y).tolist()
    model.train(was)
    return float(np.mean(losses)), float(np.mean(right))


def draw(rng, n, classes=None):
    d, k = int(rng.integers(3, 7)), classes or int(rng.integers(3, 6))
    W, b, x = rng.normal(size=(d, k)), rng.normal(size=k), 1.5 * rng.normal(size=(n, d))
    y = (x @ W + b).argmax(axis=1)
    wrong = rng.permutation(n)[: max(1, n // 3)]
    y[wrong] = (y[wrong] + 1 + rng.integers(0, k - 1, size=len(wrong))) % k
    x[-2:], y[-2:] = 3 * x[-2:], (x[-2:] @ W + b).argmin(axis=1)  # the short last batch is unlike the rest
    tensors = [torch.tensor(a, dtype=torch.float32) for a in (W, b, x)]
    return (*tensors, torch.tensor(y)), (W, b, x, y)


def by_hand(W, b, x, y):
    """In NumPy: batch norm with its first statistics, mean 0 and variance 1, is the identity."""
    logits = x @ W + b
    top = logits.max(axis=1, keepdims=True)
    log_sum = np.log(np.exp(logits - top).sum(axis=1)) + top[:, 0]
    return np.mean(log_sum - logits[np.arange(len(y)), y]), np.mean(logits.argmax(axis=1) == y)


PROBE = helper(measured)


def run(student, rng, n, B, *, mode=False, dropout=0.0, times=1):
    tensors, arrays = draw(rng, n)
    seed = int(rng.integers(2**31))
    got = student.beside(PROBE, student.evaluate, *tensors, B, mode, dropout, times, seed=seed)
    return got, by_hand(*arrays)


def right(got, want):
    for result in got["results"]:
        loss, accuracy = check.parts(result, 2)
        check.close(loss, want[0], rtol=1e-4, atol=1e-6)
        check.close(accuracy, want[1], rtol=1e-5, atol=1e-6)


@points(3)
def test_values(student, rng):
    """Loss and accuracy are means over samples, also with a short last batch."""
    runs = [run(student, rng, n, B) for n, B in ((12, 5), (9, 7), (8, 4), (6, 20), (13, 1))]
    for got, want in runs:
        right(got, want)


@points(3)
def test_quiet(student, rng):
    """Dropout is off: two calls agree, and give the right values."""
    got, want = run(student, rng, 12, 5, mode=True, dropout=0.5, times=2)
    check.that(not got["trained"], "Your model is in training mode while it is evaluated: dropout is active.")
    right(got, want)


@points(2)
def test_mode(student, rng):
    """The model is afterwards in the mode in which it was."""
    runs = [(mode, run(student, rng, 8, 3, mode=mode)) for mode in (True, False)]
    for mode, (got, _) in runs:
        check.that(
            got["modes"] == (mode,) * 3,
            f"The model was in {('evaluation', 'training')[mode]} mode, and is not now.",
        )
        check.that(got["forwards"] >= 3, "Your function did not show all batches to the model.")


@points(2)
def test_no_tape(student, rng):
    """Nothing is recorded, and gradients that were there stay."""
    got, _ = run(student, rng, 8, 3, mode=True)
    check.that(got["forwards"] >= 3, "Your function did not show all batches to the model.")
    check.that(not got["taped"], "Autograd records while you evaluate.")
    check.that(got["grads"], "The gradients of the parameters are not those of before.")
    check.that(got["requires"], "The parameters do not require a gradient any more.")


@points(2)
def test_untouched(student, rng):
    """Parameters and the running statistics of batch norm stay as they are."""
    got, want = run(student, rng, 9, 4, mode=True, times=2)
    check.that(got["same"], "After your evaluation, parameters or running statistics are not what they were.")
    right(got, want)
