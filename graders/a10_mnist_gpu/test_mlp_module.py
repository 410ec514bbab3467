"""A multilayer perceptron as a module: shapes, registration, and the function that it computes."""

import itertools

import numpy as np
import torch
from torch import nn

from chainrule import check
from chainrule.grader import alternative, helper, misconception, points


def built(MLP, n_in, widths, n_out, shapes, inputs, seed=0):
    """A network with pinned weights: shapes of its parameters, which of them are its linear layers', and its outputs.

    The outputs are those in evaluation and in training mode, and with the last linear layer scaled by 100.
    """
    import torch

    torch.manual_seed(seed)
    net = MLP(n_in, widths, n_out)
    other = MLP(n_in, widths, n_out)
    linears = [layer for layer in net.modules() if type(layer).__name__ == "Linear"]
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for p in [p for layer in linears for p in layer.parameters()]:
            p.copy_(torch.randn(p.shape, generator=generator) / max(1, p.shape[-1]) ** 0.5)
    torch.manual_seed(seed + 1)
    outputs = [net(inputs.reshape(shape)) for shape in shapes]
    before = [p.detach().clone() for layer in linears for p in layer.parameters()]
    other.load_state_dict(net.state_dict())
    copied = other(inputs.reshape(shapes[0]))
    quiet = net.eval()(inputs.reshape(shapes[0]))
    with torch.no_grad():
        for p in linears[-1].parameters() if linears else ():
            p.mul_(100.0)
    loud = net(inputs.reshape(shapes[0]))
    counts = sum(p.numel() for p in net.parameters()), sum(p.numel() for p in other.parameters())
    trained = [bool(p.requires_grad) for p in net.parameters()]
    return outputs, before, counts, copied, quiet, loud, trained, isinstance(net, torch.nn.Module)


FLATTEN = "Flatten each sample to n_in numbers: images arrive as (N,1,H,W), and do not always have 784 pixels."


class Base(nn.Module):
    """The right network, to be spoilt below."""

    def __init__(self, n_in, widths, n_out):
        super().__init__()
        sizes = [n_in, *widths, n_out]
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in itertools.pairwise(sizes))

    def hidden(self, h):
        for layer in self.layers[:-1]:
            h = torch.relu(layer(h))
        return h

    def forward(self, x):
        return self.layers[-1](self.hidden(x.flatten(1)))


@misconception("CrossEntropyLoss takes logits: leave the softmax to the loss.", of="MLP")
class SoftmaxAtEnd(Base):
    def forward(self, x):
        return super().forward(x).softmax(dim=1)


@misconception("CrossEntropyLoss takes logits: leave the logarithm of the softmax to the loss.", of="MLP")
class LogSoftmaxAtEnd(Base):
    def forward(self, x):
        return super().forward(x).log_softmax(dim=1)


@misconception("Logits are any real numbers: no sigmoid at the end.", of="MLP")
class SigmoidAtEnd(Base):
    def forward(self, x):
        return super().forward(x).sigmoid()


@misconception("No activation after the last layer: logits may be negative.", of="MLP")
class ReluAtEnd(Base):
    def forward(self, x):
        return super().forward(x).relu()


@misconception("Not registered: use ModuleList/Sequential.", of="MLP")
class PythonList(nn.Module):
    def __init__(self, n_in, widths, n_out):
        super().__init__()
        sizes = [n_in, *widths, n_out]
        self.layers = [nn.Linear(a, b) for a, b in itertools.pairwise(sizes)]

    def forward(self, x):
        h = x.flatten(1)
        for layer in self.layers[:-1]:
            h = torch.relu(layer(h))
        return self.layers[-1](h)


@misconception("For one sample the shape is (1, n_out): keep the batch dimension.", of="MLP")
class Squeezed(Base):
    def forward(self, x):
        return super().forward(x).squeeze(0)


@misconception("Batch dimension lost: flatten each sample, not the whole batch.", of="MLP")
class BatchLost(Base):
    def forward(self, x):
        return self.layers[-1](self.hidden(x.reshape(-1)))


@misconception(FLATTEN, of="MLP")
class NotFlattened(Base):
    def forward(self, x):
        return self.layers[-1](self.hidden(x))


@misconception(FLATTEN, of="MLP")
class Always784(Base):
    def forward(self, x):
        return self.layers[-1](self.hidden(x.view(-1, 784)))


@misconception("Call it first: `super().__init__()` prepares the module.", of="MLP")
class NoSuper(Base):
    def __init__(self, n_in, widths, n_out):
        sizes = [n_in, *widths, n_out]
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in itertools.pairwise(sizes))


@misconception("Without an activation between them, all layers together are one affine map.", of="MLP")
class NoActivation(Base):
    def hidden(self, h):
        for layer in self.layers[:-1]:
            h = layer(h)
        return h


@misconception("The activation is ReLU.", of="MLP")
class Tanh(Base):
    def hidden(self, h):
        for layer in self.layers[:-1]:
            h = torch.tanh(layer(h))
        return h


@misconception("The activation is ReLU, without a slope on the left.", of="MLP")
class Leaky(Base):
    def hidden(self, h):
        for layer in self.layers[:-1]:
            h = nn.functional.leaky_relu(layer(h))
        return h


@misconception("A layer for each of the widths, however many there are.", of="MLP")
class OneHiddenLayer(Base):
    def __init__(self, n_in, widths, n_out):
        super().__init__(n_in, list(widths)[:1], n_out)


@misconception("Each layer has a bias.", of="MLP")
class NoBias(Base):
    def __init__(self, n_in, widths, n_out):
        super().__init__(n_in, widths, n_out)
        sizes = [n_in, *widths, n_out]
        self.layers = nn.ModuleList(nn.Linear(a, b, bias=False) for a, b in itertools.pairwise(sizes))


@misconception("`widths` may be empty: then there is one linear layer.", of="MLP")
class NeedsHidden(Base):
    def __init__(self, n_in, widths, n_out):
        widths[-1]
        super().__init__(n_in, widths, n_out)


@misconception("Only what was asked: no dropout.", of="MLP")
class WithDropout(Base):
    def forward(self, x):
        return self.layers[-1](nn.functional.dropout(self.hidden(x.flatten(1)), 0.5, self.training))


@misconception("Only what was asked: no normalisation, it has parameters of its own.", of="MLP")
class WithNorm(Base):
    def __init__(self, n_in, widths, n_out):
        super().__init__(n_in, widths, n_out)
        self.norm = nn.LayerNorm(n_in)

    def forward(self, x):
        return super().forward(self.norm(x.flatten(1)))


@misconception("A layer that is used twice has the same weights twice: make one for each width.", of="MLP")
class SharedHidden(Base):
    def __init__(self, n_in, widths, n_out):
        super().__init__(n_in, widths, n_out)
        for k in range(1, len(self.layers) - 1):
            if self.layers[k].weight.shape[0] == self.layers[k].weight.shape[1]:
                self.layers[k + 1 if k + 2 < len(self.layers) else k] = self.layers[k]


@misconception("Create the layers in the order in which they are used.", of="MLP")
class OutputFirst(nn.Module):
    def __init__(self, n_in, widths, n_out):
        super().__init__()
        sizes = [n_in, *widths]
        self.last = nn.Linear(sizes[-1], n_out)
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in itertools.pairwise(sizes))

    def forward(self, x):
        h = x.flatten(1)
        for layer in self.layers:
            h = torch.relu(layer(h))
        return self.last(h)


@alternative("nn.Sequential", of="MLP")
class Sequential(nn.Module):
    def __init__(self, n_in, widths, n_out):
        super().__init__()
        steps, before = [nn.Flatten()], n_in
        for width in widths:
            steps += [nn.Linear(before, width), nn.ReLU()]
            before = width
        self.net = nn.Sequential(*steps, nn.Linear(before, n_out))

    def forward(self, x):
        return self.net(x)


@alternative("functional ReLU, attributes by name", of="MLP")
class Named(nn.Module):
    def __init__(self, n_in, widths, n_out):
        super(Named, self).__init__()  # noqa: UP008 - many write it like this
        self.depth = len(widths)
        for k, width in enumerate(widths):
            setattr(self, f"hidden{k}", nn.Linear(n_in, width))
            n_in = width
        self.out = nn.Linear(n_in, n_out)

    def forward(self, x):
        x = x.reshape(x.shape[0], -1)
        for k in range(self.depth):
            x = nn.functional.relu(getattr(self, f"hidden{k}")(x))
        return self.out(x)


@alternative("a subclass of nn.Sequential", of="MLP")
class IsSequential(nn.Sequential):
    def __init__(self, n_in, widths, n_out):
        steps = [nn.Flatten()]
        for a, b in zip([n_in, *widths], widths):  # noqa: B905 - the last width has no pair
            steps.extend((nn.Linear(a, b), nn.ReLU(inplace=True)))
        super().__init__(*steps, nn.Linear([n_in, *widths][-1], n_out))


@alternative("clamp as ReLU", of="MLP")
class Clamped(Base):
    def hidden(self, h):
        for layer in self.layers[:-1]:
            h = layer(h).clamp(min=0)
        return h


NETS = ([6, 5], [], [4], [5, 5, 5], [3, 7, 4, 6])


PROBE = helper(built)


def build(student, rng, widths, n=4, tuple_of_widths=False):
    height, width, n_out = int(rng.integers(2, 5)), int(rng.integers(2, 5)), int(rng.integers(3, 6))
    n_in = height * width
    inputs = torch.tensor(rng.normal(size=(n, n_in)), dtype=torch.float32)
    shapes, seed = [(n, 1, height, width), (n, n_in), (n, height, width)], int(rng.integers(2**31))
    given = tuple(widths) if tuple_of_widths else list(widths)
    result = student.beside(PROBE, student.MLP, n_in, given, n_out, shapes, inputs, seed=seed)
    return [n_in, *widths, n_out], inputs.double().numpy(), result


def by_hand(weights, inputs):
    """What NumPy computes from the weights (out, in) and biases of the linear layers, in their order."""
    values = [check.array(p) for p in weights]
    h = inputs
    for k in range(0, len(values), 2):
        h = h @ values[k].T + values[k + 1]
        h = np.maximum(h, 0) if k < len(values) - 2 else h
    return h


def expected_shapes(sizes):
    return [shape for a, b in itertools.pairwise(sizes) for shape in ((b, a), (b,))]


def same_layers(weights, sizes):
    shapes = [tuple(p.shape) for p in weights]
    check.that(
        shapes == expected_shapes(sizes),
        f"Your module has {len(shapes)} weights and biases in linear layers, which are not those of a network of these "
        "widths, in the order of use. Are all layers registered, each with its bias?",
    )


@points(3)
def test_output_shape(student, rng):
    """The output has shape (N, n_out), for images and for vectors."""
    runs = [build(student, rng, widths) for widths in NETS[:3]]
    runs.append(build(student, rng, [4, 3], tuple_of_widths=True))
    for sizes, inputs, (outputs, *_) in runs:
        for output in outputs:
            check.array(output, (len(inputs), sizes[-1]))
        for output in outputs[1:]:
            check.close(output, check.array(outputs[0]), rtol=1e-4, atol=1e-5)
    # Over all networks: in one, all units may be dead for all of its few inputs.
    spread = max(np.ptp(check.array(outputs[0]), axis=0).max() for _, _, (outputs, *_) in runs)
    check.that(spread > 1e-6, "All samples have the same output.")


@points(3)
def test_registration(student, rng):
    """All weights and biases are registered: they are counted, and survive a copy of the state_dict."""
    for sizes, _, (outputs, weights, counts, copied, _, _, trained, is_module) in [
        build(student, rng, widths) for widths in NETS
    ]:
        check.that(is_module, "Your MLP is not an nn.Module.")
        want = sum(int(np.prod(shape)) for shape in expected_shapes(sizes))
        check.that(counts == (want, want), f"Your module has {counts[0]} parameters; another number belongs there.")
        same_layers(weights, sizes)
        check.that(all(trained), "Some of your parameters do not require a gradient.")
        check.close(copied, check.array(outputs[0]), rtol=1e-4, atol=1e-5)


@points(3)
def test_logits(student, rng):
    """The outputs are logits: any real numbers, and proportional to the weights of the last layer."""
    runs = [build(student, rng, widths, n=12) for widths in NETS]
    # Over all networks: the outputs of a single deep one may well be all positive.
    least = min(check.array(outputs[0]).min() for _, _, (outputs, *_) in runs)
    check.that(least < 0, "Your outputs are never negative; logits are.")
    for _, _, (outputs, weights, _, _, _, loud, *_) in runs:
        plain, loud = check.array(outputs[0]), check.array(loud)
        check.that(np.abs(plain.sum(axis=1) - 1).max() > 1e-3, "The rows of your output sum to 1: they are no logits.")
        check.that(
            np.abs(np.log(np.exp(plain).sum(axis=1))).max() > 1e-3,
            "The exponentials of your outputs sum to 1: they are no logits.",
        )
        check.that(
            weights and np.allclose(loud, 100 * plain, rtol=1e-3, atol=1e-3),
            "With the last linear layer 100 times as large, your outputs are not 100 times as large.",
        )


@points(2)
def test_function(student, rng):
    """It computes what NumPy computes with the same weights, in both modes."""
    for sizes, inputs, (outputs, weights, _, _, quiet, *_) in [build(student, rng, widths) for widths in NETS]:
        same_layers(weights, sizes)
        want = by_hand(weights, inputs)
        for got in (outputs[0], quiet):
            check.close(got, want, rtol=1e-4, atol=1e-5)


@points(1)
def test_one_sample(student, rng):
    """A batch may hold one sample."""
    for sizes, inputs, (outputs, weights, *_) in [build(student, rng, widths, n=1) for widths in ([5], [4, 3])]:
        for output in outputs:
            check.array(output, (1, sizes[-1]))
        same_layers(weights, sizes)
        check.close(outputs[0], by_hand(weights, inputs), rtol=1e-4, atol=1e-5)
