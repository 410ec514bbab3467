"""Loss and gradient of a multilayer perceptron."""

from itertools import pairwise

import numpy as np

from chainrule import check
from chainrule.grader import alternative, helper, misconception, points


def forward(params, X, act):
    """Pre-activations of all layers, and the inputs of all layers."""
    H, zs, hs = np.asarray(X, dtype=float), [], []
    for k, (W, b) in enumerate(params):
        if k:
            H = act(zs[-1])
        hs.append(H)
        zs.append(H @ W + b)
    return zs, hs


def backward(params, hs, slopes, G):
    """The gradient, from the derivatives G by the output and the slopes of the hidden layers."""
    grads = []
    for k in reversed(range(len(params))):
        grads.append((hs[k].T @ G, G.sum(axis=0)))
        if k:
            G = (G @ params[k][0].T) * slopes[k - 1]
    return grads[::-1]


def squares(zs, Y):
    return np.sum((zs[-1] - Y) ** 2) / len(Y)


@misconception("At z, not at h.")
def slope_at_h(params, X, Y, act, dact):
    zs, hs = forward(params, X, act)
    return squares(zs, Y), backward(params, hs, [dact(h) for h in hs[1:]], 2 * (zs[-1] - Y) / len(Y))


@misconception("Factor K: loss and gradient disagree for K outputs.")
def gradient_of_mean_over_all(params, X, Y, act, dact):
    zs, hs = forward(params, X, act)
    return squares(zs, Y), backward(params, hs, [dact(z) for z in zs[:-1]], 2 * (zs[-1] - Y) / zs[-1].size)


@misconception("Factor K: loss and gradient disagree for K outputs.")
def loss_is_mean_over_all(params, X, Y, act, dact):
    zs, hs = forward(params, X, act)
    return np.mean((zs[-1] - Y) ** 2), backward(params, hs, [dact(z) for z in zs[:-1]], 2 * (zs[-1] - Y) / len(Y))


@misconception("The loss is a mean over the samples and a sum over the outputs: you divide by K as well.")
def means_over_all(params, X, Y, act, dact):
    zs, hs = forward(params, X, act)
    G = 2 * (zs[-1] - Y) / zs[-1].size
    return np.mean((zs[-1] - Y) ** 2), backward(params, hs, [dact(z) for z in zs[:-1]], G)


@misconception("Output is affine.")
def slope_at_output(params, X, Y, act, dact):
    zs, hs = forward(params, X, act)
    slopes = [dact(z) for z in zs]
    return squares(zs, Y), backward(params, hs, slopes, 2 * (zs[-1] - Y) / len(Y) * slopes[-1])


@misconception("Output is affine.")
def activated_output(params, X, Y, act, dact):
    zs, hs = forward(params, X, act)
    out, slopes = act(zs[-1]), [dact(z) for z in zs]
    return np.sum((out - Y) ** 2) / len(Y), backward(params, hs, slopes, 2 * (out - Y) / len(Y) * slopes[-1])


@misconception("Factor 2.")
def no_factor_two(params, X, Y, act, dact):
    zs, hs = forward(params, X, act)
    return squares(zs, Y), backward(params, hs, [dact(z) for z in zs[:-1]], (zs[-1] - Y) / len(Y))


@misconception("Factor 2: the loss has no ½ in front.")
def half(params, X, Y, act, dact):
    zs, hs = forward(params, X, act)
    return squares(zs, Y) / 2, backward(params, hs, [dact(z) for z in zs[:-1]], (zs[-1] - Y) / len(Y))


@misconception("δ_l uses W_(l+1).")
def weights_of_own_layer(params, X, Y, act, dact):
    zs, hs = forward(params, X, act)
    G, grads = 2 * (zs[-1] - Y) / len(Y), []
    for k in reversed(range(len(params))):
        grads.append((hs[k].T @ G, G.sum(axis=0)))
        if k:
            W = params[k - 1][0]
            G = (G @ W.T if W.T.shape == params[k][0].T.shape else G @ params[k][0].T[:, ::-1]) * dact(zs[k - 1])
    return squares(zs, Y), grads[::-1]


@misconception("δ_l uses W_(l+1) as it was on the way forward: change no weight before all derivatives are there.")
def weights_already_changed(params, X, Y, act, dact):
    zs, hs = forward(params, X, act)
    G, grads = 2 * (zs[-1] - Y) / len(Y), []
    for k in reversed(range(len(params))):
        dW = hs[k].T @ G
        grads.append((dW, G.sum(axis=0)))
        if k:
            G = (G @ (params[k][0] - 0.1 * dW).T) * dact(zs[k - 1])
    return squares(zs, Y), grads[::-1]


@misconception("You sum over the samples: the loss is their mean, and so is its gradient.")
def sums(params, X, Y, act, dact):
    zs, hs = forward(params, X, act)
    return len(Y) * squares(zs, Y), backward(params, hs, [dact(z) for z in zs[:-1]], 2 * (zs[-1] - Y))


@misconception("The loss is a mean, but its gradient a sum: where is the 1/N?")
def gradient_summed(params, X, Y, act, dact):
    zs, hs = forward(params, X, act)
    return squares(zs, Y), backward(params, hs, [dact(z) for z in zs[:-1]], 2 * (zs[-1] - Y))


@misconception("1/N once: the error holds it already, so that the bias gets a sum.")
def bias_averaged(params, X, Y, act, dact):
    zs, hs = forward(params, X, act)
    grads = backward(params, hs, [dact(z) for z in zs[:-1]], 2 * (zs[-1] - Y) / len(Y))
    return squares(zs, Y), [(dW, db / len(Y)) for dW, db in grads]


@misconception("The slope of the activation is missing on the way back.")
def slopes_forgotten(params, X, Y, act, dact):
    zs, hs = forward(params, X, act)
    slopes = [np.ones_like(dact(z)) for z in zs[:-1]]
    return squares(zs, Y), backward(params, hs, slopes, 2 * (zs[-1] - Y) / len(Y))


@misconception("The weights of layer l hear its input h_(l−1), the activation and not z_(l−1).")
def inputs_not_activated(params, X, Y, act, dact):
    zs, hs = forward(params, X, act)
    slopes = [dact(z) for z in zs[:-1]]
    return squares(zs, Y), backward(params, [hs[0], *zs[:-1]], slopes, 2 * (zs[-1] - Y) / len(Y))


@misconception("Your list runs from the last layer to the first: turn it around.")
def backwards(params, X, Y, act, dact):
    zs, hs = forward(params, X, act)
    return squares(zs, Y), backward(params, hs, [dact(z) for z in zs[:-1]], 2 * (zs[-1] - Y) / len(Y))[::-1]


@misconception("Pairs are (dW, db), like the parameters.")
def bias_first(params, X, Y, act, dact):
    zs, hs = forward(params, X, act)
    grads = backward(params, hs, [dact(z) for z in zs[:-1]], 2 * (zs[-1] - Y) / len(Y))
    return squares(zs, Y), [(db, dW) for dW, db in grads]


@misconception("The gradient is a list of pairs, like the parameters.")
def flat_list(params, X, Y, act, dact):
    zs, hs = forward(params, X, act)
    grads = backward(params, hs, [dact(z) for z in zs[:-1]], 2 * (zs[-1] - Y) / len(Y))
    return squares(zs, Y), [part for pair in grads for part in pair]


@misconception("The sign: the gradient points uphill.")
def downhill(params, X, Y, act, dact):
    zs, hs = forward(params, X, act)
    return squares(zs, Y), backward(params, hs, [dact(z) for z in zs[:-1]], 2 * (Y - zs[-1]) / len(Y))


@misconception("The squared error, not its root.")
def root(params, X, Y, act, dact):
    zs, hs = forward(params, X, act)
    size = np.sqrt(squares(zs, Y))
    return size, backward(params, hs, [dact(z) for z in zs[:-1]], (zs[-1] - Y) / len(Y) / size)


@misconception("Use the activation that you are given; it need not be tanh.")
def always_tanh(params, X, Y, act, dact):
    zs, hs = forward(params, X, np.tanh)
    slopes = [1 - np.tanh(z) ** 2 for z in zs[:-1]]
    return squares(zs, Y), backward(params, hs, slopes, 2 * (zs[-1] - Y) / len(Y))


@misconception("The last layer gets a gradient, too, and so do all before it.")
def last_layer_only(params, X, Y, act, dact):
    zs, hs = forward(params, X, act)
    G = 2 * (zs[-1] - Y) / len(Y)
    grads = [(np.zeros_like(W, dtype=float), np.zeros_like(b, dtype=float)) for W, b in params[:-1]]
    return squares(zs, Y), [*grads, (hs[-1].T @ G, G.sum(axis=0))]


def counted_calls(run):
    return run.test == "test_calls" and "was called" in run.failure


@misconception("Keep what the way forward has computed: act and dact once for each hidden layer.", when=counted_calls)
def activates_again(params, X, Y, act, dact):
    zs, hs = forward(params, X, act)
    slopes = [dact(z) for z in zs[:-1]]
    hs = [hs[0], *(act(z) for z in zs[:-1])]
    return squares(zs, Y), backward(params, hs, slopes, 2 * (zs[-1] - Y) / len(Y))


@misconception("Keep what the way forward has computed: act and dact once for each hidden layer.", when=counted_calls)
def sample_by_sample(params, X, Y, act, dact):
    losses, sums_of = [], None
    for x, y in zip(X, Y, strict=True):
        zs, hs = forward(params, x[None], act)
        losses.append(squares(zs, y[None]))
        grads = backward(params, hs, [dact(z) for z in zs[:-1]], 2 * (zs[-1] - y[None]))
        sums_of = grads if sums_of is None else [(a + c, b + d) for (a, b), (c, d) in zip(sums_of, grads, strict=True)]
    return np.mean(losses), [(dW / len(X), db / len(X)) for dW, db in sums_of]


@alternative("recursion")
def recursive(params, X, Y, act, dact):
    def back(H, rest):
        """Loss, gradient of the layers in rest, and derivatives by their input."""
        W, b = rest[0]
        Z = H @ W + b
        if len(rest) == 1:
            error = Z - Y
            loss, grads, G = (error**2).sum(axis=1).mean(), [], error * (2 / len(Y))
        else:
            loss, grads, dH = back(act(Z), rest[1:])
            G = dH * dact(Z)
        return loss, [(H.T @ G, G.sum(axis=0)), *grads], G @ W.T

    loss, grads, _ = back(X, params)
    return loss, grads


@alternative("a stack of closures, a tape by hand")
def closures(params, X, Y, act, dact):
    tape, H = [], np.array(X, dtype=float)
    grads = [None] * len(params)

    def affine(k, H):
        W, b = params[k]

        def back(G):
            grads[k] = [np.einsum("ni,nk->ik", H, G), G.sum(0)]
            return G @ W.T

        tape.append(back)
        return H @ W + b

    def activation(Z):
        slope = dact(Z)
        tape.append(lambda G: G * slope)
        return act(Z)

    for k in range(len(params)):
        H = affine(k, H)
        if k < len(params) - 1:
            H = activation(H)
    G = 2 / len(X) * (H - Y)
    for back in reversed(tape):
        G = back(G)
    return [float(((H - Y) ** 2).sum() / len(X)), grads]


@alternative("slopes on the way forward")
def slopes_first(params, X, Y, act, dact):
    H, hs, slopes = X, [X], []
    for W, b in params[:-1]:
        Z = H @ W + b
        H = act(Z)
        hs.append(H)
        slopes.append(dact(Z))
    error = H @ params[-1][0] + params[-1][1] - Y
    grads, G = [], 2 * error / X.shape[0]
    for k in range(len(params) - 1, -1, -1):
        grads.insert(0, (hs[k].T @ G, np.ones(len(X)) @ G))
        if k > 0:
            G = slopes[k - 1] * (G @ params[k][0].T)
    return np.mean(np.sum(error * error, axis=1)), tuple(grads)


def tanh_slope(Z):
    return 1 - np.tanh(Z) ** 2


def softplus(Z):
    return np.log1p(np.exp(Z))


def softplus_slope(Z):
    return 1 / (1 + np.exp(-Z))


def wave(Z):
    return np.sin(Z) + 0.3 * Z


def wave_slope(Z):
    return np.cos(Z) + 0.3


ACTIVATIONS = ((np.tanh, tanh_slope), (softplus, softplus_slope), (wave, wave_slope))


def tanh(Z):
    return np.tanh(Z)


def draw(rng, widths, n):
    """Parameters, inputs, and targets far enough from the outputs for gradients that are not tiny."""
    params = [(rng.normal(size=(m, k)) * 1.2 / np.sqrt(m), 0.5 * rng.normal(size=k)) for m, k in pairwise(widths)]
    return params, rng.normal(size=(n, widths[0])), 2 * rng.normal(size=(n, widths[-1])) + 1


def asked(student, params, X, Y, act, dact):
    return student.mlp_backward(params, X, Y, helper(tanh if act is np.tanh else act), helper(dact))


def parts(got, params):
    """The loss as a number, and the gradients as arrays of the shapes of the parameters."""
    loss, grads = check.parts(got, 2)
    pairs = [check.parts(pair, 2) for pair in check.parts(grads, len(params))]
    arrays = [
        (check.array(dW, np.shape(W)), check.array(db, np.shape(b)))
        for (dW, db), (W, b) in zip(pairs, params, strict=True)
    ]
    return check.scalar(loss), arrays


def true_loss(params, X, Y, act):
    zs, _ = forward(params, X, act)
    return float(np.sum((zs[-1] - Y) ** 2)) / len(Y)


def agree(got, params, X, Y, act):
    """The loss is right, and the gradient that of the loss, by central differences."""
    loss, grads = parts(got, params)
    check.close(loss, true_loss(params, X, Y, act))
    sizes = [part.size for pair in params for part in pair]
    at = np.concatenate([np.ravel(part) for pair in params for part in pair]).astype(float)

    def of(flat):
        split = iter(np.split(flat, np.cumsum(sizes)[:-1]))
        return true_loss([(next(split).reshape(W.shape), next(split)) for W, _ in params], X, Y, act)

    check.gradient(of, np.concatenate([np.ravel(part) for pair in grads for part in pair]), at)


@points(6)
def test_finite_differences(student, rng):
    """Loss and gradient of a 3-5-4-2 network agree with central differences, for several activations."""
    cases = [(*draw(rng, [3, 5, 4, 2], int(rng.integers(4, 9))), *pair) for pair in ACTIVATIONS]
    cases.append((*draw(rng, [3, 3, 3, 3], 3), *ACTIVATIONS[0]))
    got = [asked(student, *case) for case in cases]
    for result, (params, X, Y, act, _) in zip(got, cases, strict=True):
        agree(result, params, X, Y, act)


@points(3)
def test_several_outputs(student, rng):
    """With K outputs the loss and the gradient are a mean over samples and a sum over outputs."""
    cases = [(*draw(rng, [2, 4, outputs], n), *ACTIVATIONS[0]) for outputs, n in ((3, 6), (5, 2), (2, 7))]
    got = [asked(student, *case) for case in cases]
    for result, (params, X, Y, act, _) in zip(got, cases, strict=True):
        agree(result, params, X, Y, act)


@points(3)
def test_calls(student, rng):
    """Activation and derivative are called once for each hidden layer, on the whole batch of pre-activations."""
    hidden = int(rng.integers(2, 5))
    params, X, Y = draw(rng, [2, *rng.integers(2, 6, size=hidden).tolist(), 2], 5)
    act, dact = check.counted(softplus), check.counted(softplus_slope)
    got = student.mlp_backward(params, X, Y, act, dact)
    check.that(act.calls == hidden, f"act was called {act.calls} times for {hidden} hidden layers.")
    check.that(dact.calls == hidden, f"dact was called {dact.calls} times for {hidden} hidden layers.")
    zs = forward(params, X, softplus)[0][:-1]
    for Z, (given,), (also,) in zip(zs, act.inputs, sorted_like(zs, dact.inputs), strict=True):
        check.close(given, Z)
        check.close(also, Z)
    agree(got, params, X, Y, softplus)


def sorted_like(zs, inputs):
    """Calls of dact may run in either direction: the order in which they fit the shapes and values."""
    first = np.asarray(inputs[0][0])
    return inputs if first.shape == zs[0].shape and np.allclose(first, zs[0]) else inputs[::-1]


@points(2)
def test_one_layer(student, rng):
    """Without a hidden layer it is the gradient of a linear model, also for integers."""
    cases = [draw(rng, [3, outputs], int(rng.integers(3, 8))) for outputs in (1, 2)]
    whole = [(rng.integers(-2, 3, size=(2, 2)), rng.integers(-2, 3, size=2))]
    cases.append((whole, rng.integers(-3, 4, size=(4, 2)), rng.integers(-3, 4, size=(4, 2)) + 5))
    got = [asked(student, *case, np.tanh, tanh_slope) for case in cases]
    for result, (params, X, Y) in zip(got, cases, strict=True):
        loss, [(dW, db)] = parts(result, params)
        W, b = params[0]
        error = X @ W + b - Y
        check.close(loss, np.mean(np.sum(error**2, axis=1)))
        check.close(dW, 2 / len(X) * X.T @ error)
        check.close(db, 2 * error.mean(axis=0))


@points(2)
def test_mean_of_samples(student, rng):
    """Loss and gradient of a batch are the means of those of its samples, and nothing is changed or kept."""
    params, X, Y = draw(rng, [3, 4, 2], 4)
    act, dact = helper(softplus), helper(softplus_slope)
    whole = student.mlp_backward(params, X, Y, act, dact)
    singles = [student.mlp_backward(params, X[n : n + 1], Y[n : n + 1], act, dact) for n in range(4)]
    again = student.mlp_backward(params, X, Y, act, dact)
    check.that(not any(call.mutated for call in student.calls), "Your function changed an argument; work on a copy.")
    loss, grads = parts(whole, params)
    alone = [parts(single, params) for single in singles]
    check.that(loss > 1e-3 and all(np.abs(dW).max() > 1e-6 for dW, _ in grads), "Your loss or a gradient is 0.")
    check.that(
        abs(np.mean([single for single, _ in alone]) - loss) <= 1e-9 * loss,
        "The loss of a batch is not the mean of the losses of its samples.",
    )
    for k, pair in enumerate(grads):
        for j, part in enumerate(pair):
            mean = np.mean([g[k][j] for _, g in alone], axis=0)
            check.that(
                np.allclose(mean, part, rtol=1e-8, atol=1e-10),
                "The gradient of a batch is not the mean of the gradients of its samples.",
            )
    for pair, later in zip(grads, parts(again, params)[1], strict=True):
        for part, repeated in zip(pair, later, strict=True):
            check.close(repeated, part)
    check.close(loss, true_loss(params, X, Y, softplus))
