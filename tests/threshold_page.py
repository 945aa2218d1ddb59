"""What the tests of the threshold page do with it: put a file in, read what it says, count."""

from __future__ import annotations

import csv
import math

import numpy as np
from streamlit.testing.v1 import AppTest

from cxr_core.registry import ModelEntry
from pages._threshold.session import Bench


def bench(page: AppTest) -> Bench:
    found: Bench = page.session_state["threshold_bench"]
    return found


def words(page: AppTest) -> str:
    shown = [*page.markdown, *page.error, *page.warning, *page.success, *page.info, *page.caption]
    return "\n".join(str(element.value) for element in shown)


def truth(entry: ModelEntry) -> list[tuple[int, float]]:
    """(label, probability) of every validation film, worked out from the stored file by hand."""
    calibration = entry.card.calibration
    with entry.path("scores.csv").open() as file:
        return [
            (
                int(row["label"] == "PNEUMONIA"),
                1 / (1 + math.exp(-(calibration.scale * float(row["logit"]) + calibration.offset))),
            )
            for row in csv.DictReader(file)
        ]


def counted(films: list[tuple[int, float]], threshold: float) -> tuple[int, int, int, int]:
    """tp, fn, fp, tn by looking at each film."""
    cells = [0, 0, 0, 0]
    for ill, p in films:
        cells[(0 if p >= threshold else 1) if ill else (2 if p >= threshold else 3)] += 1
    return cells[0], cells[1], cells[2], cells[3]


def upload(page: AppTest, text: str, name: str = "scores.csv") -> AppTest:
    page.file_uploader[0].set_value((name, text.encode(), "text/csv"))
    return page.run()


def use(page: AppTest) -> AppTest:
    page.button(key="threshold_csv_use").click().run()
    assert not page.exception
    return page


def drawn(n: int, seed: int = 0, more: str = "") -> str:
    rng = np.random.default_rng(seed)
    label = rng.random(n) < 0.4
    score = 1 / (1 + np.exp(-(rng.normal(size=n) + 2 * label - 1)))
    lines = [
        f"{seed}-{k},{int(y)},{s:.6f}" for k, (y, s) in enumerate(zip(label, score, strict=True))
    ]
    return "film,label,score\n" + "\n".join(lines) + more + "\n"
