"""`jobs`: the queue from a terminal, as text and as JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cxr_core.cli import main
from cxr_core.jobs import open_table
from tests.jobs.conftest import home, stop

__all__ = ["home"]


@pytest.fixture(autouse=True)
def _nothing_left(home: Path) -> Any:
    yield
    stop(open_table())


def said(capsys: pytest.CaptureFixture[str], *argv: str, code: int = 0) -> Any:
    assert main(["jobs", *argv, "--json"]) == code
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_a_job_is_submitted_watched_listed_and_shown(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "plan.json").write_text('{"to": 99, "seconds": 0.1}')
    plan = str(tmp_path / "plan.json")
    lines = said(capsys, "submit", "count", "--config", plan, "--set", "to=2", "--watch")
    states = [line["state"] for line in lines]
    assert states == sorted(states, key=["queued", "running", "done"].index)
    assert (states[-1], lines[-1]["config"]) == ("done", {"to": 2, "seconds": 0.1})
    job = lines[-1]["id"]
    ((listed,),) = said(capsys, "list", "--kind", "count", "--state", "done")
    assert (listed["id"], listed["result"]["reached"]) == (job, 2)
    assert main(["jobs", "show", job[-6:]]) == 0
    text = capsys.readouterr().out
    assert "step 2 of 2" in text
    assert '"reached": 2' in text
    assert main(["jobs", "list"]) == 0
    assert job in capsys.readouterr().out
    assert said(capsys, "remove", job) == [{"removed": job}]
    assert said(capsys, "list") == [[]]


def test_a_job_is_cancelled_and_resumed(capsys: pytest.CaptureFixture[str]) -> None:
    (job,) = said(capsys, "submit", "count", "--set", "to=6", "--set", "seconds=0.3")
    assert said(capsys, "cancel", job["id"])[0]["state"] in ("queued", "running", "cancelled")
    assert said(capsys, "watch", job["id"], code=1)[-1]["state"] == "cancelled"
    done = said(capsys, "resume", job["id"], "--watch")[-1]
    assert (done["state"], done["attempt"]) == ("done", 2)


def test_a_failed_job_is_told_with_its_reason_and_its_log(
    capsys: pytest.CaptureFixture[str],
) -> None:
    ended = said(capsys, "submit", "refuse", "--set", "how=bug", "--watch", code=1)[-1]
    assert "wheel" in ended["reason"]
    assert main(["jobs", "show", ended["id"], "--lines", "9"]) == 0
    assert "in refuse" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("argv", "why"),
    [
        (["submit", "nonesuch"], "Expected a kind of job among"),
        (["submit", "count", "--set", "to"], "Expected --set NAME=VALUE"),
        (["submit", "count", "--config", "/nonesuch"], "Expected a readable file"),
        (["watch", "nonesuch"], "Expected the id of a job"),
        (["cancel", ""], "Expected the id of a job"),
    ],
)
def test_what_cannot_be_done_ends_with_two_and_says_why(
    argv: list[str], why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["jobs", *argv]) == 2
    assert why in capsys.readouterr().err


def test_a_fine_tuning_that_cannot_work_is_refused_before_it_is_queued(
    capsys: pytest.CaptureFixture[str],
) -> None:
    plan = ["--set", "method=frozen", "--set", 'data={"source": "films"}']
    wrong = ["--set", 'settings={"batch": 1}']
    assert main(["jobs", "submit", "train", *plan, *wrong]) == 2
    assert "batch of 2 to 1024" in capsys.readouterr().err
    assert open_table().list() == ()
