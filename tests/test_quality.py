"""Every reason of the quality gate, from tags, pixels and likeness, and the verdict they make."""

from __future__ import annotations

import time
from dataclasses import replace

import cv2
import numpy as np
import pytest

import films
from cxr_core.gate import Likeness
from cxr_core.quality import judge, measure, verdict_of
from cxr_core.quality._likeness import likeness_reasons
from cxr_core.quality._signals import border_reasons
from cxr_core.quality._tags import tag_reasons
from cxr_core.schema import Film, FilmFacts, Reason, Verdict, Window

FAMILIAR = Likeness(unlike=0.6, far=0.4, turned=0.01, turn="flipped")


def film(pixels: np.ndarray, *, inverted: bool = False, voi: Window | None = None, **facts) -> Film:
    rows, columns = pixels.shape
    return Film(pixels, inverted, voi, FilmFacts("PNG", rows, columns, 8, **facts), "0" * 64)


def codes(verdict: Verdict) -> set[tuple[str, str]]:
    return {(reason.code, reason.severity) for reason in verdict.reasons}


def pixels_say(pixels: np.ndarray, **facts) -> set[tuple[str, str]]:
    return codes(judge(film(pixels, **facts), None, None))


def tags_say(likeness: Likeness | None = None, **facts) -> set[tuple[str, str]]:
    found = tag_reasons(FilmFacts("DICOM", 2000, 1500, 12, **facts), likeness)
    return {(reason.code, reason.severity) for reason in found}


@pytest.fixture(scope="module")
def chest() -> np.ndarray:
    return films.chest(640, 560)


def test_a_drawn_chest_is_ok(chest: np.ndarray) -> None:
    assert judge(film(chest, modality="DX", body_part="CHEST", view="PA"), None, None) == Verdict(
        "ok"
    )


def test_a_twelve_bit_film_with_a_window_is_ok() -> None:
    deep = films.chest(640, 560, top=4095)
    found = judge(film(deep, inverted=True, voi=Window(2048, 4096)), None, None)
    assert found.status == "ok"


@pytest.mark.parametrize(
    ("share", "expected"),
    [
        (0.0, set()),
        (0.001, set()),
        (0.01, {("colour", "caution")}),
        (0.3, {("colour", "refuse")}),
    ],
)
def test_colour(chest: np.ndarray, share: float, expected: set) -> None:
    assert pixels_say(chest, colour_share=share) == expected


@pytest.mark.parametrize(
    ("side", "expected"),
    [
        (224, set()),
        (223, {("too-small", "caution")}),
        (96, {("too-small", "caution")}),
        (95, {("too-small", "refuse")}),
        (28, {("too-small", "refuse")}),
        (4, {("too-small", "refuse")}),
    ],
)
def test_size(side: int, expected: set) -> None:
    assert pixels_say(films.chest(side, side)) == expected


def test_a_strip_has_unusual_proportions() -> None:
    assert ("proportions", "caution") in pixels_say(films.chest(300, 1000))
    assert ("proportions", "caution") not in pixels_say(films.chest(400, 1000))


@pytest.mark.parametrize("value", [0, 100, 255])
def test_a_blank_picture_is_refused_and_nothing_else_said(value: int) -> None:
    assert pixels_say(np.full((400, 300), value, np.uint8)) == {("blank", "refuse")}


def test_a_blank_deep_picture_is_refused() -> None:
    assert pixels_say(np.full((400, 300), 1234, np.uint16)) == {("blank", "refuse")}


def test_a_faint_film_is_cautioned(chest: np.ndarray) -> None:
    assert pixels_say((chest * 0.08 + 100).astype(np.uint8))  # 20 of 255 grey levels
    faint = pixels_say((chest * 0.14 + 100).astype(np.uint8))
    assert ("low-contrast", "caution") in faint


@pytest.mark.parametrize(("gain", "severity"), [(2.0, "caution"), (8.0, "refuse")])
def test_an_underexposed_film_is_saturated(chest: np.ndarray, gain: float, severity: str) -> None:
    bright = np.clip(chest * gain, 0, 255).astype(np.uint8)
    assert ("saturated", severity) in pixels_say(bright)


def test_white_and_black_borders_do_not_saturate_a_film(chest: np.ndarray) -> None:
    bordered = np.pad(chest, ((60, 60), (60, 60)), constant_values=255)
    bordered = np.pad(bordered, ((30, 30), (60, 60)), constant_values=0)
    assert pixels_say(bordered) == set()


def test_a_plain_border_on_two_sides_is_measured_and_told(chest: np.ndarray) -> None:
    assert border_reasons(measure(film(chest))) == []
    framed = np.pad(chest, 64, constant_values=250)
    found = measure(film(framed))
    assert found.border == pytest.approx(1 - chest.size / framed.size, abs=0.01)
    (reason,) = border_reasons(found)
    assert reason.severity == "caution"
    assert f"{found.border:.0%} of the picture" in reason.text
    # A strip on one side is collimation, or air.
    assert measure(film(np.pad(chest, ((0, 0), (0, 200))))).border == 0


def test_text_and_few_grey_levels_are_drawings(chest: np.ndarray) -> None:
    page = np.full((600, 500), 255, np.uint8)
    for y in range(40, 580, 30):
        cv2.putText(page, "The quick brown fox 0123", (20, y), 0, 0.9, 0, 1, cv2.LINE_AA)
    assert ("drawing", "refuse") in pixels_say(page)
    assert ("drawing", "refuse") in pixels_say(chest // 16 * 16)


@pytest.mark.parametrize(
    ("sigma", "expected"),
    [(0, None), (2.6, "caution"), (5, "refuse")],
)
def test_blur_at_the_size_that_the_network_reads(
    chest: np.ndarray, sigma: float, expected: str | None
) -> None:
    # In pixels of the film, which has more than twice as many as the network reads.
    scale = 600 / 224
    blurred = cv2.GaussianBlur(chest, (0, 0), sigma * scale) if sigma else chest
    found = dict(pixels_say(blurred))
    assert found.get("blurred") == expected


def test_a_film_only_blurred_below_the_networks_resolution_is_ok() -> None:
    large = cv2.resize(films.chest(500, 450), (1800, 2000))
    assert "blurred" not in dict(pixels_say(cv2.GaussianBlur(large, (0, 0), 4)))


def test_measures_do_not_depend_on_depth(chest: np.ndarray) -> None:
    shallow = measure(film(chest))
    for dtype in (np.uint16, np.int16, np.int32, np.float32):
        deep = film(chest.astype(dtype) * 16, voi=Window(2040.5, 4081))
        found = measure(deep)
        assert found.contrast == pytest.approx(shallow.contrast, abs=0.02)
        assert found.sharpness == pytest.approx(shallow.sharpness, rel=0.02)
        assert found.flat_areas == pytest.approx(shallow.flat_areas, abs=0.05)


def test_judging_takes_no_reading_of_every_pixel() -> None:
    deep = cv2.resize(films.chest(500, 375, top=4095), (1500, 2000))
    small, large = film(films.chest(224, 224)), film(deep)
    for picture, limit in ((small, 0.02), (large, 0.1)):  # generous: targets are 1 and 8 ms
        judge(picture, None, None)
        taken = []
        for _ in range(5):
            started = time.perf_counter()
            judge(picture, None, None)
            taken.append(time.perf_counter() - started)
        assert min(taken) < limit


@pytest.mark.parametrize("modality", ["CT", "MR", "US", "MG", "XA", "NM", "PT", "XC", "SEG"])
def test_another_modality_is_refused(modality: str) -> None:
    assert tags_say(modality=modality) == {("tag-modality", "refuse")}


@pytest.mark.parametrize("modality", ["OT", "RF", "RG"])
def test_what_may_be_a_radiograph_is_cautioned(modality: str) -> None:
    assert tags_say(modality=modality) == {("tag-modality", "caution")}


def test_radiographs_of_a_childs_chest_and_files_without_tags_pass() -> None:
    assert tags_say() == set()
    for modality in ("CR", "DX"):
        for view in ("AP", "PA"):
            facts = {"modality": modality, "view": view, "body_part": "CHEST", "age_years": 4.0}
            assert tags_say(**facts) == set()


def test_another_body_part_is_refused_unless_the_pixels_contradict_it() -> None:
    assert tags_say(body_part="HAND") == {("tag-body-part", "refuse")}
    unlike = replace(FAMILIAR, unlike=1.2)
    assert tags_say(unlike, body_part="HAND") == {("tag-body-part", "refuse")}
    assert tags_say(FAMILIAR, body_part="HAND") == {("tag-body-part", "caution")}
    assert tags_say(body_part="CHESTABDOMEN") == {("tag-body-part", "caution")}


@pytest.mark.parametrize("view", ["LL", "RL", "LATERAL"])
def test_a_lateral_view_is_refused(view: str) -> None:
    assert tags_say(view=view) == {("tag-lateral", "refuse")}


def test_oblique_and_decubitus_views_are_cautioned() -> None:
    for view in ("RAO", "LLD", "OBLIQUE"):
        assert tags_say(view=view) == {("tag-view", "caution")}


@pytest.mark.parametrize(
    ("years", "expected"),
    [
        (None, set()),
        (0.5, {("tag-age", "caution")}),
        (1.0, set()),
        (5.9, set()),
        (6.0, {("tag-age", "caution")}),
        (17.9, {("tag-age", "caution")}),
        (18.0, {("tag-adult", "caution")}),
        (80.0, {("tag-adult", "caution")}),
    ],
)
def test_age(years: float | None, expected: set) -> None:
    assert tags_say(age_years=years) == expected


@pytest.mark.parametrize(
    ("likeness", "expected"),
    [
        (FAMILIAR, {}),
        (replace(FAMILIAR, unlike=1.0), {"unlike-training": "caution"}),
        (
            replace(FAMILIAR, unlike=3.0, far=1.0),
            {"unlike-training": "caution", "not-a-chest-film": "refuse"},
        ),
        (replace(FAMILIAR, turned=0.6, turn="rotated_left"), {"rotated": "caution"}),
        (replace(FAMILIAR, turned=0.95, turn="rotated_right"), {"rotated": "refuse"}),
        (replace(FAMILIAR, turned=0.95, turn="upside_down"), {"upside-down": "refuse"}),
        (replace(FAMILIAR, turned=0.95, turn="flipped"), {"upside-down": "refuse"}),
        (replace(FAMILIAR, turned=0.95, turn="negative"), {"inverted": "refuse"}),
        # Far from any chest film, which way is up means little.
        (
            replace(FAMILIAR, unlike=9.0, far=5.0, turned=0.95),
            {"unlike-training": "caution", "not-a-chest-film": "refuse"},
        ),
        (
            replace(FAMILIAR, unlike=2.0, far=1.4, turned=0.995, turn="rotated_left"),
            {"rotated": "refuse", "unlike-training": "caution", "not-a-chest-film": "refuse"},
        ),
    ],
)
def test_reasons_from_likeness(likeness: Likeness, expected: dict) -> None:
    assert {r.code: r.severity for r in likeness_reasons(likeness)} == expected


def test_the_gravest_reason_decides_and_comes_first() -> None:
    mild, grave = Reason("a", "caution", "A."), Reason("b", "refuse", "B.")
    assert verdict_of([]) == Verdict("ok")
    assert verdict_of([mild]) == Verdict("caution", (mild,))
    assert verdict_of([mild, grave]) == Verdict("refused", (grave, mild))


def test_reasons_are_sentences_without_codes_of_the_file(chest: np.ndarray) -> None:
    every = [
        *judge(film(chest, colour_share=0.5), None, None).reasons,
        *tag_reasons(
            FilmFacts("DICOM", 9, 9, 8, modality="CT", body_part="HAND", view="LL", age_years=40),
            None,
        ),
        *likeness_reasons(replace(FAMILIAR, unlike=2, far=1.2, turned=1, turn="flipped")),
    ]
    assert len(every) == 8
    for reason in every:
        assert reason.text[0].isupper()
        assert reason.text.endswith(".")
        assert len(reason.text) < 260


def test_no_real_film_is_refused_or_cautioned_for_its_pixels(real_films) -> None:
    from PIL import Image

    paths = sorted(real_films.glob("chest_xray_224/train/*/*.jpeg"))[::40]
    paths += sorted(real_films.glob("chest_xray_fullres/*/*.jpeg"))[::4]
    assert len(paths) > 100
    found = [pixels_say(np.asarray(Image.open(path).convert("L"))) for path in paths]
    assert [f for f in found if f] == []
