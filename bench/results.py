"""What was measured, and what it says: medians of rounds, ratios within a round."""

from __future__ import annotations

import os
import platform
import statistics
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from bench.growth import Growth
from bench.primitives import Primitives
from bench.reports import SQLITE, Report

CHAINRULE, NBGRADER, OTTER, COMPUTE = "chainrule", "nbgrader", "otter", "compute"


@dataclass(frozen=True)
class Spread:
    """The median of the rounds, and the smallest and the largest."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        return cls(statistics.median(values), min(values), max(values))

    @classmethod
    def middle(cls, values: Sequence[float]) -> Spread:
        """The median and the middle nine tenths, for many repetitions."""
        ordered = sorted(values)
        return cls(statistics.median(values), ordered[len(ordered) // 20], ordered[-1 - len(ordered) // 20])


@dataclass
class Rounds:
    """One kind of notebook: of each contender, in each round, the seconds for a class of `size`."""

    size: int
    seconds: dict[str, list[float]] = field(default_factory=dict)
    graded: dict[str, int] = field(default_factory=dict)
    """How many submissions a contender really graded in a round; the others are counted at the rate of these."""

    def add(self, contender: str, seconds: float, graded: int) -> None:
        self.seconds.setdefault(contender, []).append(seconds)
        self.graded[contender] = graded

    def ratio(self, contender: str, to: str) -> Spread:
        """How many times longer than `to`, round by round."""
        return Spread.of([a / b for a, b in zip(self.seconds[contender], self.seconds[to], strict=True)])

    def per_submission(self, contender: str) -> Spread:
        return Spread.of([seconds / self.size for seconds in self.seconds[contender]])


@dataclass
class Results:
    """All of a run."""

    workers: int
    rounds: int
    small: Rounds
    training: Rounds
    growth: Growth
    primitives: Primitives
    reports: Sequence[Report]
    load_before: float
    started: datetime
    otter: bool

    @property
    def skip(self) -> int:
        """The submissions that the growth is measured after: 100, as far as there are so many."""
        return min(100, len(self.growth.finished) // 4)

    @property
    def large_class_ratio(self) -> float:
        """How many times longer nbgrader, at its median rate, takes for the large class than our one run of it."""
        growth = self.growth
        return self.small.per_submission(NBGRADER).median * len(growth.finished) / growth.finished[-1]

    def values(self) -> dict[str, float]:
        """The named figures. Ratios above 1 in favour of chainrule, except the overhead."""
        growth, size = self.growth, len(self.growth.finished)
        middle = (self.skip + size) // 2
        parts = self.primitives
        named = {
            "throughput_ratio_vs_nbgrader": self.small.ratio(NBGRADER, CHAINRULE).median,
            "throughput_ratio_vs_nbgrader_large_class": self.large_class_ratio,
            "overhead_over_compute": self.training.ratio(CHAINRULE, COMPUTE).median,
            "jail_start_ms": statistics.median(parts.jail_start),
            "jail_end_ms": statistics.median(parts.jail_end),
            "rpc_call_ms": statistics.median(parts.rpc_call),
            "snapshot_ms": statistics.median(parts.snapshot),
            "rss_growth_mb_per_1000": growth.slope(growth.memory, self.skip),
            "coordinator_growth_mb_per_1000": growth.slope(growth.coordinator, self.skip),
            "growth_seconds_per_submission": growth.cost(self.skip, size),
            "growth_cost_ratio": growth.cost(middle, size) / growth.cost(self.skip, middle),
        }
        if self.otter:
            named["throughput_ratio_vs_otter"] = self.small.ratio(OTTER, CHAINRULE).median
        return named | report_values(self.reports)

    def facts(self) -> dict[str, str]:
        """The machine and the versions."""
        packages = ("nbgrader", "ipykernel", "numpy", "torch")
        versions = ", ".join(f"{name} {version(name)}" for name in packages)
        if self.otter:
            requirements = Path(__file__).with_name("requirements-otter.txt").read_text().splitlines()
            [pin] = [line for line in requirements if line.startswith("otter-grader==")]
            versions += f", {pin.replace('==', ' ')}"
        return {
            "Date": f"{self.started:%Y-%m-%d}, {(datetime.now(UTC) - self.started).total_seconds() / 60:.0f} minutes",
            "Machine": f"{os.cpu_count()} cores, {platform.system()} {platform.release()}, {platform.machine()}; "
            f"load average before the run {self.load_before:.1f}",
            "Python": f"{platform.python_implementation()} {sys.version.split()[0]}",
            "Versions": versions,
            "chainrule": f"{self.workers} workers, isolation {self.primitives.isolation}",
        }


def report_values(reports: Sequence[Report]) -> dict[str, float]:
    """The named figures of the report: seconds, and MB at the peak."""
    named = {}
    for report in reports:
        end = "" if report.database == SQLITE else f"_{report.database.lower()}"
        named[f"report_seconds_1m_outcomes{end}"] = report.seconds
        named[f"report_peak_mb{end}"] = report.peak
    return named
