"""The films that the figures are taken on: real ones where they are at hand, else drawn ones."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Films:
    """Paths to film files, and in words what they are."""

    paths: tuple[Path, ...]
    what: str


def films(scratch: Path, most: int) -> Films:
    """Up to `most` films; drawn ones are written below `scratch`.

    Real ones are looked for where the tests do: in $CXR_TEST_DATA, or ../shared/data.
    """
    data = Path(os.environ.get("CXR_TEST_DATA", ROOT.parent / "shared" / "data"))
    real = sorted((data / "chest_xray_224" / "train").glob("*/*.jpeg"))
    if real:
        step = max(1, len(real) // most)
        chosen = tuple(real[::step][:most])
        return Films(chosen, f"{len(chosen)} real films of 224×224 pixels, JPEG")
    from cxr_core import phantom

    scratch.mkdir(parents=True, exist_ok=True)
    paths = []
    for i in range(min(most, 24)):
        path = scratch / f"drawn-{i:02d}.jpeg"
        drawn = Image.fromarray(phantom.draw(opacity=bool(i % 2), seed=i))
        drawn.resize((224, 224)).convert("RGB").save(path, quality=92)
        paths.append(path)
    return Films(tuple(paths), f"{len(paths)} drawn films of 224×224 pixels, JPEG")


def ill(paths: tuple[Path, ...]) -> tuple[Path, ...]:
    """Films with pneumonia, so that there is a heatmap to wait for: at full resolution where such
    films are at hand, else those among `paths`."""
    data = Path(os.environ.get("CXR_TEST_DATA", ROOT.parent / "shared" / "data"))
    full = sorted((data / "chest_xray_fullres" / "PNEUMONIA").glob("*.jpeg"))
    real = tuple(p for p in paths if p.parent.name == "PNEUMONIA")
    return tuple(full) or real or paths[1::2]


def many(folder: Path, paths: tuple[Path, ...], count: int) -> Path:
    """A folder of `count` links to `paths`, over and over."""
    folder.mkdir(parents=True)
    for i in range(count):
        source = paths[i % len(paths)]
        (folder / f"{i:05d}{source.suffix}").symlink_to(source.resolve())
    return folder
