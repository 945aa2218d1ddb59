"""What was measured is kept with its circumstances; damage costs a line, not the table."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import imagenet_weights
import pytest

from cxr_core import comparison
from cxr_core.comparison import Circumstances, Latency, ProbeResult, Problem
from cxr_core.errors import DataError
from cxr_core.schema import Interval


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CXR_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def circumstances(load: float = 0.0, processor: str | None = None) -> Circumstances:
    here = comparison.machine()
    return Circumstances(
        comparison.now(), processor or here.processor, here.cores, here.system, 2,
        {"keras": "3.15.1"}, load,
    )  # fmt: skip


LATENCY = Latency(
    "mobilenet", "litert", 1, 50, 4.0, 5.0, 3.5, 4.5, 70.0, 17.0, "random", 224, circumstances()
)
PROBE = ProbeResult(
    "mobilenetv2", "films", 80, 20, 40, 10, Interval(0.95, 0.9, 0.98), 5.0, 0.2, 1280, 224, False,
    "imagenet", 0, circumstances(),
)  # fmt: skip


def test_nothing_measured_is_empty() -> None:
    assert comparison.results() == comparison.Results()


def test_what_is_kept_comes_back_equal() -> None:
    problem = Problem("vgg19", "latency", "It did not fit.", comparison.now(), "predict", 16)
    for entry in (LATENCY, PROBE, problem):
        comparison.keep(entry)
    found = comparison.results()
    assert (found.latencies, found.probes, found.problems) == ((LATENCY,), (PROBE,), (problem,))
    assert (LATENCY.busy, replace(LATENCY, circumstances=circumstances(0.4)).busy) == (False, True)


def test_a_torn_line_costs_itself_alone() -> None:
    comparison.keep(LATENCY)
    with comparison.path().open("a") as file:
        file.write('{"kind": "Latency", "row": "mob\n[1]\n{"kind": "Other"}\n')
    comparison.keep(PROBE)
    found = comparison.results()
    assert (len(found.latencies), len(found.probes), found.unreadable) == (1, 1, 3)


def test_a_line_of_a_later_version_is_read_without_what_is_new() -> None:
    comparison.keep(LATENCY)
    path = comparison.path()
    path.write_text(path.read_text().replace('"row"', '"new_field": 1, "row"', 1))
    assert comparison.results().latencies == (LATENCY,)


def test_latency_of_another_machine_is_not_latency_here() -> None:
    comparison.keep(replace(LATENCY, circumstances=circumstances(processor="Another processor")))
    assert comparison.results().latency("mobilenet", "litert") is None
    comparison.keep(LATENCY)
    assert comparison.results().latency("mobilenet", "litert") == LATENCY


def test_a_problem_is_over_once_the_same_was_done() -> None:
    problem = Problem("mobilenet", "latency", "It stopped.", comparison.now(), "litert", 1)
    comparison.keep(problem)
    assert comparison.results().problem("mobilenet", "latency") == problem
    comparison.keep(LATENCY)
    assert comparison.results().problem("mobilenet", "latency") is None
    comparison.keep(problem)
    assert comparison.results().problem("mobilenet", "latency") == problem


def test_a_failed_download_is_over_once_the_weights_are_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    problem = Problem("mobilenet", "weights", "There was no connection.", comparison.now())
    comparison.keep(problem)
    assert comparison.results().problem("mobilenet", "weights") == problem
    imagenet_weights.write("mobilenet")
    assert comparison.results().problem("mobilenet", "weights") is None


def test_a_folder_that_cannot_be_written_is_said(home: Path) -> None:
    home.write_text("a file where the folder should be")
    with pytest.raises(DataError, match="CXR_HOME"):
        comparison.keep(LATENCY)
