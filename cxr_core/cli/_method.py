"""`train SOURCE --method KEY`: one of the course's methods, here and now instead of as a job."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from cxr_core import methods, registry
from cxr_core.errors import ConfigError

NAMES = (
    "small-cnn, small-cnn-augmented, small-cnn-dropout, imagenet, features-dense, features-svm, "
    "features-earlier, frozen, two-phase, reference, everything, scratch, k-fold, ensemble"
)


def run(arguments: argparse.Namespace) -> int:
    """Carry out a method's plan in this process. A second call with the same --work goes on."""
    given: dict[str, Any] = {
        "data": {"source": str(Path(arguments.folder).resolve())},
        "method": arguments.method,
        "settings": dict(_setting(text) for text in arguments.set or ()),
    }
    # A name of its own unless one was given: the default is the shipped model's.
    if arguments.name != registry.DEFAULT_MODEL:
        given["name"] = arguments.name
    given["version"] = arguments.version or ""
    plan = methods.from_config(given)
    work = arguments.work or registry.home() / "runs" / f"{methods.model_name(plan)}"
    if not (work / "run.json").exists():
        methods.check_plan(plan)
    from cxr_core import fine_tuning

    work.mkdir(parents=True, exist_ok=True)
    result = fine_tuning.run(methods.as_config(plan), Terminal(work))
    print(as_text(result, work))
    return 0


def as_text(result: Mapping[str, Any], work: Path) -> str:
    """Figures and where the model lies."""
    lines = []
    for side in ("validation", "test"):
        found = result.get(side) or {}
        for name, f in found.get("figures", {}).items():
            lines.append(
                f"{side} {name}: {f['value']:.3f} ({f['low']:.3f} to {f['high']:.3f}), "
                f"n {found['n']}"
            )
    for k, part in enumerate(result.get("parts") or (), start=1):
        area = "not measured" if part["auc"] is None else f"{part['auc']:.3f}"
        lines.append(f"part {k}: {part['backbone']}, validation AUC {area}")
    if crossed := result.get("cross_validation"):
        lines.append(
            f"cross-validated AUC {crossed['auc_mean']:.3f}, standard deviation "
            f"{crossed['auc_sd']:.3f} over {crossed['folds']} folds"
        )
    for name, count in (result.get("first") or {}).items():
        lines.append(f"{count:>5}  {name}")
    model = result.get("model")
    if model:
        lines.append(f"{model['name']} {model['version']} is stored; its run lies in {work}")
    else:
        lines.append(f"{result['not_registered']} {work}")
    return "\n".join(lines)


class Terminal:
    """A job's reporter that writes to the terminal."""

    def __init__(self, folder: Path) -> None:
        import os

        self.folder = folder
        self.resumed = (folder / "run.json").exists()
        self.threads = os.cpu_count() or 1
        self._live = sys.stderr.isatty()
        self._shown = 0

    def progress(
        self, step: int, steps: int, *, epoch: int = 0, epochs: int = 0, message: str = ""
    ) -> None:
        if self._live:
            where = f"epoch {epoch} of {epochs}, " if epoch else ""
            line = f"{where}{step} of {steps}, {message}"[:110]
            print(f"\r{line:<{self._shown}}", end="", file=sys.stderr, flush=True)
            self._shown = len(line)

    def log(self, text: str) -> None:
        self._line(text)

    def point(self, **values: float) -> None:
        if "val_loss" in values:
            auc = values.get("val_auc")
            self._line(
                f"epoch {values['epoch']:g}: loss {values['loss']:.4f}, validation loss "
                f"{values['val_loss']:.4f}" + (f", AUC {auc:.4f}" if auc is not None else "")
            )

    def keep(self, wanted: Callable[[Mapping[str, float | None]], bool]) -> None:
        """Nothing is kept of what scrolled by."""

    def check(self) -> None:
        """Ctrl-C stops it, and it goes on from its last whole epoch."""

    def _line(self, text: str) -> None:
        end = "\r" + " " * self._shown + "\r" if self._live and self._shown else ""
        self._shown = 0
        print(f"{end}{text}", file=sys.stderr, flush=True)


def _setting(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise ConfigError(f"Expected a setting as NAME=VALUE; received {text!r}. Correct it.")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value
