"""The device to work on: what there is decides, and what is asked for."""

import torch

from chainrule import check
from chainrule.grader import alternative, helper, misconception, points


def tried(get_device, prefer, cuda, mps, count):
    """What get_device answers where these devices are said to be there."""
    import torch

    before = torch.cuda.is_available, torch.cuda.device_count, torch.backends.mps.is_available
    torch.cuda.is_available = lambda: cuda
    torch.cuda.device_count = lambda: count
    torch.backends.mps.is_available = lambda: mps
    try:
        answer = get_device() if prefer is None else get_device(prefer)
    finally:
        torch.cuda.is_available, torch.cuda.device_count, torch.backends.mps.is_available = before
    return type(answer).__name__, str(getattr(answer, "type", answer)).split(":")[0]


@misconception("Return a torch.device, torch.device(...), not its name.")
def name_only(prefer="auto"):
    return "cuda" if prefer != "cpu" and torch.cuda.is_available() else "cpu"


@misconception("No GPU here: fall back.")
def always_cuda(prefer="auto"):
    return torch.device("cpu" if prefer == "cpu" else "cuda")


@misconception("No GPU here: fall back.")
def obeys(prefer="auto"):
    if prefer == "auto":
        prefer = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(prefer)


@misconception("A driver may be missing: ask torch.cuda.is_available(), not how many cards there are.")
def counts_cards(prefer="auto"):
    return torch.device("cuda" if prefer != "cpu" and torch.cuda.device_count() > 0 else "cpu")


@misconception("Fall back quietly, without an exception.")
def raises(prefer="auto"):
    if prefer == "cuda" and not torch.cuda.is_available():
        raise RuntimeError("no CUDA here")
    return torch.device("cuda" if prefer != "cpu" and torch.cuda.is_available() else "cpu")


@misconception('"cpu" means the CPU, also where there is a GPU.')
def ignores_request(prefer="auto"):
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


@misconception("That is never a GPU: ask whether there is one.")
def always_cpu(prefer="auto"):
    return torch.device("cpu")


@misconception('"auto" takes the GPU where there is one.')
def only_on_request(prefer="auto"):
    return torch.device("cuda" if prefer == "cuda" and torch.cuda.is_available() else "cpu")


@misconception('"cuda" takes the GPU where there is one, as "auto" does.')
def only_automatically(prefer="auto"):
    return torch.device("cuda" if prefer == "auto" and torch.cuda.is_available() else "cpu")


@alternative("with Apple's chips")
def with_mps(prefer="auto"):
    if prefer != "cpu" and torch.cuda.is_available():
        return torch.device("cuda")
    if prefer == "auto" and torch.backends.mps.is_available():
        return torch.device("mps")
    return torch.device("cpu")


@alternative("the first card, by its number")
def first_card(prefer="auto"):
    return torch.device("cuda", 0) if prefer in ("auto", "cuda") and torch.cuda.is_available() else torch.device("cpu")


PROBE = helper(tried)


def ask(student, prefer, cuda, mps=False, count=None):
    count = int(cuda) if count is None else count
    return student.beside(PROBE, student.get_device, prefer, cuda, mps, count)[1]


@points(2)
def test_what_there_is(student):
    """It is the GPU where there is one, and the CPU where there is none or the CPU is asked for."""
    asked = [
        ("cuda", {"cuda"}, ask(student, None, True)),
        ("cuda", {"cuda"}, ask(student, "auto", True)),
        ("cuda", {"cuda"}, ask(student, "cuda", True)),
        ("cpu", {"cpu"}, ask(student, "cpu", True)),
        ("cpu", {"cpu"}, ask(student, "cpu", False)),
        ("cpu", {"cpu"}, ask(student, None, False)),
        ("cpu", {"cpu"}, ask(student, "auto", False, count=1)),
        ("cpu", {"cpu", "mps"}, ask(student, "auto", False, mps=True)),
        ("cpu", {"cpu"}, ask(student, "cpu", False, mps=True)),
    ]
    for name, right, got in asked:
        message = f"Your device is another one where it should be {name}: look at what is available."
        check.that(got in right, message, str(got))


@points(1)
def test_type(student):
    """It is a torch.device."""
    kinds = [
        student.beside(PROBE, student.get_device, prefer, cuda, False, int(cuda))
        for prefer in ("auto", "cpu", "cuda")
        for cuda in (False, True)
    ]
    for kind, _ in kinds:
        check.that(kind == "device", f"Expected a torch.device, got a {check.known(kind)}.")
    check.that({name for _, name in kinds} == {"cpu", "cuda"}, "It is the same device, whatever there is.")


@points(1)
def test_falls_back(student):
    """It falls back to the CPU, without an exception, where there is no GPU."""
    plain, broken = ask(student, "cuda", False), ask(student, "cuda", False, count=2)
    check.that(plain == "cpu" and broken == "cpu", "There is no usable GPU, and your device is none that can be used.")
    check.that(ask(student, "cuda", True) == "cuda", "There is a GPU, and you do not take it.")
