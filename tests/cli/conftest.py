"""Films that the terminal's tests read."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import films


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two drawn films, a photograph and a file that is no picture."""
    where = tmp_path / "films"
    where.mkdir()
    (where / "1-clear.png").write_bytes(films.png(films.chest(seed=1)))
    (where / "2-photo.jpg").write_bytes(films.jpeg(films.photo()))
    (where / "3-broken.png").write_bytes(films.png(films.chest())[:500])
    (where / "4-opacity.dcm").write_bytes(films.dicom(films.chest(seed=2, opacity=True)))
    return where
