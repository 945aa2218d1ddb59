"""What a fine-tuning job runs: films → features or batches → a fitted network → a registered model.

No page imports this: a job's process does, by name (`jobs.KINDS`).
"""

from __future__ import annotations

import os

# Before TensorFlow is first imported: its start-up chatter would fill a job's log.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

from cxr_core.fine_tuning._run import run
from cxr_core.fine_tuning._side import download, estimate, inspect

__all__ = ["download", "estimate", "inspect", "run"]
