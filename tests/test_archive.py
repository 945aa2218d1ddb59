"""Results of an archive: parts that are whole, a run that goes on, and what must not mix."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import pytest

from cxr_core.archive import Row
from cxr_core.archive.parquet import SETTINGS, Results
from cxr_core.batch import Source
from cxr_core.cli import main
from cxr_core.errors import DataError
from tests import films

HOW = {"model": "tiny 1.0.0", "threshold": 0.5}


def row(source: str, member: str = "", status: str = "ok") -> Row:
    values: dict[str, Any] = {
        "file": source + member, "status": status, "reasons": ["why"] if status != "ok" else [],
        "probability": 0.25, "threshold": 0.5, "label": "NORMAL", "refer": False,
        "model": "tiny 1.0.0", "sha256": "0" * 64, "elapsed_ms": 1.5,
    }  # fmt: skip
    return Row(values, "normal", source)


def stored(folder: Path) -> list[str]:
    found: list[str] = pd.read_parquet(folder)["file"].tolist()
    return sorted(found)


def test_rows_come_back_as_they_were(tmp_path: Path) -> None:
    with Results(tmp_path, HOW) as results:
        results.add(row("/films/a.png"))
    (back,) = pd.read_parquet(tmp_path).to_dict("records")
    assert back.pop("reasons").tolist() == []
    assert back == {
        "file": "/films/a.png", "status": "ok", "probability": 0.25, "threshold": 0.5,
        "label": "NORMAL", "refer": False, "model": "tiny 1.0.0", "sha256": "0" * 64,
        "elapsed_ms": 1.5, "finding": "normal", "source": "/films/a.png",
    }  # fmt: skip


def test_what_was_read_is_left_out_and_what_could_not_be_is_read_again(tmp_path: Path) -> None:
    with Results(tmp_path, HOW) as results:
        results.add(row("/films/a.png"))
        results.add(row("/films/away.png", status="error"))
        # One damaged member is the archive's own matter: it was read.
        results.add(row("/films/b.zip", "/1.png"))
        results.add(row("/films/b.zip", "/2.png", "error"))
    asked = [Source(f"/films/{name}") for name in ("a.png", "away.png", "b.zip", "c.png", "c.png")]
    with Results(tmp_path, HOW) as results:
        assert [s.name for s in results.left(asked)] == ["/films/away.png", "/films/c.png"]
        results.add(row("/films/away.png"))
    assert stored(tmp_path) == [
        "/films/a.png", "/films/away.png", "/films/b.zip/1.png", "/films/b.zip/2.png",
    ]  # fmt: skip


def test_an_archive_cut_off_in_its_middle_is_left_out_whole(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), Results(tmp_path, HOW) as results:  # noqa: PT012
        results.add(row("/films/a.png"))
        results.add(row("/films/b.zip", "/1.png"))
        raise KeyboardInterrupt
    assert stored(tmp_path) == ["/films/a.png"]
    with Results(tmp_path, HOW) as results:
        assert [s.name for s in results.left([Source("/films/b.zip")])] == ["/films/b.zip"]


def test_a_name_that_is_no_text_is_stored_and_found_again(tmp_path: Path) -> None:
    name = os.fsdecode(b"/films/\xff.png")
    with Results(tmp_path, HOW) as results:
        results.add(row(name))
    assert stored(tmp_path) == [r"/films/\xff.png"]
    with Results(tmp_path, HOW) as results:
        assert results.left([Source(name)]) == []


def test_other_settings_and_strange_folders_are_refused(tmp_path: Path) -> None:
    with Results(tmp_path / "a", HOW):
        pass
    with pytest.raises(DataError, match=r"threshold 0\.5; received 0\.7"):
        Results(tmp_path / "a", HOW | {"threshold": 0.7})
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "mine.parquet").write_bytes(b"")
    with pytest.raises(DataError, match="Parquet files of something else"):
        Results(tmp_path / "b", HOW)
    (tmp_path / "c").write_bytes(b"")
    with pytest.raises(DataError, match="Expected a folder"):
        Results(tmp_path / "c", HOW)
    with Results(tmp_path / "d", HOW), pytest.raises(DataError, match="another `predict`"):
        Results(tmp_path / "d", HOW)
    (tmp_path / "a" / "part-1-x.parquet").write_bytes(b"PAR1 cut off")
    with pytest.raises(DataError, match="Remove that file"):
        Results(tmp_path / "a", HOW)


@pytest.fixture
def small_disk() -> Iterator[None]:
    """No file of this process may grow past 2 KB, as on a disk that is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    import signal

    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2048, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
    signal.signal(signal.SIGXFSZ, handler)


@pytest.mark.usefixtures("small_disk")
def test_a_full_disk_leaves_no_half_part(tmp_path: Path) -> None:
    results = Results(tmp_path, HOW)
    for k in range(300):
        results.add(row(f"/films/{k * 7919}.png"))
    with pytest.raises(DataError, match="What was stored is whole"):
        results.__exit__(None, None, None)
    assert sorted(p.name for p in tmp_path.iterdir()) == [".lock", SETTINGS]


@pytest.mark.usefixtures("model_entry")
def test_the_terminal_stores_rows_and_goes_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, out = tmp_path / "films", tmp_path / "results"
    source.mkdir()
    for k in range(3):
        (source / f"{k}.png").write_bytes(films.png(films.chest(seed=k)))
    (source / "broken.png").write_bytes(b"x")
    assert main(["predict", str(source), "--parquet", str(out)]) == 1
    assert "4 films" in capsys.readouterr().out
    assert main(["predict", str(source), str(source), "--json"]) == 1
    printed = [json.loads(line) for line in capsys.readouterr().out.splitlines()][:4]
    table = {row["file"]: row for row in pd.read_parquet(out).to_dict("records")}
    for told in printed:
        kept = table[told["file"]]
        assert (kept["status"], kept["reasons"].tolist()) == (told["status"], told["reasons"])
        assert told["probability"] in (None, kept["probability"])
    (source / "broken.png").unlink()
    (source / "new.png").write_bytes(films.png(films.chest(seed=9)))
    assert main(["predict", str(source), "--parquet", str(out)]) == 0
    said = capsys.readouterr()
    assert "3 of 4 files" in said.err
    assert "1 film:" in said.out
    assert [Path(name).name for name in stored(out)] == ["0.png", "1.png", "2.png", "new.png"]


@pytest.mark.parametrize("option", [["--json"], ["--heatmap", "maps"]])
def test_parquet_is_asked_for_alone(
    option: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["predict", "films", "--parquet", str(tmp_path / "out"), *option]) == 2
    assert "Expected --parquet alone" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.usefixtures("model_entry")
def test_a_run_that_is_killed_leaves_whole_parts(tmp_path: Path) -> None:
    source, out = tmp_path / "films", tmp_path / "results"
    source.mkdir()
    content = films.png(films.chest(seed=1))
    for k in range(40):
        (source / f"{k}.png").write_bytes(content)
    code = (
        "import cxr_core.archive.parquet as p; p.ROWS = 4\n"
        "import sys; from cxr_core.cli import main; main(sys.argv[1:])"
    )
    command = [sys.executable, "-c", code, "predict", str(source), "--parquet", str(out)]
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while child.poll() is None and len([*out.glob("part-*")]) < 2:
        pass
    child.kill()
    child.wait()
    before = sum(pq.read_metadata(part).num_rows for part in out.glob("part-*"))
    assert 0 < before <= 40
    assert main(["predict", str(source), "--parquet", str(out)]) == 0
    assert len(set(stored(out))) == len(stored(out)) == 40
