"""Learning rates: schedules as plain functions of step and epoch, so that a resumed run agrees."""

from __future__ import annotations

import math

from cxr_core.methods._settings import Settings


def rate_at(settings: Settings, step: int, steps_per_epoch: int, drops: int = 0) -> float:
    """Learning rate of the step after `step` whole ones; drops: how often a plateau lowered it.

    exponential and staircase are the course's: 0.01 · 0.1^(epoch/20), constant within an epoch,
    and ExponentialDecay(0.01, 100000, 0.96, staircase=True).
    """
    rate, total = settings.rate, max(1, settings.epochs * steps_per_epoch)
    match settings.schedule:
        case "exponential":
            epoch = step // max(1, steps_per_epoch)
            return float(rate * settings.decay ** (epoch / settings.decay_every))
        case "staircase":
            return float(rate * settings.decay ** (step // settings.decay_every))
        case "cosine":
            rise = settings.warm_up * total
            if step < rise:
                return rate * (step + 1) / rise if rise >= 1 else rate
            done = (step - rise) / max(1.0, total - rise)
            return rate * (0.02 + 0.98 * (1 + math.cos(math.pi * min(1.0, done))) / 2)
        case "plateau":
            return float(rate * settings.decay**drops)
        case _:
            return rate


def rates(settings: Settings, steps_per_epoch: int = 100) -> list[float]:
    """Learning rate at the start of each epoch; a plateau's drops cannot be known beforehand."""
    return [rate_at(settings, e * steps_per_epoch, steps_per_epoch) for e in range(settings.epochs)]
