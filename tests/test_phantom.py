"""The sample films are drawn, labelled as such, and the same on every run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from cxr_core import phantom

SAMPLES = Path(__file__).resolve().parent.parent / "assets" / "samples"


def test_drawing_is_the_same_on_every_run_and_the_label_is_in_the_picture():
    first, second = phantom.draw(True), phantom.draw(True)
    assert np.array_equal(first, second)
    assert first.shape == (phantom.HEIGHT, phantom.WIDTH)
    assert np.mean(first[1050:1100, 1120:1380] >= 230) > 0.05


def test_opacity_lies_in_the_lung_on_the_left_of_the_picture_and_nowhere_else():
    difference = phantom.draw(True).astype(int) - phantom.draw(False)
    assert difference[600:720, 300:480].mean() > 25
    assert abs(difference[:, 800:].mean()) < 3


def test_shipped_samples_are_what_the_code_draws():
    for opacity, name in phantom.NAMES.items():
        assert name.startswith("SYNTHETIC")
        shipped = np.asarray(Image.open(SAMPLES / name)).astype(int)
        assert np.abs(shipped - phantom.draw(opacity)).mean() < 2
