"""A file that stands in for Keras' ImageNet weights: as many numbers, none of them drawn."""

from __future__ import annotations

from pathlib import Path

import h5py

from cxr_core.backbones import backbone
from cxr_core.comparison import counts


def write(name: str, numbers: int | None = None) -> Path:
    """Where Keras looks for the row's weights, below $KERAS_HOME; of a row without a checksum."""
    file = backbone(name).weights
    assert file is not None
    assert file.digest is None
    file.path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(file.path, "w") as out:
        held = counts()[name].params_without_top if numbers is None else numbers
        out.create_dataset("layer/kernel", (held,), "f4")
    return file.path
