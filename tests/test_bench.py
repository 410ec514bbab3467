"""`make bench` measures what it says, as far as a tiny run can tell."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
from bench.contenders import Timing
from bench.growth import Growth
from bench.reports import POSTGRES, SQLITE, Report
from bench.results import report_values
from bench.table import write_reports

ROOT = Path(__file__).resolve().parent.parent
NAMES = {
    *(
        "throughput_ratio_vs_nbgrader",
        "throughput_ratio_vs_nbgrader_large_class",
        "overhead_over_compute",
        "jail_start_ms",
        "rpc_call_ms",
        "snapshot_ms",
    ),
    "rss_growth_mb_per_1000",
    *("report_seconds_1m_outcomes", "report_peak_mb"),
}


@pytest.mark.slow
@pytest.mark.timeout(900)  # half a minute on two cores that have nothing else to do
def test_a_tiny_run_prints_all_figures_and_writes_table_and_figure(tmp_path: Path) -> None:
    """It also compares all scores with what the submissions deserve, and fails if one is wrong."""
    command = [sys.executable, "-m", "bench", "--quick", "--without-otter", "--workers", "1", "--out", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    values = dict(line.split(": ") for line in done.stdout.splitlines())
    assert values.keys() >= NAMES
    assert float(values["throughput_ratio_vs_nbgrader"]) > 0
    assert "nan" not in (tmp_path / "results.md").read_text()
    svg = ElementTree.parse(tmp_path / "results.svg").getroot()
    assert svg.find("{http://www.w3.org/2000/svg}desc") is not None


def test_a_class_takes_the_measured_time_and_what_is_missing_at_the_rate_of_the_measured() -> None:
    timing = Timing(wall=11.0, finished=(4.0, 7.0, 10.0))
    assert timing.of_class(3) == 11.0
    assert timing.of_class(5) == 17.0


def test_growth_is_counted_after_the_first_submissions() -> None:
    growth = Growth(
        finished=(1.0, 2.0, 3.0, 4.0, 5.0, 6.0),
        sampled=(1.5, 2.5, 4.5, 6.5),
        memory=(500.0, 100.0, 102.0, 104.0),
        coordinator=(0.0, 0.0, 0.0, 0.0),
    )
    assert growth.done == [1, 2, 4, 6]
    assert growth.slope(growth.memory, 2) == pytest.approx(1000)
    assert growth.cost(2, 6) == pytest.approx(1.0)


def test_the_report_measured_alone_takes_its_own_place_in_the_table(tmp_path: Path) -> None:
    table = tmp_path / "results.md"
    table.write_text("# Measured\n\n## The report of a large course\n\nold\n\n## The parts\n\nkept\n")
    write_reports([Report(SQLITE, 1_000_000, 5.25, 400.0)], tmp_path)
    text = table.read_text()
    assert "| SQLite | 1,000,000 | 5.2 | 400 |" in text
    assert "old" not in text
    assert text.endswith("\n\n## The parts\n\nkept\n")
    table.unlink()
    write_reports([Report(SQLITE, 10, 1.0, 1.0)], tmp_path)
    assert table.read_text().startswith("# Measured\n\n## The report of a large course")


def test_figures_of_the_report_are_named_by_their_database() -> None:
    assert report_values([Report(SQLITE, 1, 2.0, 3.0), Report(POSTGRES, 1, 4.0, 5.0)]) == {
        "report_seconds_1m_outcomes": 2.0,
        "report_peak_mb": 3.0,
        "report_seconds_1m_outcomes_postgresql": 4.0,
        "report_peak_mb_postgresql": 5.0,
    }
