"""The shipped model's gate on real films and on pictures that are none. Skips without either."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cxr_core import image, registry
from cxr_core.errors import CxrError
from cxr_core.gate import render
from cxr_core.preprocess import model_input
from cxr_core.quality import judge
from cxr_core.schema import Film, FilmFacts, Verdict
from cxr_core.serve import Model


@pytest.fixture(scope="module")
def model() -> Model:
    try:
        return Model.load(registry.find())
    except CxrError as error:
        pytest.skip(f"no shipped model: {error}")


@pytest.fixture(scope="module")
def held_out(real_films: Path, model: Model) -> list[Film]:
    """Sixty of the model's validation films."""
    rows = csv.DictReader(io.StringIO(registry.find().read(registry.SCORES).decode()))
    ids = [row["film_id"] for row in rows]
    folder = real_films / "chest_xray_224" / "train"
    return [image.read(folder / f"{i}.jpeg") for i in ids[:: max(1, len(ids) // 60)]]


def verdict(film: Film, model: Model) -> Verdict:
    features = model.forward(model_input(film, model.preprocessing)).features
    return judge(film, features, model.gate)


def plane(pixels: np.ndarray) -> Film:
    grey = np.ascontiguousarray(pixels)
    return Film(grey, False, None, FilmFacts("PNG", *grey.shape, 8), "0" * 64)


def share(films: Iterable[Film], model: Model, *, code: str = "", status: str = "") -> float:
    found = [verdict(film, model) for film in films]
    return float(
        np.mean([v.status == status or code in {r.code for r in v.reasons} for v in found])
    )


def test_films_of_the_same_kind_pass(held_out: list[Film], model: Model) -> None:
    assert share(held_out, model, status="refused") <= 0.02
    assert share(held_out, model, code="unlike-training") <= 0.10


def test_the_same_films_at_full_resolution_pass(real_films: Path, model: Model) -> None:
    paths = sorted(real_films.glob("chest_xray_fullres/*/*.jpeg"))[::2]
    found = [image.read(path) for path in paths]
    assert share(found, model, status="refused") == 0
    assert share(found, model, code="unlike-training") <= 0.10


def test_adults_are_cautioned_as_unlike_and_rarely_refused(real_films: Path, model: Model) -> None:
    paths = sorted(real_films.glob("adult_films_384/*/*.jpeg"))[::2]
    found = [image.read(path) for path in paths]
    assert share(found, model, code="unlike-training") >= 0.80
    assert share(found, model, status="refused") <= 0.15


@pytest.mark.parametrize(
    ("turn", "codes"),
    [
        ("rotated_left", {"rotated"}),
        ("rotated_right", {"rotated"}),
        ("upside_down", {"upside-down"}),
        ("flipped", {"upside-down"}),
    ],
)
def test_turned_films_are_refused_and_told_how(
    held_out: list[Film], model: Model, turn: str, codes: set[str]
) -> None:
    for film in held_out[::4]:
        found = verdict(plane(render(turn, film.pixels.astype(np.float32) / 255)), model)
        assert found.status == "refused"
        assert codes & {reason.code for reason in found.reasons}


def test_photographs_are_refused_in_grey(model: Model) -> None:
    from sklearn.datasets import load_sample_images

    for photograph in load_sample_images().images:
        grey = np.asarray(Image.fromarray(photograph).convert("L"))
        assert verdict(plane(grey), model).status == "refused"


def test_cts_and_ultrasounds_are_refused_without_a_tag(model: Model) -> None:
    import pydicom

    folder = Path(pydicom.__file__).parent / "data" / "test_files"
    for name in ("CT_small", "693_J2KI", "examples_overlay", "examples_rgb_color"):
        pixels = pydicom.dcmread(folder / f"{name}.dcm").pixel_array
        if pixels.ndim == 3:
            pixels = np.asarray(Image.fromarray(pixels).convert("L"))
        low, high = np.percentile(pixels, [0.5, 99.5])
        grey = np.clip((pixels - low) / (high - low) * 255, 0, 255).astype(np.uint8)
        assert verdict(plane(grey), model).status == "refused", name
