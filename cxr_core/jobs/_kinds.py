"""What jobs can run, as data rows: the app names it by a string and never imports it."""

from __future__ import annotations

import importlib
import os
import re
from dataclasses import dataclass

from cxr_core.errors import JobError

EXTRA = "CXR_JOB_KINDS"


@dataclass(frozen=True)
class Kind:
    """One kind of job.

    target: "package.module:function", called as `function(config, report)` in the job's process.
    resumable: a second attempt goes on from what the first left in `report.folder`.
    gpus: how many it can use; on this machine it sees all, on a cluster it asks for so many of
    them as a machine there has. memory: bytes to ask a cluster for. grace: seconds after a cancel
    before it is ended by force, for storing its best checkpoint. light: it mostly waits for a disk
    or the network, and need not wait for those that compute.
    """

    target: str
    title: str
    resumable: bool = False
    gpus: int = 0
    memory: int = 2 * 2**30
    grace: float = 30.0
    light: bool = False


KINDS: dict[str, Kind] = {
    "train": Kind(
        "cxr_core.fine_tuning:run", "Fine-tuning", True, gpus=8, memory=6 * 2**30, grace=90.0
    ),
    "estimate": Kind("cxr_core.fine_tuning:estimate", "Estimate of a fine-tuning", gpus=1),
    "inspect": Kind("cxr_core.fine_tuning:inspect", "Inspection of a data set", light=True),
    "download": Kind(
        "cxr_core.fine_tuning:download", "Download of a data set", resumable=True, light=True
    ),
    "score": Kind("cxr_core.scoring:run", "Scoring films", resumable=True),
    "import": Kind("cxr_core.adopt:run", "Importing a model", memory=4 * 2**30),
    "export": Kind("cxr_core.export:run", "Exporting a model", memory=4 * 2**30),
    "latency": Kind("cxr_core.measure.latency:run", "Measuring latency", resumable=True),
    "probe": Kind("cxr_core.measure.probe:run", "Probing backbones", resumable=True),
    "weights": Kind(
        "cxr_core.measure.download:run", "Downloading weights", resumable=True, light=True
    ),
    "rehearsal": Kind("cxr_core.rehearsal:run", "A mistake, and the right way", gpus=1),
}


def light() -> list[str]:
    """The names of the light kinds."""
    return [name for name, kind in KINDS.items() if kind.light]


def find(name: str) -> Kind:
    """The row of that name, of KINDS or of the mapping that $CXR_JOB_KINDS names. Raises JobError.

    $CXR_JOB_KINDS is "module:MAPPING": kinds of one's own, known to the job's process as well.
    """
    extra = os.environ.get(EXTRA)
    if extra and name not in KINDS:
        more = load(extra)
        assert isinstance(more, dict), f"${EXTRA} names no mapping"
        KINDS.update(more)
    if name not in KINDS:
        raise JobError(
            f"Expected a kind of job among {', '.join(sorted(KINDS)) or 'none'}; received "
            f"{name[:80]!r}. Choose one of those."
        )
    return KINDS[name]


def load(target: str) -> object:
    """What "package.module:name" names. Raises JobError for another form, or where it is absent."""
    if not re.fullmatch(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*", target):
        raise JobError(f"Expected 'package.module:name'; received {target[:80]!r}. Correct it.")
    module, _, name = target.partition(":")
    try:
        return getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise JobError(
            f"Expected {target} to be there to import; received {type(error).__name__}: {error}. "
            "Install what it needs, or correct the name."
        ) from error
