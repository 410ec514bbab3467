"""Calls that must be refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from chainrule.check.failure import Failed, passed, prefixed
from chainrule.errors import ChainruleError


def raises(error: type[Exception], function: Callable[..., Any], *args: Any, what: str = "", **kwargs: Any) -> None:
    """Require that the call raises `error`. Any other exception, or none, raises `Failed`."""
    try:
        function(*args, **kwargs)
    except error:
        passed(what)
        return
    except ChainruleError:
        raise  # the student's process is gone or late: not an answer
    except Exception as other:
        name = getattr(other, "label", type(other).__name__)
        raise Failed(prefixed(what, f"Expected a {error.__name__}, your function raised {name}.")) from None
    raise Failed(prefixed(what, f"Your function should raise a {error.__name__} here and does not."))
