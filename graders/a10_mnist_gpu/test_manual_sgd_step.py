"""One step of gradient descent on tensors, in place and off the record."""

import numpy as np
import torch

from chainrule import check
from chainrule.grader import alternative, helper, misconception, points


def stepped(step, values, gradients, lr, times, as_generator, frozen=()):
    """Tensors after some steps, and whether they are the ones of before. A gradient None stays None."""
    import torch

    params = [torch.tensor(v) for v in values]
    for k, (p, g) in enumerate(zip(params, gradients, strict=True)):
        p.requires_grad_(k not in frozen)
        p.grad = None if g is None else torch.tensor(g)
    views = [p.detach() for p in params]  # they share memory with the parameters
    given = list(params)
    for _ in range(times):
        step((p for p in given) if as_generator else given, lr)
    return {
        "after": [p.detach().clone() for p in params],
        "shared": all(torch.equal(v, p) for v, p in zip(views, params, strict=True)),
        "same": len(given) == len(params) and all(p is q for p, q in zip(given, params, strict=True)),
        "grads": [None if p.grad is None else p.grad.detach().clone() for p in params],
        "requires": [bool(p.requires_grad) for p in params],
        "leaves": all(p.is_leaf and p.grad_fn is None for p in params),
        "dtypes": [str(p.dtype) for p in params],
    }


@misconception("This binds a local name anew; the tensor itself stays what it was. Change it in place.", of="sgd_step_")
def rebinds(params, lr):
    with torch.no_grad():
        for p in params:
            if p.grad is not None:
                p = p - lr * p.grad


@misconception("In-place change of a leaf: autograd must not notice, use torch.no_grad().", of="sgd_step_")
def with_tape(params, lr):
    for p in params:
        if p.grad is not None:
            p -= lr * p.grad


@misconception("Only the step is asked: leave the gradients as they are.", of="sgd_step_")
def zeroes(params, lr):
    with torch.no_grad():
        for p in params:
            if p.grad is not None:
                p -= lr * p.grad
                p.grad.zero_()


@misconception("Only the step is asked: leave the gradients where they are.", of="sgd_step_")
def forgets(params, lr):
    with torch.no_grad():
        for p in params:
            if p.grad is not None:
                p -= lr * p.grad
                p.grad = None


@misconception("Descent: against the gradient.", of="sgd_step_")
def ascends(params, lr):
    with torch.no_grad():
        for p in params:
            if p.grad is not None:
                p += lr * p.grad


@misconception("A parameter without gradient has grad None: skip it.", of="sgd_step_")
def needs_gradients(params, lr):
    with torch.no_grad():
        for p in params:
            p -= lr * p.grad


@misconception("Skip a parameter whose gradient is None, but go on with those after it.", of="sgd_step_")
def stops_at_none(params, lr):
    with torch.no_grad():
        for p in params:
            if p.grad is None:
                return
            p -= lr * p.grad


@misconception("The learning rate is missing.", of="sgd_step_")
def without_rate(params, lr):
    with torch.no_grad():
        for p in params:
            if p.grad is not None:
                p -= p.grad


@misconception("The step is lr times the gradient; its length is not normalised.", of="sgd_step_")
def normalised(params, lr):
    with torch.no_grad():
        for p in params:
            if p.grad is not None:
                p -= lr * p.grad / p.grad.norm()


@misconception("The step goes by the gradient, not by its sign.", of="sgd_step_")
def signs(params, lr):
    with torch.no_grad():
        for p in params:
            if p.grad is not None:
                p -= lr * p.grad.sign()


@misconception("Plain gradient descent: no decay of the parameters.", of="sgd_step_")
def decays(params, lr):
    with torch.no_grad():
        for p in params:
            if p.grad is not None:
                p -= lr * (p.grad + 0.01 * p)


@misconception("Plain gradient descent keeps no momentum: the same gradient gives the same step.", of="sgd_step_")
def momentum(params, lr):
    with torch.no_grad():
        for p in params:
            if p.grad is not None:
                velocity = 0.9 * getattr(p, "velocity", 0.0) + p.grad
                p.velocity = velocity
                p -= lr * velocity


@misconception("Only the first parameter moves: return after the loop.", of="sgd_step_")
def only_first(params, lr):
    with torch.no_grad():
        for p in params:
            if p.grad is not None:
                p -= lr * p.grad
                return


@misconception("`params` may be a generator: it can be walked through once, and has no length.", of="sgd_step_")
def by_index(params, lr):
    with torch.no_grad():
        for k in range(len(params)):
            if params[k].grad is not None:
                params[k] -= lr * params[k].grad


@misconception("`params` may be a generator: it can be walked through once, and has no length.", of="sgd_step_")
def walks_twice(params, lr):
    any(p.grad is None for p in params)
    with torch.no_grad():
        for p in params:
            if p.grad is not None:
                p -= lr * p.grad


@misconception("The parameters cannot be trained any more: requires_grad is to stay as it is.", of="sgd_step_")
def freezes(params, lr):
    for p in params:
        if p.grad is not None:
            p.requires_grad_(False)
            p -= lr * p.grad


@misconception("requires_grad is to stay as it is: it may be False on purpose.", of="sgd_step_")
def unfreezes(params, lr):
    for p in params:
        p.requires_grad_(False)
        if p.grad is not None:
            p -= lr * p.grad
        p.requires_grad_(True)


@misconception("The list holds other tensors now: change the tensors themselves.", of="sgd_step_")
def new_tensors(params, lr):
    for k, p in enumerate(list(params)):
        if p.grad is not None and isinstance(params, list):
            params[k] = (p - lr * p.grad).detach().requires_grad_()


@alternative("through .data", of="sgd_step_")
def through_data(params, lr):
    for p in params:
        if p.grad is not None:
            p.data.add_(p.grad, alpha=-lr)


@alternative("all at once, torch._foreach_add_", of="sgd_step_")
def foreach(params, lr):
    with torch.no_grad():
        moved = [p for p in params if p.grad is not None]
        if moved:
            torch._foreach_add_(moved, [p.grad for p in moved], alpha=-lr)


@alternative("copy_ of the new values, as a decorated function", of="sgd_step_")
@torch.no_grad()
def copies(params, lr):
    for p in params:
        if p.grad is None:
            continue
        p.copy_(p - lr * p.grad)


@alternative("operator -=", of="sgd_step_")
def operator(params, lr):
    with torch.inference_mode(False), torch.no_grad():
        for p in params:
            if p.grad is not None:
                p -= p.grad * lr


@alternative("on detached views", of="sgd_step_")
def detached(params, lr):
    for p in params:
        if p.grad is not None:
            q = p.detach()
            q -= lr * p.grad.detach()


SHAPES = ((3, 4), (5,), (), (2, 1, 3))


def draw(rng, dtype=np.float32, nones=()):
    values = [np.asarray(rng.normal(size=shape)).astype(dtype) for shape in SHAPES]
    gradients = [np.asarray(2 * rng.normal(size=shape)).astype(dtype) for shape in SHAPES]
    return values, [None if k in nones else g for k, g in enumerate(gradients)]


def by_torch(values, gradients, lr, times):
    """torch.optim.SGD in this process."""
    params = [torch.tensor(v, requires_grad=True) for v in values]
    for p, g in zip(params, gradients, strict=True):
        p.grad = None if g is None else torch.tensor(g)
    optimizer = torch.optim.SGD(params, lr=lr)
    for _ in range(times):
        optimizer.step()
    return [p.detach().numpy() for p in params]


PROBE = helper(stepped)


def run(student, rng, *, times=1, as_generator=False, dtype=np.float32, nones=(), frozen=()):
    values, gradients = draw(rng, dtype, nones)
    lr = float(rng.uniform(0.05, 0.4))
    got = student.beside(PROBE, student.sgd_step_, values, gradients, lr, times, as_generator, frozen)
    return got, by_torch(values, gradients, lr, times), gradients


def right(got, want):
    for mine, theirs in zip(got["after"], want, strict=True):
        check.close(mine, theirs, rtol=1e-5, atol=1e-6)


@points(3)
def test_equals_sgd(student, rng):
    """The parameters are those of torch.optim.SGD, after one step and after three, for a list and a generator."""
    runs = [run(student, rng, times=times, as_generator=generator, dtype=dtype) for times, generator, dtype in
            ((1, False, np.float32), (3, False, np.float32), (1, True, np.float32), (2, True, np.float64))]  # fmt: skip
    for got, want, _ in runs:
        right(got, want)


@points(2)
def test_same_tensors(student, rng):
    """The tensors are the same objects, as trainable as before, and keep their gradients."""
    got, want, gradients = run(student, rng, times=2, frozen=(1,))
    check.that(got["same"], "The list holds other tensors than before.")
    right(got, want)
    check.that(
        got["requires"] == [True, False, True, True], "requires_grad of the parameters is not what it was before."
    )
    for mine, gradient in zip(got["grads"], gradients, strict=True):
        check.that(mine is not None, "A gradient is gone.")
        check.that(np.array_equal(mine.numpy(), gradient), "A gradient is not what it was before.")


@points(2)
def test_no_gradient(student, rng):
    """Parameters without gradient stay as they are, and the others move."""
    runs = [
        run(student, rng, nones=(0, 2)),
        run(student, rng, nones=(1,), as_generator=True),
        run(student, rng, nones=(3,)),
    ]
    for got, want, gradients in runs:
        right(got, want)
        check.that(
            [g is None for g in got["grads"]] == [g is None for g in gradients],
            "A gradient that was None is not any more.",
        )


@points(1)
def test_off_the_record(student, rng):
    """Autograd records nothing: the parameters are leaves as before."""
    got, want, _ = run(student, rng, times=2)
    check.that(got["leaves"], "Your parameters are no leaves of autograd any more.")
    right(got, want)
