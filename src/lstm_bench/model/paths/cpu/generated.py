"""Generated LLVM code that kernels can call, for operations that Numba's Python subset does not have."""

from __future__ import annotations

from collections.abc import Callable
from inspect import signature
from typing import Any

from numba import types
from numba.extending import intrinsic

__all__ = ["generated"]


def generated(*arguments: Any) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Turn a function that writes LLVM code into one that kernels can call.

    ``arguments`` are Numba's types. The decorated function receives LLVM's builder and a value for each of them.
    """

    def decorate(generate: Callable[..., None]) -> Callable[..., None]:
        def define(typing_context: Any, *_: Any) -> Any:
            return types.void(*arguments), write

        def write(context: Any, builder: Any, typed: Any, values: Any) -> Any:
            generate(builder, *values)
            return context.get_dummy_value()

        # Numba counts the parameters: those of the writer, with a context in place of the builder
        define.__signature__ = signature(generate)  # type: ignore[attr-defined]
        define.__name__ = generate.__name__
        made: Callable[..., None] = intrinsic(define)
        return made

    return decorate
