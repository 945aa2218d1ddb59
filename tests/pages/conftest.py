"""Pages as scripts, without a browser."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from cxr_core.registry import ModelEntry

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def page(model_entry: ModelEntry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    """The threshold page with the shipped model, and a home of its own."""
    monkeypatch.setenv("CXR_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("CXR_DATABASE_URL", raising=False)
    opened = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60).run()
    opened.switch_page("pages/threshold.py").run()
    assert not opened.exception
    return opened
