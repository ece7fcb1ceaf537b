"""Formulas over vectors of float32, for generated code. A lane is one number of a vector.

LLVM vectorizes a plain loop over a cell's many arrays only behind run-time checks that none of them overlap, and on
many processors with half the vector width. Code that is written as vectors runs as it is written; LLVM splits vectors
that are longer than the processor's.
"""

from __future__ import annotations

import platform
from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import cgutils
from numba.core.registry import cpu_target

__all__ = [
    "HAS_FMA", "LANES", "LANE_BYTES", "Lanes", "exponential", "exponential_minus_1", "processor_has",
    "spread",
]  # fmt: skip


def processor_has(feature: str) -> bool:
    """Whether kernels are compiled for a processor with a feature, by its LLVM name."""
    features: str = cpu_target.target_context.codegen().magic_tuple()[2]
    return f"+{feature}" in features.split(",")


LANES = 16 if processor_has("avx512f") else 8
LANE_BYTES = 4 * LANES
HAS_FMA = platform.machine() not in ("x86_64", "AMD64") or processor_has("fma")
"""Whether the processor multiplies and adds in one instruction; otherwise LLVM calls a function for each number."""
_REALS = ir.VectorType(ir.FloatType(), LANES)
_INTEGERS = ir.VectorType(ir.IntType(32), LANES)
_FLAGS = ("contract", "nsz")  # products and sums may become one instruction

# (2^r - 1) / r for |r| <= 1/2, interpolated at Chebyshev's nodes: within 5.2e-9
_POWER_OF_TWO = (
    0.6931471880293429, 0.2402265092234272, 0.05550357104252972,
    0.009618056669887258, 0.0013390867351400178, 0.00015461447462985332,
)  # fmt: skip
_LOG2_E = 1.4426950408889634
_ROUNDS = 1.5 * 2**23  # added to a number, its last bit is worth 1
_EXPONENT_BITS, _EXPONENT_OF_1 = 23, 0x3F800000


class Lanes:
    """A vector of float32 and its LLVM builder; a plain number in a formula stands for all lanes."""

    def __init__(self, builder: Any, value: Any) -> None:
        self.builder = builder
        self.value = value

    @classmethod
    def load(cls, builder: Any, address: Any) -> Lanes:
        """Read from an address, which need not be aligned."""
        return cls(builder, builder.load(builder.inttoptr(address, _REALS.as_pointer()), align=4))

    @classmethod
    def everywhere(cls, builder: Any, address: Any) -> Lanes:
        """Read one number for all lanes."""
        return cls(
            builder,
            spread(builder, builder.load(builder.inttoptr(address, ir.FloatType().as_pointer()), align=4)),
        )

    def store(self, address: Any) -> None:
        """Write to an address, which need not be aligned."""
        self.builder.store(self.value, self.builder.inttoptr(address, _REALS.as_pointer()), align=4)

    def __add__(self, other: Lanes | float) -> Lanes:
        return Lanes(self.builder, self.builder.fadd(self.value, _value(other), flags=_FLAGS))

    def __sub__(self, other: Lanes | float) -> Lanes:
        return Lanes(self.builder, self.builder.fsub(self.value, _value(other), flags=_FLAGS))

    def __rsub__(self, other: float) -> Lanes:
        return Lanes(self.builder, self.builder.fsub(_value(other), self.value, flags=_FLAGS))

    def __mul__(self, other: Lanes | float) -> Lanes:
        return Lanes(self.builder, self.builder.fmul(self.value, _value(other), flags=_FLAGS))

    def __truediv__(self, other: Lanes | float) -> Lanes:
        return Lanes(self.builder, self.builder.fdiv(self.value, _value(other), flags=_FLAGS))

    def __rtruediv__(self, other: float) -> Lanes:
        return Lanes(self.builder, self.builder.fdiv(_value(other), self.value, flags=_FLAGS))

    def times_plus(self, factor: Lanes | float, addend: Lanes | float) -> Lanes:
        """Return ``self * factor + addend``, rounded once."""
        once = ir.FunctionType(_REALS, [_REALS] * 3)
        fused: Any = cgutils.get_or_insert_function(  # type: ignore[no-untyped-call]
            self.builder.module, once, f"llvm.fma.v{LANES}f32"
        )
        return Lanes(self.builder, self.builder.call(fused, [self.value, _value(factor), _value(addend)]))

    def first(self, count: Any) -> Lanes:
        """Keep the first ``count`` lanes (a 64-bit integer) and set the others to 0."""
        builder = self.builder
        counts = spread(builder, builder.trunc(count, ir.IntType(32)))
        kept = builder.icmp_signed("<", ir.Constant(_INTEGERS, list(range(LANES))), counts)
        return Lanes(builder, builder.select(kept, self.value, _value(0.0)))

    def within(self, bound: float) -> Lanes:
        """Clamp to ``[-bound, bound]``; NaN stays NaN."""
        builder, least, most = self.builder, _value(-bound), _value(bound)
        value = builder.select(builder.fcmp_ordered("<", self.value, least), least, self.value)
        return Lanes(builder, builder.select(builder.fcmp_ordered(">", value, most), most, value))


def spread(builder: Any, number: Any) -> Any:
    """Return a vector with one number in all lanes."""
    nothing = ir.Constant(ir.VectorType(number.type, LANES), ir.Undefined)
    first = builder.insert_element(nothing, number, ir.Constant(ir.IntType(32), 0))
    return builder.shuffle_vector(first, nothing, _whole(0))


def exponential(x: Lanes, scale: float = 1.0) -> Lanes:
    """Return e^(scale x); scale x must be from -80 to 80."""
    whole, rest = _power_of_two(x, scale * _LOG2_E)
    return whole + whole * rest


def exponential_minus_1(x: Lanes, scale: float = 1.0) -> Lanes:
    """Return e^(scale x) - 1, accurate near 0."""
    whole, rest = _power_of_two(x, scale * _LOG2_E)
    return whole * rest + (whole - 1.0)


def _power_of_two(x: Lanes, scale: float) -> tuple[Lanes, Lanes]:
    """Return 2^n and 2^r - 1 where scale x = n + r, n the nearest whole number."""
    builder = x.builder
    shifted = x.times_plus(scale, _ROUNDS)
    r = x.times_plus(scale, _ROUNDS - shifted)  # rounded once: the difference is exact
    # the last bits of the shifted number are n; as an exponent, they make 2^n
    exponent = builder.shl(builder.bitcast(shifted.value, _INTEGERS), _whole(_EXPONENT_BITS))
    power = builder.bitcast(builder.add(exponent, _whole(_EXPONENT_OF_1)), _REALS)
    *lower, highest = _POWER_OF_TWO
    polynomial = r * highest + lower.pop()
    while lower:
        polynomial = polynomial * r + lower.pop()
    return Lanes(builder, power), polynomial * r


def _value(x: Lanes | float) -> Any:
    return x.value if isinstance(x, Lanes) else ir.Constant(_REALS, [float(np.float32(x))] * LANES)


def _whole(x: int) -> Any:
    return ir.Constant(_INTEGERS, [x] * LANES)
