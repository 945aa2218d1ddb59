"""A home of its own, a tiny registered model in it, and a reporter that remembers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import tiny_model

from cxr_core import comparison
from cxr_core.errors import Cancelled

TINY = "model:tiny@1.0.0"


class Report:
    """A Reporter; `cancel_at`: how many looks until a person has asked to stop."""

    def __init__(self, folder: Path, resumed: bool = False, cancel_at: int | None = None) -> None:
        self.folder, self.resumed, self.threads = folder, resumed, 1
        self.lines: list[str] = []
        self.steps: list[tuple[int, int]] = []
        self.looks = 0
        self._cancel_at = cancel_at

    def progress(
        self, step: int, steps: int, *, epoch: int = 0, epochs: int = 0, message: str = ""
    ) -> None:
        self.steps.append((step, steps))
        self.check()

    def log(self, text: str) -> None:
        self.lines.append(text)

    def point(self, **values: float) -> None:
        pass

    def keep(self, wanted: object) -> None:
        pass

    def check(self) -> None:
        self.looks += 1
        if self._cancel_at is not None and self.looks >= self._cancel_at:
            raise Cancelled


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty $CXR_HOME and an empty $KERAS_HOME."""
    monkeypatch.setenv("CXR_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    return tmp_path / "home"


@pytest.fixture
def tiny(home: Path) -> str:
    """The id of a registered model of a few hundred numbers."""
    tiny_model.write(home / "models")
    assert comparison.row(TINY).problem is None
    return TINY


@pytest.fixture
def report(tmp_path: Path) -> Callable[..., Report]:
    def make(**settings: object) -> Report:
        (tmp_path / "job").mkdir(exist_ok=True)
        return Report(tmp_path / "job", **settings)

    return make
