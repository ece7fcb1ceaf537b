"""Functions for kernels to call whose code is generated, where numba's language has no words for it."""

from __future__ import annotations

from collections.abc import Callable
from inspect import signature
from typing import Any

from numba import types
from numba.extending import intrinsic

__all__ = ["generated"]


def generated(*arguments: Any) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Make a function of a kernel out of one that writes its code.

    Parameters
    ----------
    arguments
        numba's types of what kernels give it. The decorated function is called once, with LLVM's builder and a value
        for each of them.
    """

    def decorate(generate: Callable[..., None]) -> Callable[..., None]:
        def define(typing_context: Any, *given: Any) -> Any:
            return types.void(*arguments), write

        def write(context: Any, builder: Any, typed: Any, values: Any) -> Any:
            generate(builder, *values)
            return context.get_dummy_value()

        # numba counts the parameters: those of the writer, a context for its builder
        define.__signature__ = signature(generate)  # type: ignore[attr-defined]
        define.__name__ = generate.__name__
        made: Callable[..., None] = intrinsic(define)
        return made

    return decorate
