"""NumPy parameters copied into the linear layers of a module, in place."""

import itertools

import numpy as np
import torch
from torch import nn

from chainrule import check
from chainrule.grader import alternative, helper, misconception, points


def filled(fill, sizes, nested, frozen, params, inputs, seed=0):
    """A module before and after: what it computes, whether its parameters are the same objects, what they require."""
    import torch
    from torch import nn

    torch.manual_seed(seed)
    steps = []
    for k, (a, b) in enumerate(itertools.pairwise(sizes)):
        steps += [nn.Linear(a, b), nn.ReLU() if k < len(sizes) - 2 else nn.Identity()]
    module = nn.Sequential(*steps)
    if nested:
        module = nn.ModuleDict({"z": nn.Sequential(nn.Flatten(), steps[0], steps[1]), "a": nn.Sequential(*steps[2:])})
    before = list(module.parameters())
    for p, frost in zip(before, frozen):  # noqa: B905
        p.requires_grad_(not frost)
    optimizer = torch.optim.SGD([p for p in before if p.requires_grad], lr=0.0)
    arrays = [(W.copy(), b.copy()) for W, b in params]
    untouched = [W.copy() for W, _ in params]
    fill(module, arrays)
    unchanged = all((w == W).all() for (W, _), w in zip(arrays, untouched))  # noqa: B905

    def output():
        x = torch.as_tensor(inputs, dtype=torch.float32)
        with torch.no_grad():
            return module["a"](module["z"](x)) if nested else module(x)

    first = output()
    for W, b in arrays:
        W += 1.0
        b -= 1.0
    after = list(module.parameters())
    same = len(before) == len(after) and all(p is q for p, q in zip(before, after))  # noqa: B905
    held = sum(any(p is q for q in after) for p in optimizer.param_groups[0]["params"])
    facts = [(bool(p.requires_grad), p.is_leaf, str(p.dtype)) for p in after]
    return first, output(), same, held == len(optimizer.param_groups[0]["params"]), facts, unchanged


def linears(module):
    return [layer for layer in module.modules() if isinstance(layer, nn.Linear)]


def tensor(a):
    return torch.tensor(a, dtype=torch.float32)


@misconception("torch stores (out,in); for square layers the error is silent.", of="load_numpy_")
def not_transposed(module, params):
    with torch.no_grad():
        for layer, (W, b) in zip(linears(module), params, strict=True):
            layer.weight.copy_(tensor(W))
            layer.bias.copy_(tensor(b))


@misconception("from_numpy shares memory: copy_.", of="load_numpy_")
def shared_memory(module, params):
    for layer, (W, b) in zip(linears(module), params, strict=True):
        layer.weight.data = torch.from_numpy(W).T.float()
        layer.bias.data = torch.from_numpy(b).to(torch.float32)


@misconception("Optimisers keep the old ones: do not make new Parameter objects.", of="load_numpy_")
def new_parameters(module, params):
    for layer, (W, b) in zip(linears(module), params, strict=True):
        layer.weight = nn.Parameter(tensor(W).T, requires_grad=layer.weight.requires_grad)
        layer.bias = nn.Parameter(tensor(b), requires_grad=layer.bias.requires_grad)


@misconception("Use torch.no_grad(): autograd does not let you overwrite a leaf.", of="load_numpy_")
def with_tape(module, params):
    for layer, (W, b) in zip(linears(module), params, strict=True):
        layer.weight.copy_(tensor(W).T)
        layer.bias.copy_(tensor(b))


@misconception("The biases are missing.", of="load_numpy_")
def weights_only(module, params):
    with torch.no_grad():
        for layer, (W, _) in zip(linears(module), params, strict=True):
            layer.weight.copy_(tensor(W).T)


@misconception("Keep requires_grad as it was: it may be False on purpose.", of="load_numpy_")
def all_trainable(module, params):
    with torch.no_grad():
        for layer, (W, b) in zip(linears(module), params, strict=True):
            layer.weight.copy_(tensor(W).T)
            layer.bias.copy_(tensor(b))
            layer.requires_grad_(True)


@misconception("The parameters cannot be trained any more: keep requires_grad as it was.", of="load_numpy_")
def frozen_after(module, params):
    with torch.no_grad():
        for layer, (W, b) in zip(linears(module), params, strict=True):
            layer.requires_grad_(False)
            layer.weight.copy_(tensor(W).T)
            layer.bias.copy_(tensor(b))


@misconception("Linear layers may lie deeper: go through module.modules().", of="load_numpy_")
def children_only(module, params):
    found = [layer for layer in module.children() if isinstance(layer, nn.Linear)]
    with torch.no_grad():
        for layer, (W, b) in zip(found, params, strict=False):
            layer.weight.copy_(tensor(W).T)
            layer.bias.copy_(tensor(b))


@misconception("The order is that of module.modules(): the first pair belongs to the first layer.", of="load_numpy_")
def backwards(module, params):
    with torch.no_grad():
        for layer, (W, b) in zip(reversed(linears(module)), params, strict=True):
            layer.weight.copy_(tensor(W).T)
            layer.bias.copy_(tensor(b))


@misconception("Transpose, do not reshape: the entries must change places.", of="load_numpy_")
def reshaped(module, params):
    with torch.no_grad():
        for layer, (W, b) in zip(linears(module), params, strict=True):
            layer.weight.copy_(tensor(W).reshape(layer.weight.shape))
            layer.bias.copy_(tensor(b))


@misconception("Only the first layer is filled: go through all of them.", of="load_numpy_")
def first_layer(module, params):
    with torch.no_grad():
        layer, (W, b) = linears(module)[0], params[0]
        layer.weight.copy_(tensor(W).T)
        layer.bias.copy_(tensor(b))


@misconception("Copy the values; do not add them to what was there.", of="load_numpy_")
def added(module, params):
    with torch.no_grad():
        for layer, (W, b) in zip(linears(module), params, strict=True):
            layer.weight.add_(tensor(W).T)
            layer.bias.add_(tensor(b))


@misconception("The module keeps its type, float32.", of="load_numpy_", when=lambda run: "no float32" in run.failure)
def turned_double(module, params):
    for layer, (W, b) in zip(linears(module), params, strict=True):
        layer.weight.data = torch.tensor(W.T.copy(), dtype=torch.float64)
        layer.bias.data = torch.tensor(b, dtype=torch.float64)
        layer.register_forward_pre_hook(lambda _, args: (args[0].double(),))


@alternative("by state_dict", of="load_numpy_")
def by_state_dict(module, params):
    state, names = module.state_dict(), [n for n, m in module.named_modules() if isinstance(m, nn.Linear)]
    for name, (W, b) in zip(names, params, strict=True):
        prefix = f"{name}." if name else ""
        state[f"{prefix}weight"], state[f"{prefix}bias"] = torch.tensor(W.T.copy()), torch.tensor(b)
    module.load_state_dict(state)


@alternative("assignment into .data", of="load_numpy_")
def into_data(module, params):
    for layer, (W, b) in zip(linears(module), params, strict=True):
        layer.weight.data[:] = torch.from_numpy(W).T
        layer.bias.data[:] = torch.from_numpy(b)


@alternative("new memory in .data, copied", of="load_numpy_")
def new_data(module, params):
    for layer, (W, b) in zip(linears(module), params, strict=True):
        layer.weight.data = tensor(W).T.contiguous()
        layer.bias.data = tensor(b)


@alternative("parameters in pairs", of="load_numpy_")
@torch.no_grad()
def in_pairs(module, params):
    flat = iter([p for layer in linears(module) for p in (layer.weight, layer.bias)])
    for W, b in params:
        next(flat).copy_(torch.as_tensor(np.ascontiguousarray(W.T)))
        next(flat).set_(torch.as_tensor(b, dtype=torch.float32).clone())
    return module


def draw(rng, sizes, dtype=np.float64):
    pairs = itertools.pairwise(sizes)
    return [(rng.normal(size=(a, b)).astype(dtype) / np.sqrt(a), rng.normal(size=b).astype(dtype)) for a, b in pairs]


def by_hand(params, x):
    for k, (W, b) in enumerate(params):
        x = x @ W + b
        x = np.maximum(x, 0) if k < len(params) - 1 else x
    return x


PROBE = helper(filled)


def load(student, rng, sizes, *, nested=False, frozen=(), dtype=np.float64):
    params, inputs = draw(rng, sizes, dtype), rng.normal(size=(5, sizes[0]))
    seed = int(rng.integers(2**31))
    result = student.beside(PROBE, student.load_numpy_, list(sizes), nested, list(frozen), params, inputs, seed=seed)
    return by_hand(params, inputs), result


@points(4)
def test_outputs(student, rng):
    """The module computes what NumPy computes with these parameters, also where its layers lie deeper."""
    depth = int(rng.integers(3, 5))
    sizes = [int(k) for k in rng.permutation([3, 4, 5, 6, 7])[: depth + 1]]
    runs = [load(student, rng, sizes), load(student, rng, sizes, nested=True), load(student, rng, sizes[:2])]
    for want, (got, _, _, _, facts, unchanged) in runs:
        check.close(got, want, rtol=1e-4, atol=1e-5)
        check.that(all(dtype == "torch.float32" for *_, dtype in facts), "The parameters are no float32 any more.")
        check.that(unchanged, "Your function changed the arrays that it was given.")


@points(2)
def test_square(student, rng):
    """Square layers are as right as others, for parameters in single and in double precision."""
    n = int(rng.integers(3, 6))
    runs = [load(student, rng, [n] * 4, dtype=dtype, nested=nested) for dtype, nested in
            ((np.float32, False), (np.float64, True), (np.float64, False))]  # fmt: skip
    for want, (got, *_) in runs:
        check.close(got, want, rtol=1e-4, atol=1e-5)


@points(1)
def test_same_objects(student, rng):
    """The parameters are the same objects, and require a gradient exactly if they did before."""
    frozen = [bool(k) for k in rng.permutation([True, False, True, False])]
    want, (got, _, same, held, facts, _) = load(student, rng, [4, 3, 2], frozen=frozen)
    check.that(same and held, "Your module has new Parameter objects: an optimiser would still hold the old ones.")
    check.that(all(leaf for _, leaf, _ in facts), "Your parameters are no leaves of autograd any more.")
    check.that(
        [requires for requires, *_ in facts] == [not frost for frost in frozen],
        "requires_grad of the parameters is not what it was before.",
    )
    check.close(got, want, rtol=1e-4, atol=1e-5)


@points(1)
def test_no_leak(student, rng):
    """Later changes of the arrays do not reach the module."""
    want, (first, later, *_) = load(student, rng, [4, 4, 3], dtype=np.float32)
    check.close(first, want, rtol=1e-4, atol=1e-5)
    check.that(torch.equal(first, later), "After the arrays changed, your module computes something else.")
