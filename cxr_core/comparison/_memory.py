"""Whether a row fits into this machine's memory, before anything is started."""

from __future__ import annotations

from cxr_core.comparison._machine import available_mb
from cxr_core.comparison._results import RUNTIMES
from cxr_core.comparison._table import Row

# Megabytes of a process that has imported TensorFlow, or LiteRT and nothing else: design figures
# that benchmarks/backbones.py compares with what was measured.
_TENSORFLOW = 760.0
_LITERT = 75.0


def estimate_mb(row: Row, runtime: str, batch: int) -> float | None:
    """Megabytes that measuring this takes at its peak; None where nothing is known of the row.

    Weights are held about twice while they are built or converted, activations about twice by the
    threads that compute them.
    """
    weights, activations = _held(row)
    if weights is None:
        return None
    if next(r.litert for r in RUNTIMES if r.id == runtime):
        return _LITERT + 2.0 * weights + 2.0 * batch * activations
    return _TENSORFLOW + 2.5 * weights + 3.0 * batch * activations


def conversion_mb(row: Row) -> float | None:
    """Megabytes that making the serving files takes, once: measured 5,367 for EfficientNetB7 and
    1,712 for VGG19, so that each layer costs as well as each weight."""
    weights, activations = _held(row)
    layers = row.counts.layers if row.counts else 0
    if weights is None:
        return None
    return _TENSORFLOW + 12.0 * weights + 3.0 * activations + 1.4 * layers


def refusal(row: Row, runtime: str = "predict", batch: int = 1) -> str | None:
    """A sentence where the row cannot fit what memory is free now; None where it can."""
    return _refused(row, estimate_mb(row, runtime, batch), f"at batch {batch}")


def conversion_refusal(row: Row) -> str | None:
    """The same for making its serving files."""
    return _refused(row, conversion_mb(row), "while its serving file is made")


def _refused(row: Row, needed: float | None, when: str) -> str | None:
    free = available_mb()
    if needed is None or needed <= 0.95 * free:
        return None
    return (
        f"Expected at most {free:,.0f} MB of free memory to be needed; {row.title} needs about "
        f"{needed:,.0f} MB {when}. Close other programs, take a smaller batch, or leave it out."
    )


def _held(row: Row) -> tuple[float | None, float]:
    if row.counts:
        return 4e-6 * row.counts.params_without_top, row.counts.peak_activation_mb
    if row.disk_bytes is not None:
        return row.disk_bytes / 1e6, 50.0
    return None, 0.0
