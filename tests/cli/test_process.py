"""The terminal as a process: help, what it loads, interrupts and pipes."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from PIL import Image

from cxr_core.cli import main

KEYS = [
    "file", "status", "reasons", "probability", "threshold", "label", "refer", "model", "sha256",
    "elapsed_ms",
]  # fmt: skip

pytestmark = pytest.mark.usefixtures("model_entry")


@pytest.mark.parametrize("command", [[], ["predict"], ["evaluate"], ["train"], ["models"]])
def test_help_has_examples(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([*command, "--help"])
    assert ended.value.code == 0
    assert f"python -m cxr_core {' '.join(command)}".strip() in capsys.readouterr().out


@pytest.mark.parametrize(
    "wrong",
    [["predict"], ["predict", "x", "--jobs", "0"], ["predict", "x", "--frame", "-1"], ["x"]],
)
def test_wrong_arguments_end_with_two(wrong: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(wrong)
    assert ended.value.code == 2


def test_a_prediction_loads_nothing_heavy(folder: Path) -> None:
    code = (
        "import sys; from cxr_core.cli import main; "
        f"main(['predict', {str(folder / '1-clear.png')!r}, '--json', '--show-anyway']); "
        "heavy = 'tensorflow keras sklearn scipy pandas pydicom plotly streamlit tqdm'.split(); "
        "print([m for m in heavy if m in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.splitlines()[-1] == "[]"


def test_an_interrupt_leaves_whole_lines_and_whole_pictures(folder: Path, tmp_path: Path) -> None:
    many, maps = tmp_path / "many", tmp_path / "maps"
    many.mkdir()
    for i in range(400):
        (many / f"{i:03d}.png").symlink_to(folder / "1-clear.png")
    command = [sys.executable, "-m", "cxr_core", "predict", str(many), "--json", "--show-anyway"]
    child = subprocess.Popen(
        [*command, "--heatmap", str(maps)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    first = child.stdout.readline()
    time.sleep(0.3)
    child.send_signal(signal.SIGINT)
    rest, complaints = child.communicate(timeout=30)
    assert child.returncode == 130
    assert "Traceback" not in complaints
    lines = (first + rest).splitlines()
    assert 0 < len(lines) < 400
    assert [list(json.loads(line)) for line in lines] == [KEYS] * len(lines)
    assert [p.name for p in maps.iterdir() if p.suffix != ".png"] == []
    for path in maps.iterdir():
        Image.open(path).load()


def test_a_reader_that_has_enough_is_no_error(folder: Path) -> None:
    run = subprocess.run(
        f"{sys.executable} -m cxr_core predict {folder} {folder} {folder} --json | head -n 1",
        shell=True, capture_output=True, text=True,
    )  # fmt: skip
    assert len(run.stdout.splitlines()) == 1
    assert run.stderr == ""


def test_an_interrupt_while_modules_are_loaded_shows_no_traceback() -> None:
    code = """
import runpy, sys
class Impatient:
    def find_spec(self, name, *_):
        if name == "cxr_core.registry":
            raise KeyboardInterrupt
sys.meta_path.insert(0, Impatient())
sys.argv = ["cxr_core", "models", "verify"]
runpy.run_module("cxr_core", run_name="__main__")
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (run.returncode, run.stderr) == (130, "")


def test_output_that_cannot_be_written_is_a_sentence(folder: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full on this system")
    command = [sys.executable, "-m", "cxr_core", "predict", str(folder), "--json"]
    with open("/dev/full", "w") as full:
        run = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True)
    assert run.returncode == 2
    assert run.stderr.startswith("error: Expected")
    assert len(run.stderr.splitlines()) == 1


def test_closed_streams_are_no_error(folder: Path) -> None:
    command = f"{sys.executable} -m cxr_core predict {folder / '1-clear.png'} --json"
    assert subprocess.run(f"{command} >&-", shell=True, capture_output=True).stderr == b""
    run = subprocess.run(f"{command} 2>&-", shell=True, stdout=subprocess.PIPE)
    assert list(json.loads(run.stdout)) == KEYS


def test_a_folder_for_heatmaps_that_takes_none_is_told_before_any_film_is_read(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # Not even root may write here, unlike into a folder without the permission.
    nowhere = "/proc/self/task" if Path("/proc/self/task").is_dir() else str(folder / "1-clear.png")
    assert main(["predict", str(folder), "--heatmap", nowhere]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("error: Expected a folder to write heatmaps into")
