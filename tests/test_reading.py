from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from cxr_core import image
from cxr_core.errors import ImageError
from cxr_core.preprocess import model_input
from cxr_core.reading import MARKER_SHARE, OUTSIDE_SHARE, examine, read_film, reading, with_doubts
from cxr_core.registry import ModelEntry
from cxr_core.schema import Film, FilmFacts, Heatmap, OperatingPoint, Reason, Verdict
from cxr_core.serve import Model, calibrated
from tests import films, tiny_model

CHEST = films.png(films.chest())


@pytest.fixture(scope="module")
def entry(tmp_path_factory: pytest.TempPathFactory) -> ModelEntry:
    return tiny_model.write(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="module")
def tiny(entry: ModelEntry) -> Model:
    return Model.load(entry)


def test_a_reading_is_what_its_stages_give_one_by_one(tiny: Model) -> None:
    found = read_film(CHEST, "a.png", tiny)
    film = image.decode(CHEST, "a.png")
    out = tiny.forward(model_input(film, tiny.preprocessing))
    assert found.prediction is not None
    assert found.heatmaps is not None
    assert found.prediction.probability == calibrated(tiny.card, out.logit)
    assert found.prediction.image_sha256 == found.sha256 == film.sha256
    assert found.prediction.elapsed_ms > 0
    assert [h.label for h in found.heatmaps] == ["NORMAL", "PNEUMONIA"]
    np.testing.assert_array_equal(found.heatmaps[1].values, np.maximum(out.cam, 0))
    np.testing.assert_array_equal(found.heatmaps[0].values, np.maximum(-out.cam, 0))
    assert (found.name, found.facts) == ("a.png", film.facts)


def test_a_film_decoded_already_gives_the_same_reading(tiny: Model) -> None:
    one = read_film(CHEST, "a.png", tiny)
    other = read_film(image.decode(CHEST), "a.png", tiny)
    assert one.prediction is not None
    assert other.prediction is not None
    assert one.prediction.probability == other.prediction.probability
    assert one.verdict == other.verdict


def test_a_refused_picture_shows_no_probability_and_no_map_unless_asked(tiny: Model) -> None:
    photo = films.png(films.photo())
    found = read_film(photo, "b.png", tiny)
    assert found.verdict.status == "refused"
    assert (found.prediction, found.heatmaps) == (None, None)
    anyway = read_film(photo, "b.png", tiny, show_anyway=True)
    assert anyway.verdict.status == "refused"
    assert anyway.prediction is not None
    assert anyway.heatmaps is not None


@pytest.mark.parametrize("pixels", [np.zeros((300, 300), np.uint8), np.full((5, 5), 9, np.uint8)])
def test_a_film_that_no_network_can_read_is_refused_even_when_asked(
    tiny: Model, pixels: np.ndarray
) -> None:
    film = Film(pixels, False, None, FilmFacts("PNG", *pixels.shape, 8), "0" * 64)
    found = read_film(film, "c.png", tiny, show_anyway=True)
    assert found.verdict.status == "refused"
    assert (found.prediction, found.heatmaps) == (None, None)


def test_bytes_that_are_no_film_raise_one_line(tiny: Model) -> None:
    with pytest.raises(ImageError, match="Expected"):
        read_film(b"GIF89a nothing", "d.png", tiny)


def test_another_operating_point_needs_no_second_pass(
    tiny: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = examine(CHEST, "a.png", tiny)
    assert found.forward is not None
    p = calibrated(tiny.card, found.forward.logit)

    def refuse(_: object) -> None:
        raise AssertionError("a second forward pass")

    monkeypatch.setattr(tiny, "forward", refuse)
    above = reading(found, tiny, operating_point=OperatingPoint(p + 0.01, 0, 0, "x", "none", 0))
    below = reading(found, tiny, operating_point=OperatingPoint(p - 0.01, 0, 1, "x", "none", 0))
    assert above.prediction is not None
    assert below.prediction is not None
    assert (above.prediction.label, above.prediction.refer) == ("NORMAL", False)
    assert (below.prediction.label, below.prediction.refer) == ("PNEUMONIA", True)


def heatmap(outside: float | None, marker: float | None) -> Heatmap:
    return Heatmap("PNEUMONIA", np.eye(2, dtype=np.float32), False, outside, marker)


@pytest.mark.parametrize(
    ("outside", "marker", "codes"),
    [
        (OUTSIDE_SHARE, MARKER_SHARE, []),
        (OUTSIDE_SHARE + 0.01, 0.0, ["heatmap-outside-body"]),
        (0.0, MARKER_SHARE + 0.01, ["heatmap-on-marker"]),
        (0.9, 0.9, ["heatmap-outside-body", "heatmap-on-marker"]),
        (None, None, []),
    ],
)
def test_a_map_in_the_wrong_places_is_a_caution_in_words(
    outside: float | None, marker: float | None, codes: list[str]
) -> None:
    found = with_doubts(Verdict("ok"), heatmap(outside, marker))
    assert [r.code for r in found.reasons] == codes
    assert found.status == ("caution" if codes else "ok")
    assert all(r.severity == "caution" and "% of the heatmap lies" in r.text for r in found.reasons)


def test_doubts_come_after_the_reasons_there_were_and_lift_no_refusal() -> None:
    verdict = Verdict("refused", (Reason("colour", "refuse", "A photograph."),))
    found = with_doubts(verdict, heatmap(0.5, 0.0))
    assert found.status == "refused"
    assert [r.code for r in found.reasons] == ["colour", "heatmap-outside-body"]


def test_eight_sessions_at_once_get_their_own_readings(tiny: Model) -> None:
    data = [films.png(films.chest(300, 280, seed=i, opacity=i % 2 == 0)) for i in range(8)]
    expected = [read_film(d, f"{i}.png", tiny) for i, d in enumerate(data)]
    got: dict[int, list[tuple[str, str, float]]] = {}

    def session(i: int) -> None:
        rows = got.setdefault(i, [])
        for _ in range(3):
            found = read_film(data[i], f"{i}.png", tiny, show_anyway=True)
            assert found.prediction is not None
            rows.append((found.name, found.sha256, found.prediction.probability))

    threads = [threading.Thread(target=session, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    again = [read_film(d, f"{i}.png", tiny, show_anyway=True) for i, d in enumerate(data)]
    for i, one in enumerate(again):
        assert one.prediction is not None
        assert got[i] == [(f"{i}.png", expected[i].sha256, one.prediction.probability)] * 3
    assert len({rows[0][2] for rows in got.values()}) == 8


def test_reading_a_film_loads_no_heavy_library(entry: ModelEntry, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(CHEST)
    code = (
        "import sys\n"
        "from pathlib import Path\n"
        "from cxr_core.reading import read_film\n"
        "from cxr_core.registry import find\n"
        "from cxr_core.serve import Model\n"
        f"model = Model.load(find('tiny', among=[Path({str(entry.folder.parent.parent)!r})]))\n"
        f"read_film(Path({str(tmp_path / 'a.png')!r}).read_bytes(), 'a.png', model)\n"
        "heavy = 'tensorflow keras sklearn scipy pandas streamlit plotly pydicom'.split()\n"
        "print([m for m in heavy if m in sys.modules])\n"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (run.stdout, run.stderr) == ("[]\n", "")


def test_few_real_films_are_cautioned_for_their_heatmap(model: Model, real_films: Path) -> None:
    paths = sorted((real_films / "chest_xray_224" / "train").glob("*/*"))[::52]
    codes = ("heatmap-outside-body", "heatmap-on-marker")
    found = [read_film(image.read(p), p.name, model, show_anyway=True) for p in paths]
    doubted = [any(r.code in codes for r in one.verdict.reasons) for one in found]
    assert len(doubted) >= 100
    assert np.mean(doubted) < 0.03
