"""Fixtures that more than one test file uses."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from cxr_core import registry
from cxr_core.errors import ModelError
from cxr_core.registry import ModelEntry

if TYPE_CHECKING:
    from cxr_core.serve import Model

# Before any test imports TensorFlow: its start-up chatter would drown a failing test's output.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

REPOSITORY = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session", autouse=True)
def nobodys_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Tests never read or write the models, jobs and thresholds of whoever runs them."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CXR_HOME", str(home))
        for name in ("CXR_DATABASE_URL", "CXR_RAY_ADDRESS", "MLFLOW_TRACKING_URI"):
            patch.delenv(name, raising=False)
        yield home


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of the repository."""
    return REPOSITORY


@pytest.fixture(scope="session")
def real_films() -> Path:
    """The folder of real films, or a skip: they are not part of the repository.

    It holds chest_xray_224/train/{NORMAL,PNEUMONIA}, chest_xray_fullres/{NORMAL,PNEUMONIA} and
    adult_films_384/{NORMAL,PNEUMONIA}.
    """
    folder = Path(os.environ.get("CXR_TEST_DATA", REPOSITORY.parent / "shared" / "data"))
    if not (folder / "chest_xray_224" / "train").is_dir():
        pytest.skip(
            "no real films: set CXR_TEST_DATA to a folder that holds chest_xray_224/train "
            "(docs/user-guide.md, 'Data')"
        )
    return folder


@pytest.fixture(scope="session")
def model_entry() -> ModelEntry:
    """The shipped model, or a skip."""
    try:
        return registry.find()
    except ModelError as error:
        pytest.skip(f"no model to test with: {error}")


@pytest.fixture(scope="session")
def model(model_entry: ModelEntry) -> Model:
    """That model, loaded once for all tests."""
    from cxr_core.serve import Model

    return Model.load(model_entry)
