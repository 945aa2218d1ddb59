"""`python -m benchmarks.mistakes FILMS`: seven mistakes, each beside the right way.

Writes `assets/mistakes.json`, which the lecture page compares pair by pair. FILMS: a folder of
NORMAL and PNEUMONIA whose names carry the patient. About ten minutes on two cores.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from cxr_core.mistakes import SHIPPED
from cxr_core.rehearsal import RUNS, rehearse


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("films", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=SHIPPED)
    given = parser.parse_args(argv)

    def follow(what: str, step: int, steps: int) -> None:
        if step == 0:
            print(what, flush=True)

    rehearse(given.films, list(RUNS), given.out, given.seed, follow)


if __name__ == "__main__":
    main()
