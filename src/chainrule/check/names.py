"""Names of types and exceptions that a message may say.

What a student's process calls a type is a text that its code has chosen, perhaps after it saw a hidden input. A name
is repeated only if it is one of a fixed list: then it tells which of the list, and nothing else.
"""

from __future__ import annotations

import builtins

ERRORS = frozenset(
    name for name, kind in vars(builtins).items() if isinstance(kind, type) and issubclass(kind, BaseException)
) | frozenset(
    """
    AxisError CalledProcessError CancelledError Empty Failed FrozenInstanceError Full InvalidOperation JSONDecodeError
    LinAlgError OutOfMemoryError PicklingError PolynomialError SympifyError TimeoutExpired UFuncTypeError
    UnsupportedOperation _ArrayMemoryError _UFuncBinaryResolutionError _UFuncNoLoopError
    """.split()
)
"""Python's own exceptions, and those that its libraries, NumPy, SymPy and PyTorch raise most."""

TYPES = frozenset(
    name for name, kind in vars(builtins).items() if isinstance(kind, type) and not issubclass(kind, BaseException)
) | frozenset(
    """
    NoneType NotImplementedType ellipsis function builtin_function_or_method method method-wrapper module generator
    coroutine code dict_keys dict_values dict_items list_iterator tuple_iterator range_iterator
    Counter Decimal Fraction OrderedDict Path PosixPath StringIO count cycle chain defaultdict deque partial product
    bool_ int8 int16 int32 int64 uint8 uint16 uint32 uint64 float16 float32 float64 complex64 complex128 bfloat16 str_
    Generator RandomState flatiter matrix ndarray nditer poly1d ufunc
    Tensor Parameter device dtype Size Module Linear Sequential ReLU SGD Adam DataLoader Dataset TensorDataset
    Add Derivative Expr Float Half Integer Integral Matrix Mul NegativeOne One Poly Pow Rational Sum Symbol Zero
    Axes DataFrame Figure Line2D Series
    """.split()
)
"""Python's own types, and those of its libraries, NumPy, PyTorch and SymPy that students return by mistake."""


def known(name: object, otherwise: str = "type of your own") -> str:
    """`name` if it is a type of Python's or of a library of the course, else `otherwise`."""
    return name if isinstance(name, str) and name in TYPES else otherwise


def known_error(names: list[str]) -> str:
    """An exception as a message may say it, by the names of its type and the bases of that, the most special first."""
    if names and names[0] in ERRORS:
        return names[0]
    base = next((name for name in names if name in ERRORS and name not in ("Exception", "BaseException")), "")
    return f"an exception of your own (a kind of {base})" if base else "an exception of your own"
