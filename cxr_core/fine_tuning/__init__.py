"""What a fine-tuning job runs: films → features or batches → a fitted network → a registered model.

No page imports this: a job's process does, by name (`jobs.KINDS`).
"""

from __future__ import annotations

from cxr_core.fine_tuning._run import run
from cxr_core.fine_tuning._side import download, estimate, inspect

__all__ = ["download", "estimate", "inspect", "run"]
