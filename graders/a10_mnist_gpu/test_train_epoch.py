"""One epoch of training: the steps, the mode, the mean that is reported, memory and devices."""

import itertools

import numpy as np
import torch

from chainrule import check
from chainrule.grader import alternative, helper, misconception, points


def odd_loss(out, y):
    """No library's loss, so that the one that was given must be used; a mean over the batch."""
    import torch

    picked = torch.logsumexp(out, dim=1) - out.gather(1, y[:, None])[:, 0]
    return (1.7 * picked + 0.2 * out.square().sum(dim=1)).mean()


def trained(train_epoch, weights, x, y, B, lr, epochs, mode=False):
    """Trains a small network whose every move is recorded. Data only comes back."""
    import weakref

    import torch
    from torch import nn
    from torch.utils.data import DataLoader, TensorDataset, default_collate

    device = torch.device("cpu", 0)
    tokens, log = (
        weakref.WeakSet(),
        {"training": [], "tape": [], "states": [], "alive": 0, "steps": 0, "x": 0, "y": 0, "raw": 0},
    )

    class Token:
        pass

    class Mark(torch.autograd.Function):
        @staticmethod
        def forward(ctx, value):
            ctx.token = Token()
            tokens.add(ctx.token)
            return value.clone()

        @staticmethod
        def backward(ctx, gradient):
            return gradient

    class Recorded(torch.Tensor):
        @classmethod
        def __torch_function__(cls, func, types, args=(), kwargs=None):
            kwargs = kwargs or {}
            places = [a for a in (*args[1:], *kwargs.values()) if isinstance(a, (torch.device, str))]
            if func is torch.Tensor.to and any(torch.device(a) == device for a in places):
                with torch._C.DisableTorchFunctionSubclass():
                    plain = args[0].as_subclass(torch.Tensor)
                    log["x" if plain.is_floating_point() else "y"] += 1
                    return plain.clone()
            return super().__torch_function__(func, types, args, kwargs)

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.W, self.b, self.V = (nn.Parameter(w.clone()) for w in weights)

        def forward(self, inputs):
            log["raw"] += type(inputs) is Recorded
            log["training"].append(self.training)
            log["tape"].append(torch.is_grad_enabled())
            log["states"].append(float(self.W.detach().double().sum()))
            return torch.tanh(inputs @ self.W + self.b) @ self.V

    class Optimizer(torch.optim.SGD):
        def step(self, closure=None):
            result = super().step(closure)
            log["steps"] += 1
            return result

    def loss_fn(out, target):
        log["raw"] += type(target) is Recorded
        log["alive"] = max(log["alive"], len(tokens))
        return Mark.apply(odd_loss(out, target))

    def collate(samples):
        return [part.as_subclass(Recorded) for part in default_collate(samples)]

    net = Net()
    net.train(mode)
    opt = Optimizer(net.parameters(), lr=lr)
    loader = DataLoader(TensorDataset(x, y), batch_size=B, collate_fn=collate)
    results = [train_epoch(net, loader, opt, loss_fn, device) for _ in range(epochs)]
    states = [*log["states"], float(net.W.detach().double().sum())]
    return {
        "kinds": [type(result).__name__ for result in results],
        "values": [float(r.detach() if isinstance(r, torch.Tensor) else r) for r in results],
        "weights": [p.detach().clone() for p in net.parameters()],
        "training": all(log["training"]) and all(log["tape"]) and len(log["training"]) > 0,
        "changes": sum(a != b for a, b in itertools.pairwise(states)),
        "steps": log["steps"],
        "kept": log["alive"] > 4 or len(tokens) > 0,
        "moved": (log["x"], log["y"]),
        "raw": log["raw"],
    }


# One loop, to be spoilt below.


def one_step(model, x, y, opt, loss_fn):
    opt.zero_grad()
    loss = loss_fn(model(x), y)
    loss.backward()
    opt.step()
    return loss.item()


def mean(losses, sizes):
    return sum(loss * n for loss, n in zip(losses, sizes, strict=True)) / sum(sizes)


def loop(model, loader, opt, loss_fn, device, step=one_step, summary=mean, prepare=torch.nn.Module.train):
    prepare(model)
    losses, sizes = [], []
    for x, y in loader:
        losses.append(step(model, x.to(device), y.to(device), opt, loss_fn))
        sizes.append(len(y))
    return summary(losses, sizes)


@misconception("Gradients accumulate over batches: forget the old ones.")
def no_zero_grad(model, loader, opt, loss_fn, device):
    def step(model, x, y, opt, loss_fn):
        loss = loss_fn(model(x), y)
        loss.backward()
        opt.step()
        return loss.item()

    return loop(model, loader, opt, loss_fn, device, step)


@misconception("Gradients accumulate over batches: forget the old ones for each batch, not once an epoch.")
def zero_grad_once(model, loader, opt, loss_fn, device):
    opt.zero_grad()
    return no_zero_grad(model, loader, opt, loss_fn, device)


@misconception("Old gradients: backward comes before the step.")
def step_before_backward(model, loader, opt, loss_fn, device):
    def step(model, x, y, opt, loss_fn):
        loss = loss_fn(model(x), y)
        opt.step()
        opt.zero_grad()
        loss.backward()
        return loss.item()

    return loop(model, loader, opt, loss_fn, device, step)


@misconception("You forget the gradients between backward and the step: nothing is learned.")
def zero_after_backward(model, loader, opt, loss_fn, device):
    def step(model, x, y, opt, loss_fn):
        loss = loss_fn(model(x), y)
        loss.backward()
        opt.zero_grad()
        opt.step()
        return loss.item()

    return loop(model, loader, opt, loss_fn, device, step)


@misconception("Short batch over-weighted: this is the mean of the batch means.")
def mean_of_means(model, loader, opt, loss_fn, device):
    return loop(model, loader, opt, loss_fn, device, summary=lambda losses, sizes: sum(losses) / len(losses))


@misconception("This is the sum over the samples: divide by their number.")
def sum_of_samples(model, loader, opt, loss_fn, device):
    def summary(losses, sizes):
        return sum(loss * n for loss, n in zip(losses, sizes, strict=True))

    return loop(model, loader, opt, loss_fn, device, summary=summary)


@misconception("This is the sum of the batch means: weight them, and divide by the number of samples.")
def sum_of_means(model, loader, opt, loss_fn, device):
    return loop(model, loader, opt, loss_fn, device, summary=lambda losses, sizes: sum(losses))


@misconception("loss_fn is a mean already: weight it with the size of the batch before you divide by all samples.")
def divided_twice(model, loader, opt, loss_fn, device):
    return loop(model, loader, opt, loss_fn, device, summary=lambda losses, sizes: sum(losses) / sum(sizes))


@misconception("All batches count as if they were full; the last is shorter.")
def all_full(model, loader, opt, loss_fn, device):
    def summary(losses, sizes):
        return sum(losses) * sizes[0] / sum(sizes)

    return loop(model, loader, opt, loss_fn, device, summary=summary)


@misconception("This is the loss of the last batch only.")
def last_batch(model, loader, opt, loss_fn, device):
    return loop(model, loader, opt, loss_fn, device, summary=lambda losses, sizes: losses[-1])


@misconception("Return the loss that was met before the step, not that of a second pass.")
def after_the_step(model, loader, opt, loss_fn, device):
    def step(model, x, y, opt, loss_fn):
        one_step(model, x, y, opt, loss_fn)
        return loss_fn(model(x), y).item()

    return loop(model, loader, opt, loss_fn, device, step)


@misconception("Memory grows: .item(). You return a tensor with its graph.")
def with_graph(model, loader, opt, loss_fn, device):
    model.train()
    total, seen = 0.0, 0
    for x, y in loader:
        x, y = x.to(device), y.to(device)
        opt.zero_grad()
        loss = loss_fn(model(x), y)
        loss.backward()
        opt.step()
        total, seen = total + loss * len(y), seen + len(y)
    return total / seen


@misconception("Memory grows: take .item() in the loop, not only at its end.")
def graph_until_the_end(model, loader, opt, loss_fn, device):
    return with_graph(model, loader, opt, loss_fn, device).item()


@misconception("A Python float is asked for: .item().")
def detached_tensor(model, loader, opt, loss_fn, device):
    return torch.tensor(loop(model, loader, opt, loss_fn, device))


@misconception("Dropout/BN off while training: the model is still in evaluation mode.")
def evaluation_mode(model, loader, opt, loss_fn, device):
    return loop(model, loader, opt, loss_fn, device, prepare=lambda model: None)


@misconception("Dropout/BN off while training: eval() is for evaluation.")
def calls_eval(model, loader, opt, loss_fn, device):
    return loop(model, loader, opt, loss_fn, device, prepare=lambda model: model.eval())


@misconception("Move both tensors of a batch to the device.")
def nothing_moved(model, loader, opt, loss_fn, device):
    model.train()
    losses, sizes = [], []
    for x, y in loader:
        losses.append(one_step(model, x, y, opt, loss_fn))
        sizes.append(len(y))
    return mean(losses, sizes)


@misconception("The labels belong on the device, too.")
def labels_left(model, loader, opt, loss_fn, device):
    model.train()
    losses, sizes = [], []
    for x, y in loader:
        losses.append(one_step(model, x.to(device), y, opt, loss_fn))
        sizes.append(len(y))
    return mean(losses, sizes)


@misconception("`.to` returns the moved tensor; it does not move its own.")
def moved_in_vain(model, loader, opt, loss_fn, device):
    model.train()
    losses, sizes = [], []
    for x, y in loader:
        x.to(device), y.to(device)
        losses.append(one_step(model, x, y, opt, loss_fn))
        sizes.append(len(y))
    return mean(losses, sizes)


@misconception("One step for each batch, not one for the epoch.")
def one_step_an_epoch(model, loader, opt, loss_fn, device):
    model.train()
    opt.zero_grad()
    losses, sizes = [], []
    for x, y in loader:
        loss = loss_fn(model(x.to(device)), y.to(device))
        loss.backward()
        losses.append(loss.item())
        sizes.append(len(y))
    opt.step()
    return mean(losses, sizes)


@misconception("One step for each batch, not several.")
def two_steps(model, loader, opt, loss_fn, device):
    def step(model, x, y, opt, loss_fn):
        loss = one_step(model, x, y, opt, loss_fn)
        one_step(model, x, y, opt, loss_fn)
        return loss

    return loop(model, loader, opt, loss_fn, device, step)


@misconception("Nothing is learned: the step of the optimiser is missing.")
def no_step(model, loader, opt, loss_fn, device):
    def step(model, x, y, opt, loss_fn):
        opt.zero_grad()
        loss = loss_fn(model(x), y)
        loss.backward()
        return loss.item()

    return loop(model, loader, opt, loss_fn, device, step)


@misconception("Take the loss function that you are given; it need not be the cross-entropy.")
def own_loss(model, loader, opt, loss_fn, device):
    return loop(model, loader, opt, torch.nn.functional.cross_entropy, device)


@misconception("The last batch is skipped: it is shorter, but it counts.")
def last_skipped(model, loader, opt, loss_fn, device):
    batches = list(loader)
    return loop(model, [batch for batch in batches if len(batch[1]) == len(batches[0][1])], opt, loss_fn, device)


@misconception("Only the first batch is used: return after the loop, not in it.")
def first_batch(model, loader, opt, loss_fn, device):
    return loop(model, [next(iter(loader))], opt, loss_fn, device)


@misconception("The whole epoch as one batch: keep the batches of the loader.")
def whole_epoch(model, loader, opt, loss_fn, device):
    batches = list(loader)
    x, y = (torch.cat([batch[k].to(device) for batch in batches]) for k in (0, 1))
    return loop(model, [(x, y)], opt, loss_fn, device)


@alternative("zero_grad after the step")
def zero_after_step(model, loader, opt, loss_fn, device):
    def step(model, x, y, opt, loss_fn):
        loss = loss_fn(model(x), y)
        loss.backward()
        opt.step()
        opt.zero_grad()
        return loss.item()

    return loop(model, loader, opt, loss_fn, device, step)


@alternative("division by len(loader.dataset), model.zero_grad")
def by_dataset(model, loader, opt, loss_fn, device):
    model.train(True)
    total = 0.0
    for batch in loader:
        x, y = (part.to(device, non_blocking=True) for part in batch)
        model.zero_grad(set_to_none=False)
        loss = loss_fn(model(x), y)
        loss.backward()
        opt.step()
        total += float(loss) * x.shape[0]
    return total / len(loader.dataset)


@alternative("np.average, gradients set to None by hand")
def averaged(model, loader, opt, loss_fn, device):
    model.train()
    losses, sizes = [], []
    for x, y in loader:
        x, y = x.to(device=device), y.to(device=device)
        for p in model.parameters():
            p.grad = None
        loss = loss_fn(model(x), y)
        loss.backward()
        opt.step()
        losses.append(loss.detach())
        sizes.append(y.size(0))
    return float(np.average(np.array([float(loss) for loss in losses]), weights=sizes))


@alternative("a closure, and a sum kept on the device without its graph")
def with_closure(model, loader, opt, loss_fn, device):
    model.train()
    total, seen = torch.zeros((), device=device), 0
    for x, y in loader:
        x, y = x.to(device), y.to(device)

        def closure(x=x, y=y):
            opt.zero_grad()
            loss = loss_fn(model(x), y)
            loss.backward()
            return loss

        total += opt.step(closure).detach() * len(y)
        seen += len(y)
    return (total / seen).item()


# The tests.


def draw(rng, B, batches, last):
    """Weights and data; the last batch has `last` samples and another loss than the rest."""
    d, h, k = (int(n) for n in rng.integers(3, 6, size=3))
    n = B * (batches - 1) + last
    weights = [rng.normal(size=(d, h)), rng.normal(size=h), 1.5 * rng.normal(size=(h, k))]
    x, y = rng.normal(size=(n, d)), rng.integers(0, k, size=n)
    x[-last:] *= 3.0
    return (
        [torch.tensor(w, dtype=torch.float32) for w in weights],
        torch.tensor(x, dtype=torch.float32),
        torch.tensor(y),
    )


def by_hand(weights, x, y, B, lr, epochs):
    """The same epochs with autograd's gradients in double precision, no optimiser and no .grad."""
    W, b, V = (w.double().requires_grad_() for w in weights)
    means = []
    for _ in range(epochs):
        total = 0.0
        for start in range(0, len(y), B):
            inputs, labels = x[start : start + B].double(), y[start : start + B]
            loss = odd_loss(torch.tanh(inputs @ W + b) @ V, labels)
            total += loss.item() * len(labels)
            gradients = torch.autograd.grad(loss, (W, b, V))
            W, b, V = ((p - lr * g).detach().requires_grad_() for p, g in zip((W, b, V), gradients, strict=True))
        means.append(total / len(y))
    return [p.detach().numpy() for p in (W, b, V)], means


PROBE = helper(trained)


def train(student, rng, *, B=4, batches=4, last=4, lr=0.05, epochs=1, mode=False):
    weights, x, y = draw(rng, B, batches, last)
    got = student.beside(PROBE, student.train_epoch, weights, x, y, B, lr, epochs, mode)
    return got, by_hand(weights, x, y, B, lr, epochs)


@points(4)
def test_steps(student, rng):
    """After one epoch, and after three, the parameters are those of gradient steps with each batch alone."""
    runs = [
        train(student, rng, batches=5, last=3),
        train(student, rng, epochs=3, mode=True),
        train(student, rng, lr=0.2),
    ]
    for got, (weights, _) in runs:
        for mine, want in zip(got["weights"], weights, strict=True):
            check.close(mine, want, rtol=1e-4, atol=1e-5)


@points(3)
def test_mode(student, rng):
    """The model is in training mode for each batch, and gradients are recorded."""
    runs = [train(student, rng, mode=False), train(student, rng, mode=True, epochs=2)]
    for got, _ in runs:
        check.that(got["training"], "Your model is not in training mode when it sees a batch, or sees none.")
        check.that(got["changes"] > 0, "Your model is in training mode, and does not train.")


@points(3)
def test_mean(student, rng):
    """The result is the mean over samples of the losses on the way, also with a short last batch."""
    runs = [
        train(student, rng, B=6, batches=3, last=1, lr=0.0),
        train(student, rng, B=5, batches=3, last=2, lr=0.1, epochs=2),
        train(student, rng, B=4, batches=2, last=4, lr=0.3),
        train(student, rng, B=9, batches=1, last=3, lr=0.1),
    ]
    for got, (_, means) in runs:
        check.close(np.array(got["values"]), np.array(means), rtol=1e-4, atol=1e-6)


@points(2)
def test_plain_float(student, rng):
    """The result is a Python float, and no graph outlives its batch."""
    got, (_, means) = train(student, rng, batches=9)
    check.that(
        got["kinds"][0] in ("float", "float64"),
        f"Expected a Python float, got a {check.known(got['kinds'][0])}: take .item().",
    )
    check.that(not got["kept"], "Graphs of earlier batches are still in memory: what you add up remembers them.")
    check.close(got["values"][0], means[0], rtol=1e-4, atol=1e-6)


@points(2)
def test_device(student, rng):
    """Images and labels of each batch are moved to the device."""
    got, (weights, _) = train(student, rng, batches=3)
    x, y = got["moved"]
    check.that(x >= 3, f"Of 3 batches, the images of {x} were moved to the device.")
    check.that(y >= 3, f"Of 3 batches, the labels of {y} were moved to the device.")
    check.that(got["raw"] == 0, "A batch that was not moved reached the model or the loss.")
    check.close(got["weights"][0], weights[0], rtol=1e-4, atol=1e-5)


@points(2)
def test_number_of_steps(student, rng):
    """The parameters change exactly once for each batch."""
    runs = [(train(student, rng, batches=batches, last=2, epochs=epochs)[0], batches * epochs)
            for batches, epochs in ((5, 1), (1, 1), (3, 2))]  # fmt: skip
    for got, want in runs:
        check.that(got["steps"] == want, f"Your epochs make {got['steps']} steps of the optimiser for {want} batches.")
        check.that(got["changes"] == want, f"The parameters change {got['changes']} times for {want} batches.")
