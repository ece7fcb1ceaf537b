"""One interval over seeds and days: the nested bootstrap in closed form.

A metric of seed k on day t is a common value, plus a part of the seed, plus a part of the day that all seeds share,
plus a part of this seed on this day. A nested bootstrap draws seeds with replacement and, for all of them, the same
blocks of days. Its variance has three sources, which are computed here without drawing:

- ``between``: the variance of the seeds' statistics, by the number of seeds; contains the interaction
- ``days``: the stationary bootstrap's variance of the seeds' mean series; contains the interaction too
- ``interaction``: the stationary bootstrap's variance of what remains of each seed's series

The variance of the mean is ``between + (days - interaction)``. The plain nested bootstrap counts the interaction up to
three times and scales ``between`` by ``(K - 1) / K`` (A. Owen 2007, The pigeonhole bootstrap, Annals of Applied
Statistics 1(2)); with few seeds its percentiles are too narrow in spite of it. Here neither happens, and the interval
is Student's t. Its degrees of freedom are the mean of those of both parts, weighted harmonically by their shares of
the variance. (Satterthwaite's squared shares cover only 92 % with three seeds.)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np
import numpy.typing as npt

from lstm_bench.statistics.blocks import dependence_of
from lstm_bench.statistics.estimate import FEWEST, FEWEST_DAYS, LEVEL, Estimate
from lstm_bench.statistics.influence import Statistic, days_with_values, influences
from lstm_bench.statistics.seed_part import SeedPart, seed_part
from lstm_bench.statistics.stationary import StationaryBootstrap

__all__ = ["Nested", "Source", "nested_difference", "nested_interval"]

Floats = npt.NDArray[np.float64]
Source = Literal["seeds", "days", "interaction"]

_MOST = 1_000_000
"""More seeds or days than this are as good as never."""

_KNOWN_BLOCKS = 1 / 3
"""Part of the degrees of freedom that is left, because the length of blocks is estimated from the same days.

Of simulated AR(1) series, the variance estimate varies as a chi-squared variable with a third of the degrees of freedom
that blocks of a known length would have: of 250 days with a correlation of 0.2, with 37 instead of 114.
"""


@dataclass(frozen=True)
class Nested:
    """A mean over seeds, or a difference of two, with its uncertainty from seeds and days.

    Attributes
    ----------
    value : mean over seeds of the statistic
    parts : one per set of seeds: one, or two for the difference of unpaired rows
    days : T
    day_variance : stationary bootstrap's variance of the mean over seeds; contains the interaction
    day_freedom : its degrees of freedom, with an estimated block
    block : mean block of the stationary bootstrap, in days
    level : of :attr:`estimate`
    """

    value: float
    parts: tuple[SeedPart, ...]
    days: int
    day_variance: float
    day_freedom: float
    block: float
    level: float = LEVEL

    @property
    def seed(self) -> float:
        """Part of the variance that comes from seeds, and that no number of days removes."""
        return sum(max(part.between - part.interaction, 0.0) for part in self.parts)

    @property
    def interaction(self) -> float:
        """Part of the variance that more seeds or more days remove."""
        return sum(min(part.interaction, part.between) for part in self.parts)

    @property
    def day(self) -> float:
        """Part of the variance that comes from days, and that no number of seeds removes."""
        # where chance makes the difference negative, the days are as if they had no common part
        return max(self.day_variance - sum(part.interaction for part in self.parts), 0.0)

    @property
    def variance(self) -> float:
        """Variance of ``value``: the sum of :attr:`seed`, :attr:`day` and :attr:`interaction`."""
        return sum(part.between for part in self.parts) + self.day

    @property
    def dominant(self) -> Source:
        """Where most of the variance comes from."""
        sources: dict[Source, float] = {"seeds": self.seed, "days": self.day, "interaction": self.interaction}
        return max(sources, key=lambda source: sources[source])

    @property
    def has_interval(self) -> bool:
        """Whether there are enough seeds and days; a row of one seed counts as a model without seeds."""
        enough = all(part.seeds == 1 or part.seeds >= FEWEST for part in self.parts)
        return enough and self.days >= FEWEST_DAYS and bool(np.isfinite(self.variance))

    @property
    def freedom(self) -> float:
        """Degrees of freedom of :attr:`variance`."""
        variance = self.variance
        if variance <= 0:
            return self.day_freedom
        inverse = self.day / variance / self.day_freedom
        inverse += sum(part.between / variance / (part.seeds - 1) for part in self.parts if part.seeds > 1)
        return 1 / inverse

    @cached_property
    def estimate(self) -> Estimate:
        """The value and its interval at ``level``; both ends are NaN if there are too few seeds or days."""
        return self.interval(self.level)

    def interval(self, level: float) -> Estimate:
        """Return the value and its interval at another level."""
        half = self.half_width(level)
        return Estimate(self.value, self.value - half, self.value + half)

    def half_width(self, level: float) -> float:
        """Half of the interval's width; NaN if there are too few seeds or days."""
        if not self.has_interval:
            return np.nan
        from scipy.special import stdtrit

        return float(stdtrit(self.freedom, (1 + level) / 2) * np.sqrt(self.variance))

    @cached_property
    def p_value(self) -> float:
        """Two-sided p-value of the true value being 0; NaN if there are too few seeds or days."""
        if not self.has_interval:
            return np.nan
        if self.variance <= 0:
            return float(self.value == 0)
        from scipy.special import stdtr

        return float(2 * stdtr(self.freedom, -abs(self.value) / np.sqrt(self.variance)))

    def equivalence_p_value(self, margin: float) -> float:
        """p-value of the true value being outside ±``margin``; NaN if there are too few seeds or days.

        It is the larger of those of both one-sided tests (D. Schuirmann 1987, Journal of Pharmacokinetics and
        Biopharmaceutics 15): below 5 % if the 90 % interval lies inside ±``margin``.
        """
        if not self.has_interval:
            return np.nan
        inside = margin - abs(self.value)
        if self.variance <= 0:
            return float(inside <= 0)
        from scipy.special import stdtr

        return float(stdtr(self.freedom, -inside / np.sqrt(self.variance)))

    def with_more(self, seeds: int = 0, days: int = 0) -> Nested:
        """Expect the variance for more seeds of every side, or for more days, with the same value."""
        factor = (self.days + days) / self.days
        parts = tuple(part.with_more(seeds, factor) for part in self.parts)
        shared = self.day / factor + sum(part.interaction for part in parts)
        return replace(
            self,
            parts=parts,
            days=self.days + days,
            day_variance=shared,
            day_freedom=self.day_freedom * factor,
        )

    @property
    def seeds_to_halve(self) -> int | None:
        """Further seeds of every side that would halve the interval; None if no number would."""
        return self.seeds_until(lambda found: found.half_width(self.level) <= self.half_width(self.level) / 2)

    @property
    def days_to_halve(self) -> int | None:
        """Further days that would halve the interval; None if no number would."""
        return self.days_until(lambda found: found.half_width(self.level) <= self.half_width(self.level) / 2)

    def seeds_until(self, enough: Callable[[Nested], bool]) -> int | None:
        """Find the least number of further seeds that is enough; None if no number is."""
        if all(part.seeds == 1 for part in self.parts):
            return None
        return self._least(lambda more: enough(self.with_more(seeds=more)))

    def days_until(self, enough: Callable[[Nested], bool]) -> int | None:
        """Find the least number of further days that is enough; None if no number is."""
        return self._least(lambda more: enough(self.with_more(days=more)))

    def _least(self, enough: Callable[[int], bool]) -> int | None:
        if not self.has_interval or not enough(_MOST):
            return None
        low, high = -1, _MOST  # not enough, enough
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if enough(middle) else (middle, high)
        return high


def nested_interval(
    panel: npt.ArrayLike, statistic: Statistic = "mean", *, scale: float = 1.0, level: float = LEVEL
) -> Nested:
    """Mean over seeds of a daily statistic, with its interval over seeds and days.

    Parameters
    ----------
    panel : ``[K, T]``
        A daily series per seed, days in order, NaN on days without a value. Days without a value for any seed are left
        out. One seed is taken as a model without seeds: only days vary.
    statistic, scale
        See :func:`~lstm_bench.statistics.influence.influences`.
    level
        Probability with which the interval is to cover the value that other seeds and other days would give.

    Raises
    ------
    ValueError
        If the panel does not have two axes, or the statistic is unknown.
    """
    values = _panel(panel)
    return _nested([influences(values[:, days_with_values(values)], statistic, scale)], level)


def nested_difference(
    a: npt.ArrayLike,
    b: npt.ArrayLike,
    statistic: Statistic = "mean",
    *,
    seeds: tuple[Sequence[int], Sequence[int]] | None = None,
    scale: float = 1.0,
    level: float = LEVEL,
) -> Nested:
    """Return A - B with its interval over seeds and days; both sides have the same days.

    Parameters
    ----------
    a, b : ``[K, T]``, ``[M, T]``
        Daily series as in :func:`nested_interval`, with columns of the same days. Days on which either side has no
        value are left out.
    seeds
        The seeds of A and of B. If three or more are common, the difference is over these, paired by seed. Otherwise,
        and without this argument, it is the difference of the means over all seeds of each side, as if seeds of A
        and of B had nothing in common.

    Raises
    ------
    ValueError
        If the days or the seeds do not fit the panels, or the statistic is unknown.
    """
    left, right = _panel(a), _panel(b)
    if left.shape[1] != right.shape[1]:
        raise ValueError(f"a has {left.shape[1]} days, b has {right.shape[1]}; expected the same days")
    common = days_with_values(left) & days_with_values(right)
    of_a, of_b = (influences(side[:, common], statistic, scale) for side in (left, right))
    if seeds is None:
        return _nested([of_a, -of_b], level)
    if (len(seeds[0]), len(seeds[1])) != (len(of_a), len(of_b)):
        raise ValueError(
            f"seeds: got {len(seeds[0])} and {len(seeds[1])}; expected {len(of_a)} and {len(of_b)}"
        )
    paired, at_a, at_b = np.intersect1d(seeds[0], seeds[1], return_indices=True)
    if len(paired) < FEWEST:
        return _nested([of_a, -of_b], level)
    return _nested([of_a[at_a] - of_b[at_b]], level)


def _panel(panel: npt.ArrayLike) -> Floats:
    values = np.asarray(panel, dtype=np.float64)
    if values.ndim != 2 or not len(values):
        raise ValueError(f"panel: got the shape {values.shape}; expected [seeds, days] with a seed or more")
    return values


def _nested(sides: Sequence[Floats], level: float) -> Nested:
    """Add sides ``[K, T]`` of influence values whose seeds are independent, and whose days are the same."""
    days = sides[0].shape[1]
    series = sum((side.mean(axis=0) for side in sides), np.zeros(days))
    if days < FEWEST or not np.isfinite(series).all():  # no variance either
        value = float(series.mean()) if days else np.nan
        parts = tuple(SeedPart(len(side), np.nan, np.nan) for side in sides)
        return Nested(value, parts, days, np.nan, np.nan, np.nan, level)
    bootstrap = StationaryBootstrap.of(dependence_of(series))
    return Nested(
        float(series.mean()),
        tuple(seed_part(side, bootstrap) for side in sides),
        days,
        float(bootstrap.variance(series)) * bootstrap.inflation,
        max(1.0, bootstrap.degrees_of_freedom * _KNOWN_BLOCKS),
        bootstrap.block,
        level,
    )
