"""`python -m benchmarks.gate`: what the quality gate says of films and of other pictures.

Everything goes the whole way from a file's bytes to a verdict, without tags. Prints a row a kind
and writes them to results/, dated. Films are those of $CXR_TEST_DATA, or ../shared/data. The gate
saw no picture of the other kinds and no film of an adult when it was fitted; its thresholds come
from the validation films, so that the share of those that it calls unlike is set, not found.
"""

from __future__ import annotations

import argparse
import csv
import io
import os
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks._film_variants import variants
from benchmarks._films import ROOT
from benchmarks._other_pictures import Picture, all_pictures
from benchmarks._results import RESULTS, write_csv
from cxr_core import gate, image, registry
from cxr_core.errors import CxrError
from cxr_core.preprocess import model_input
from cxr_core.quality import judge
from cxr_core.serve import Model

TURNS = ("mirrored", "rotated_left", "rotated_right", "upside_down", "flipped", "negative")


@dataclass(frozen=True)
class Judged:
    """One picture's verdict, and its distances in units of their thresholds."""

    status: str
    codes: frozenset[str]
    unlike: float
    far: float


@dataclass(frozen=True)
class Row:
    """Shares, 0 to 1, of n pictures of a kind; distances in units of their thresholds."""

    kind: str
    n: int
    refused: float
    cautioned: float
    unlike: float
    turned: float
    unlike_median: float
    far_lowest: float
    far_median: float
    far_highest: float


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gate", description=__doc__)
    parser.add_argument("--model", metavar="NAME[@VERSION]", help="default: the shipped one")
    parser.add_argument("--most", type=int, default=800, help="validation films; default: 800")
    parser.add_argument("--out", type=Path, default=RESULTS, metavar="DIR")
    arguments = parser.parse_args()
    try:
        entry = registry.named(arguments.model or registry.DEFAULT_MODEL)
        model = Model.load(entry)
    except CxrError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    data = Path(os.environ.get("CXR_TEST_DATA", ROOT.parent / "shared" / "data"))
    judged: dict[str, list[Judged]] = defaultdict(list)
    for kind, content in pictures(data, validation_films(entry, data, arguments.most)):
        judged[kind].append(judge_bytes(content, model))
    rows = [summary(kind, found) for kind, found in judged.items()]
    write(rows, arguments.out, f"{entry.name}-{entry.version}")
    return 0


def pictures(data: Path, validation: list[Path]) -> Iterator[tuple[str, bytes]]:
    """(kind, bytes of a file), films first."""
    for i, path in enumerate(validation):
        yield "validation films, 224 px JPEG", path.read_bytes()
        if i % 4 == 0:
            plane = _plane(path)
            yield "validation films, JPEG of quality 50", _jpeg(plane, 50)
            for turn in TURNS:
                yield f"validation films, {turn}", _png(gate.render(turn, plane))
    for path in sorted(data.glob("chest_xray_fullres/*/*.jpeg")):
        yield "40 training or validation films as published", path.read_bytes()
        yield "40 the same, made 224 px JPEG", _jpeg(_plane(path), 75, 224)
        yield "40 the same, flipped", _png(gate.render("flipped", _plane(path)))
        for what, plane in variants(_plane(path)):
            yield f"40 the same, {what}", _png(plane)
    for path in sorted(data.glob("adult_films_384/*/*.jpeg")):
        yield "adults, another hospital, 384 px", path.read_bytes()
        yield "adults, made 224 px JPEG", _jpeg(_plane(path), 75, 224)
    yield from _others(all_pictures())


def validation_films(entry: registry.ModelEntry, data: Path, most: int) -> list[Path]:
    """Of the model's validation films, at most `most`, evenly spread."""
    text = entry.read(registry.SCORES).decode()
    ids = [row["film_id"] for row in csv.DictReader(io.StringIO(text))]
    paths = [data / "chest_xray_224" / "train" / f"{film_id}.jpeg" for film_id in ids]
    found = [path for path in paths if path.exists()]
    return found[:: max(1, -(-len(found) // most))]


def judge_bytes(content: bytes, model: Model) -> Judged:
    """The verdict on a file. A picture that cannot be read counts as refused, far beyond."""
    beyond = float("inf")
    try:
        film = image.decode(content, "")
        features = model.forward(model_input(film, model.preprocessing)).features
    except CxrError:
        return Judged("refused", frozenset({"unreadable"}), beyond, beyond)
    if model.gate is None:
        raise SystemExit("The model has no gate.")
    verdict = judge(film, features, model.gate)
    likeness = model.gate.compare(features)
    codes = frozenset(reason.code for reason in verdict.reasons)
    return Judged(verdict.status, codes, likeness.unlike, likeness.far)


def summary(kind: str, found: list[Judged]) -> Row:
    far = np.array([j.far for j in found])
    turned = {"rotated", "upside-down", "inverted"}

    def share(matches: Iterable[bool]) -> float:
        return round(float(np.mean(list(matches))), 4)

    return Row(
        kind=kind,
        n=len(found),
        refused=share(j.status == "refused" for j in found),
        cautioned=share(j.status == "caution" for j in found),
        unlike=share("unlike-training" in j.codes for j in found),
        turned=share(bool(turned & j.codes) for j in found),
        unlike_median=round(float(np.median([j.unlike for j in found])), 3),
        far_lowest=round(float(far.min()), 3),
        far_median=round(float(np.median(far)), 3),
        far_highest=round(float(far.max()), 3),
    )


def write(rows: list[Row], out: Path, model: str) -> Path:
    """A CSV of the rows; a second run of a day overwrites the first."""
    path = out / f"gate-{model}-{datetime.now(UTC).date().isoformat()}.csv"
    write_csv(path, [asdict(row) for row in rows])
    print(f"{'kind':46} {'n':>4} refused cautioned unlike turned  far: lowest median highest")
    for r in rows:
        print(
            f"{r.kind:46} {r.n:4d} {r.refused:7.1%} {r.cautioned:9.1%} {r.unlike:6.1%} "
            f"{r.turned:6.1%} {r.far_lowest:12.2f} {r.far_median:6.2f} {r.far_highest:7.2f}"
        )
    print(path)
    return path


def _others(found: Iterable[Picture]) -> Iterator[tuple[str, bytes]]:
    for picture in found:
        yield picture.kind, _png(picture.plane)


def _plane(path: Path) -> NDArray[np.float32]:
    return np.asarray(Image.open(path).convert("L"), np.float32) / 255


def _image(plane: NDArray[np.float32]) -> Image.Image:
    return Image.fromarray(np.rint(np.clip(plane, 0, 1) * 255).astype(np.uint8))


def _png(plane: NDArray[np.float32]) -> bytes:
    stream = io.BytesIO()
    _image(plane).save(stream, "PNG", compress_level=1)
    return stream.getvalue()


def _jpeg(plane: NDArray[np.float32], quality: int, side: int | None = None) -> bytes:
    picture, stream = _image(plane), io.BytesIO()
    if side:
        picture = picture.resize((side, side), Image.Resampling.BILINEAR)
    picture.save(stream, "JPEG", quality=quality)
    return stream.getvalue()


if __name__ == "__main__":
    sys.exit(main())
