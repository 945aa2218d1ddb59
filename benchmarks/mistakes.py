"""`python -m benchmarks.mistakes FILMS`: seven mistakes, each beside the right way.

Writes `assets/mistakes.json`, which the lecture page compares pair by pair. FILMS: a folder of
NORMAL and PNEUMONIA whose names carry the patient. About ten minutes on two cores.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from cxr_core.mistakes import SHIPPED
from cxr_core.rehearsal import RUNS, rehearse


class Told:
    """A job's reporter that prints what a job would log."""

    folder = Path()
    resumed = False
    threads = os.cpu_count() or 1

    def progress(self, step: int, steps: int, **more: object) -> None:
        """Nobody watches a bar."""

    def log(self, text: str) -> None:
        print(text, flush=True)

    def point(self, **values: float) -> None:
        """Its history is in the file."""

    def keep(self, wanted: object) -> None:
        """It keeps nothing."""

    def check(self) -> None:
        """Ctrl-C stops it."""


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("films", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=SHIPPED)
    given = parser.parse_args(argv)

    rehearse(given.films, list(RUNS), given.out, Told(), given.seed)


if __name__ == "__main__":
    main()
