"""Backbones side by side: what pages and the terminal read. No TensorFlow; measuring is a job's."""

from __future__ import annotations

from cxr_core.comparison._counts import Counts, Share, counted_with, counts, write_counts

__all__ = ["Counts", "Share", "counted_with", "counts", "write_counts"]
