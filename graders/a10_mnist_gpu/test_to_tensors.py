"""Images and labels as tensors: values, layout and types."""

import numpy as np
import torch

from chainrule import check
from chainrule.grader import alternative, helper, misconception, points


def looked_at(to_tensors, images, labels):
    """The two tensors, what cannot be seen from their values, and the arguments afterwards."""
    import torch

    x, y = to_tensors(images, labels)
    about = [
        (
            type(t).__name__,
            str(getattr(t, "dtype", "")),
            bool(t.is_contiguous()) if isinstance(t, torch.Tensor) else True,
        )
        for t in (x, y)
    ]
    return x, y, about, images, labels


def scale(images):
    return 16 if images.max() <= 16 else 255


def finished(x, labels):
    return torch.as_tensor(x).to(torch.float32)[:, None], torch.as_tensor(labels).to(torch.int64)


@misconception("Integer division: convert first.")
def integer_division(images, labels):
    return finished(images // scale(images), labels)


@misconception("The scale is 255 or 16, not the largest value seen.")
def by_maximum(images, labels):
    return finished(images / images.max(), labels)


@misconception("float32: this is float64, NumPy's habit.")
def doubles(images, labels):
    x, y = finished(images, labels)
    return x.double() / scale(images), y


@misconception("The channel is missing: (N,1,H,W).")
def no_channel(images, labels):
    x, y = finished(images / scale(images), labels)
    return x[:, 0], y


@misconception("The channel stands before rows and columns: (N,1,H,W).")
def channel_last(images, labels):
    x, y = finished(images / scale(images), labels)
    return x.permute(0, 2, 3, 1).contiguous(), y


@misconception("The samples come first, then the channel: (N,1,H,W).")
def channel_first(images, labels):
    x, y = finished(images / scale(images), labels)
    return x.transpose(0, 1).contiguous(), y


@misconception("Keep the image: rows and columns are not to be flattened here.")
def flattened(images, labels):
    x, y = finished(images / scale(images), labels)
    return x.flatten(1), y


@misconception("One scale for all images.")
def per_image(images, labels):
    return finished(images / np.maximum(images.max(axis=(1, 2), keepdims=True), 1), labels)


@misconception("Images with 4 bits have their own scale: divide by 16 if no pixel is larger.")
def always_255(images, labels):
    return finished(images / 255, labels)


@misconception("Not every image has 8 × 8 pixels of 4 bits: divide by 255 where a pixel is larger than 16.")
def always_16(images, labels):
    return finished(images / 16, labels)


@misconception("A pixel of exactly 16 belongs to the small scale.")
def less_than_16(images, labels):
    return finished(images / (16 if images.max() < 16 else 255), labels)


@misconception("Divide by 255, the largest value of 8 bits, not by 256.")
def by_256(images, labels):
    return finished(images / (16 if images.max() <= 16 else 256), labels)


@misconception("Rows and columns are exchanged: look at the order of the axes.")
def transposed(images, labels):
    x, y = finished(images / scale(images), labels)
    return x.transpose(2, 3).contiguous(), y


@misconception("Labels are int64, whatever integers they came as.")
def labels_as_they_come(images, labels):
    return finished(images / scale(images), labels)[0], torch.as_tensor(labels)


@misconception("Labels are class numbers, int64; floats are for regression.")
def float_labels(images, labels):
    x, y = finished(images / scale(images), labels)
    return x, y.float()


@misconception("Labels are class numbers here, not rows of zeros and a one.")
def one_hot(images, labels):
    x, y = finished(images / scale(images), labels)
    return x, torch.nn.functional.one_hot(y, 10)


@misconception("Only scale, do not centre: the values are to be in [0,1].")
def centred(images, labels):
    x, y = finished(images / scale(images), labels)
    return 2 * x - 1, y


@misconception("The scale is missing: the values are to be in [0,1].")
def unscaled(images, labels):
    return finished(images, labels)


@misconception("You change the images that you were given: work on a copy.", when=lambda run: "changed" in run.failure)
def clears(images, labels):
    result = finished(images / scale(images), labels)
    images[...] = 0
    return result


@misconception("Not contiguous in memory: order it after moving axes.", when=lambda run: "contiguous" in run.failure)
def strided(images, labels):
    x, y = finished(images / scale(images), labels)
    return x.transpose(2, 3).contiguous().transpose(2, 3), y


@alternative("torch.as_tensor, reshape")
def as_tensor(images, labels):
    n, h, w = images.shape
    x = torch.as_tensor(images, dtype=torch.float32).reshape(n, 1, h, w)
    return x / (16.0 if (images <= 16).all() else 255.0), torch.as_tensor(labels, dtype=torch.long)


@alternative("NumPy first, in float64")
def numpy_first(images, labels):
    x = (images.astype(np.float64) / scale(images))[:, np.newaxis]
    return torch.tensor(x, dtype=torch.float32), torch.tensor(labels.astype(np.int64))


@alternative("from_numpy of copies, as a list")
def from_numpy(images, labels):
    x = torch.from_numpy(images.astype("float32"))
    return [x.unsqueeze(1).div(scale(images)), torch.from_numpy(labels.astype("int64"))]


@alternative("multiplied by the reciprocal")
def reciprocal(images, labels):
    return finished(images, labels)[0] * (1 / scale(images)), finished(images, labels)[1]


KINDS = (np.uint8, np.int32, np.int64, np.int16)


def draw(rng, top):
    """Images that are not square, none of whose pixels is `top` itself but for one."""
    n, h, w = (int(k) for k in rng.permutation([3, 5, 7]))
    images = rng.integers(0, top, size=(n, h, w), endpoint=True).astype(np.uint8)
    images[0, 0, 0] = top
    return images, rng.integers(0, 10, size=n).astype(KINDS[int(rng.integers(4))])


PROBE = helper(looked_at)


def look(student, images, labels):
    parts = student.beside(PROBE, student.to_tensors, images, labels)
    return check.parts(parts, 5)


def right_values(x, images, divisor):
    n, h, w = images.shape
    check.close(x, (images / divisor).reshape(n, 1, h, w), rtol=1e-5, atol=1e-7)


@points(3)
def test_values(student, rng):
    """Values are in [0, 1], on the scale of the images, and each label stays with its image."""
    cases = [(top, *draw(rng, top)) for top in (255, 16, int(rng.integers(18, 200)), int(rng.integers(3, 16)), 17)]
    looks = [look(student, images, labels) for _, images, labels in cases]
    for (top, images, labels), (x, y, *_) in zip(cases, looks, strict=True):
        right_values(x, images, 16 if top <= 16 else 255)
        check.close(y, labels)


@points(2)
def test_shape(student, rng):
    """Images have the shape (N, 1, H, W), labels (N,); also a single sample."""
    images, labels = draw(rng, 255)
    for a, b in ((images, labels), (images[:1], labels[:1])):
        x, y, *_ = look(student, a, b)
        n, h, w = a.shape
        check.array(x, (n, 1, h, w))
        check.array(y, (n,))
        right_values(x, a, 255 if a.max() > 16 else 16)


@points(2)
def test_types(student, rng):
    """Images are float32 and labels int64, whatever integers they came as."""
    images, labels = draw(rng, 255)
    looks = [look(student, images, labels.astype(kind)) for kind in KINDS]
    for x, _, about, *_ in looks:
        for (kind, dtype, _), want in zip(about, ("float32", "int64"), strict=True):
            check.that(kind == "Tensor", f"Expected a tensor, got a {check.known(kind)}.")
            other = check.known(dtype.removeprefix("torch."), "another type")
            check.that(dtype == f"torch.{want}", f"Expected {want}, got {other}.")
        check.array(x, (len(images), 1, *images.shape[1:]))


@points(1)
def test_input(student, rng):
    """The input stays as it is, and the tensors are contiguous."""
    images, labels = draw(rng, 16)
    x, _, about, images_after, labels_after = look(student, images, labels)
    check.that(
        np.array_equal(images, images_after) and np.array_equal(labels, labels_after),
        "Your function changed the images or labels that it was given.",
    )
    check.that(about[0][2] and about[1][2], "Your tensors are not contiguous in memory.")
    right_values(x, images, 16)
