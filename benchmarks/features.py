"""`python -m benchmarks.features`: features and a second head, against the naive way.

bare       the base's compiled forward pass over films that lie decoded in memory, batches of 32
predict    the same by Keras' `predict`
features   what a job does with nothing cached: read, preprocess, run the base, store both
again      what the next job does with the same films and base: a new head on the stored features
naive      decode one by one, `predict` a batch at a time, keep nothing: a second head costs it all
           once more

Writes a dated CSV. Takes 5 minutes on 2 cores with the 5,216 films of $CXR_TEST_DATA.
"""

from __future__ import annotations

import argparse
import csv
import os
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

from benchmarks._measure import machine
from cxr_core import methods
from cxr_core.fine_tuning import _features, _fit, _material, _network, _state
from cxr_core.fine_tuning._feed import Feed

RESULTS = Path(__file__).resolve().parent / "results"
ROOT = Path(__file__).resolve().parent.parent


class Silent:
    """A job's reporter that nobody reads."""

    resumed = False

    def __init__(self, folder: Path, threads: int) -> None:
        self.folder, self.threads = folder, threads
        self.lines: list[str] = []

    def progress(self, step: int, steps: int, **more: Any) -> None: ...
    def point(self, **values: float) -> None: ...
    def keep(self, wanted: Any) -> None: ...
    def check(self) -> None: ...
    def log(self, text: str) -> None:
        self.lines.append(text)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.features", description=__doc__)
    data = Path(os.environ.get("CXR_TEST_DATA", ROOT.parent / "shared" / "data"))
    parser.add_argument("--data", type=Path, default=data / "chest_xray_224" / "train")
    parser.add_argument("--backbone", default="mobilenetv2")
    parser.add_argument("--films", type=int, help="this many, evenly spaced: to try, not to quote")
    parser.add_argument("--out", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        os.environ["CXR_HOME"] = scratch
        rows = measure(arguments.data, arguments.backbone, arguments.films, Path(scratch))
    now = datetime.now(UTC)
    path = arguments.out / f"{now.date().isoformat()}-features.csv"
    facts = {"taken": now.isoformat(timespec="seconds"), "backbone": arguments.backbone}
    facts |= {k: str(v) for k, v in machine().items()}
    facts["load"] = " ".join(f"{x:.1f}" for x in os.getloadavg())
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["figure", "value", "unit", "target", "met"])
        writer.writerows(rows)
        writer.writerows([k, v, "", "", ""] for k, v in facts.items())
    print(path)
    return 0


def measure(source: Path, backbone: str, count: int | None, scratch: Path) -> list[list[object]]:
    report: Any = Silent(scratch / "job", len(os.sched_getaffinity(0)))
    settings = methods.with_backbone(methods.method("features-dense").defaults, backbone)
    how = methods.preprocessing(settings)
    choice = methods.DataChoice(str(source))
    network = _network.build(settings, 2)
    material = _material.open_material(choice, report)
    if count:
        every = np.linspace(0, len(material.records) - 1, count).astype(int)
        gone = sorted(set(range(len(material.records))) - set(every.tolist()))
        material = _material.without(material, gone, dict.fromkeys(gone, "not asked for"))
    n = len(material.records)

    started = time.perf_counter()
    material, inputs = _material.films(material, how, report, report.threads)
    decoding = time.perf_counter() - started
    found = _features.features(network, settings, material, inputs, report)
    features = time.perf_counter() - started

    films = np.array(inputs)
    base = _features.body(network)
    score = _network.forward(base)
    score(films[:32])
    started = time.perf_counter()
    for i in range(0, n, 32):
        score(films[i : i + 32])
    bare = time.perf_counter() - started
    base.predict(films[:32], verbose=0)
    started = time.perf_counter()
    base.predict(films, batch_size=32, verbose=0)
    predict = time.perf_counter() - started
    naive = _naive(base, material, settings.size)

    started = time.perf_counter()
    again = _material.open_material(choice, report) if not count else material
    again, stored = _material.films(again, how, report, report.threads)
    x = _features.features(network, settings, again, stored, report)
    reading = time.perf_counter() - started
    assert np.array_equal(x, found)
    history = _head(settings, x, again, choice, report)
    second = time.perf_counter() - started
    naive_head = naive + second - reading
    rows: list[list[object]] = [
        ["films", n, "", "", ""],
        ["bare forward pass", round(bare, 1), "s", "", ""],
        ["predict over decoded films", round(predict, 1), "s", "", ""],
        [
            "features, nothing cached",
            round(features, 1),
            "s",
            "≤ 1.1 × bare",
            features <= 1.1 * bare,
        ],
        ["  of it reading and preprocessing", round(decoding, 1), "s", "", ""],
        ["features / bare", round(features / bare, 2), "×", "", ""],
        ["naive features", round(naive, 1), "s", "", ""],
        ["naive / features", round(naive / features, 1), "×", "", ""],
        [f"a second head, {len(history)} epochs", round(second, 1), "s", "< 30 s", second < 30],
        ["naive second head / second head", round(naive_head / second, 1), "×", "", ""],
        ["validation AUC of the head", round(max(r.val_auc or 0 for r in history), 4), "", "", ""],
    ]
    for row in rows:
        print("  ".join(str(cell) for cell in row), flush=True)
    return rows


def _naive(base: Any, material: _material.Material, size: int) -> float:
    """Keras' own loader film by film, `predict` on each batch of 20, as the course does."""
    import keras

    started = time.perf_counter()
    records = material.records
    for i in range(0, len(records), 20):
        batch = [
            keras.utils.img_to_array(
                keras.utils.load_img(r.path, color_mode="grayscale", target_size=(size, size))
            )
            for r in records[i : i + 20]
        ]
        base.predict(np.stack(batch), verbose=0)
    return time.perf_counter() - started


def _head(
    settings: methods.Settings, x: Any, material: _material.Material, choice: Any, report: Any
) -> tuple[_state.EpochFigures, ...]:
    import tensorflow as tf

    split = material.split(choice)
    head = _network.build_head(settings, x.shape[1], 2)
    feed = Feed(x, split.train, material.targets, 2, settings, settings.batch)
    job = _fit.Fit(settings, feed, x, material.targets, split.validation, 2, report.folder / "fit")
    return _fit.fit(head, job, report, tf.distribute.get_strategy())


if __name__ == "__main__":
    sys.exit(main())
