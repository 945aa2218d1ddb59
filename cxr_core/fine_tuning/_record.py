"""What a run leaves for others: configuration, environment, history as CSV, TensorBoard, MLflow."""

from __future__ import annotations

import csv
import io
import json
import os
import platform
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import numpy as np

from cxr_core import __version__
from cxr_core.describe import versions
from cxr_core.errors import ConfigError
from cxr_core.fine_tuning._material import write_text
from cxr_core.fine_tuning._state import EpochFigures, room

HISTORY, CONFIGURATION, ENVIRONMENT, LOGS = (
    "history.csv",
    "configuration.json",
    "environment.json",
    "tensorboard",
)
CURVES = (
    "loss", "accuracy", "precision", "recall", "auc",
    "val_loss", "val_accuracy", "val_precision", "val_recall", "val_auc",
    "rate", "per_second",
)  # fmt: skip


class Recorder:
    """Writes each whole epoch down, here and, where $MLFLOW_TRACKING_URI is set, there."""

    def __init__(self, folder: Path, config: Mapping[str, Any], title: str) -> None:
        self._folder = folder
        self._writers: dict[int, Any] = {}
        self._told: dict[int, int] = {}
        self._histories: dict[int, Sequence[EpochFigures]] = {}
        self._mlflow = _Mlflow(folder, config, title) if tracking() else None

    def __call__(self, history: Sequence[EpochFigures]) -> None:
        """A part's history so far, its last epoch new."""
        part = history[-1].part
        self._histories[part] = history
        rows = [row for key in sorted(self._histories) for row in self._histories[key]]
        with room():
            write_text(self._folder / HISTORY, as_csv(rows))
            self._scalars(part, history)
        if self._mlflow:
            self._mlflow.metrics(history[-1])

    def seen(self, history: Sequence[EpochFigures]) -> None:
        """A part's history from an earlier attempt, which is written down already."""
        if history:
            self._histories[history[-1].part] = history

    def close(self, figures: Mapping[str, float], failed: bool) -> None:
        """End both logs; a run that failed is marked so."""
        for writer in self._writers.values():
            writer.close()
        if self._mlflow:
            self._mlflow.close(figures, failed)

    def _scalars(self, part: int, history: Sequence[EpochFigures]) -> None:
        import tensorflow as tf

        if part not in self._writers:
            name = f"part-{part}" if part else "run"
            self._writers[part] = tf.summary.create_file_writer(str(self._folder / LOGS / name))
        row = history[-1]
        with self._writers[part].as_default():
            for name in CURVES:
                value = getattr(row, name)
                if value is not None:
                    tf.summary.write(name, np.float32(value), row.epoch, _scalar())
            self._writers[part].flush()


def _scalar() -> Any:
    """What tells TensorBoard that a tensor is a curve's point; its own package is not needed."""
    import tensorflow as tf

    metadata = tf.compat.v1.SummaryMetadata()
    metadata.plugin_data.plugin_name = "scalars"
    return metadata


class _Mlflow:
    """The same to MLflow's server or file; mlflow-skinny is an extra."""

    def __init__(self, folder: Path, config: Mapping[str, Any], title: str) -> None:
        try:
            import mlflow
        except ImportError as error:
            raise ConfigError(
                "Expected the package mlflow-skinny, as MLFLOW_TRACKING_URI is set; found none. "
                "Install requirements-tracking.txt, or unset the variable."
            ) from error
        self._mlflow = mlflow
        known = folder / "mlflow-run.txt"
        mlflow.set_experiment(os.environ.get("MLFLOW_EXPERIMENT_NAME", "cxr-workbench"))
        self._run = mlflow.start_run(
            run_id=known.read_text() if known.exists() else None,
            run_name=None if known.exists() else title,
        )
        if not known.exists():
            write_text(known, self._run.info.run_id)
            # Not where the films lie: a path may name whom they are of.
            plain = {"method": config["method"], "name": config["name"]}
            settings = _flat(config["settings"])
            mlflow.log_params(plain | {k: str(v)[:250] for k, v in settings.items()})

    def metrics(self, row: EpochFigures) -> None:
        prefix = f"part_{row.part}." if row.part else ""
        found = {f"{prefix}{n}": v for n in CURVES if (v := getattr(row, n)) is not None}
        self._mlflow.log_metrics(found, step=row.epoch)

    def close(self, figures: Mapping[str, float], failed: bool) -> None:
        if figures:
            self._mlflow.log_metrics(dict(figures))
        self._mlflow.end_run("FAILED" if failed else "FINISHED")


def tracking() -> bool:
    """Whether runs are to be told to MLflow."""
    return bool(os.environ.get("MLFLOW_TRACKING_URI"))


def as_csv(rows: Sequence[EpochFigures]) -> str:
    """A history as text; what is not defined stays empty."""
    text = io.StringIO()
    names = [f.name for f in fields(EpochFigures)]
    writer = csv.DictWriter(text, names, lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({k: "" if v is None else v for k, v in asdict(row).items()})
    return text.getvalue()


def environment(replicas: int) -> dict[str, Any]:
    """Versions, machine and git revision; no name of a user or a host."""
    import tensorflow as tf

    gpus = [
        tf.config.experimental.get_device_details(d).get("device_name", "GPU")
        for d in tf.config.list_physical_devices("GPU")
    ]
    return {
        "program": __version__,
        "git_revision": git_revision(),
        "versions": versions(),
        "system": f"{platform.system()} {platform.machine()}",
        "processors": os.cpu_count(),
        "threads": os.environ.get("OMP_NUM_THREADS"),
        "gpus": gpus,
        "replicas": replicas,
    }


def git_revision() -> str | None:
    """The program's commit, marked where files differ from it; None where there is no git."""
    root = Path(__file__).resolve().parent.parent.parent

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(root), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)
        return done.stdout.strip()

    try:
        if Path(git("rev-parse", "--show-toplevel")).resolve() != root:
            return None
        changed = git("status", "--porcelain", "--untracked-files=no")
        return git("rev-parse", "HEAD") + ("+changes" if changed else "")
    except (OSError, subprocess.SubprocessError):
        return None


def write_json(path: Path, facts: Mapping[str, Any]) -> None:
    with room():
        write_text(path, json.dumps(facts, indent=1, ensure_ascii=False) + "\n")


def _flat(settings: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in settings.items():
        if isinstance(value, Mapping):
            found |= _flat(value, f"{prefix}{name}.")
        else:
            found[prefix + name] = value
    return found
