"""The refer band: two thresholds, what is decided outside them, and the errors left there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cxr_core.errors import DataError
from cxr_core.evaluate import wilson
from cxr_core.operating._figures import check_prevalence
from cxr_core.schema import Interval

if TYPE_CHECKING:
    from cxr_core.operating._sorted import Sorted


@dataclass(frozen=True)
class Band:
    """Films below `low` are decided normal, from `high` on pneumonia, those between referred.

    missed: pneumonias decided normal; alarms: normal films decided pneumonia. decided: share of
    films; error: share wrong among them, None where all are referred. miss_rate, alarm_rate: of
    all pneumonias, of all normal films. per_1000: patients, at `prevalence`, by 'below', 'above',
    'referred', 'missed' and 'alarms'.
    """

    low: float
    high: float
    n: int
    below: int
    above: int
    referred: int
    missed: int
    alarms: int
    referred_ill: int
    decided: Interval
    error: Interval | None
    miss_rate: Interval
    alarm_rate: Interval
    prevalence: float
    per_1000: Mapping[str, float]


def band(films: Sorted, low: float, high: float, prevalence: float | None = None) -> Band:
    """Count what a band decides. Raises DataError unless 0 <= low <= high <= 1."""
    if not 0 <= low <= high <= 1:
        raise DataError(
            f"Expected a band within 0 to 1, its lower end first; received {low:g} to {high:g}. "
            "Move the ends."
        )
    if prevalence is not None:
        check_prevalence(prevalence)
    share = films.set.prevalence if prevalence is None else prevalence
    lower, upper = films.confusion(low), films.confusion(high)
    below, above = lower.n - lower.called, upper.called
    missed, alarms = lower.fn, upper.fp
    ill_part, well_part = 1000 * share / films.ill, 1000 * (1 - share) / films.well
    per_1000 = {
        "below": ill_part * missed + well_part * lower.tn,
        "above": ill_part * upper.tp + well_part * alarms,
        "missed": ill_part * missed,
        "alarms": well_part * alarms,
    }
    per_1000["referred"] = 1000 - per_1000["below"] - per_1000["above"]
    return Band(
        low=low,
        high=high,
        n=films.n,
        below=below,
        above=above,
        referred=films.n - below - above,
        missed=missed,
        alarms=alarms,
        referred_ill=films.ill - missed - upper.tp,
        decided=wilson(below + above, films.n),
        error=wilson(missed + alarms, below + above) if below + above else None,
        miss_rate=wilson(missed, films.ill),
        alarm_rate=wilson(alarms, films.well),
        prevalence=share,
        per_1000=per_1000,
    )


def choose_band(
    films: Sorted, miss_share: float = 0.01, alarm_share: float = 0.01
) -> tuple[float, float]:
    """The narrowest band that leaves at most these shares of errors outside it, (low, high).

    miss_share: of pneumonias, decided normal. alarm_share: of normal films, decided pneumonia.
    Where one threshold already does as well, both ends are that threshold. Raises DataError.
    """
    for name, value in (("missed pneumonias", miss_share), ("false alarms", alarm_share)):
        if not 0 <= value <= 1:
            raise DataError(
                f"Expected a share of {name} from 0 to 1; received {value:g}. Give 0.01 for 1 %."
            )
    cuts = films.cuts
    misses = cuts.ill - cuts.tp
    # Highest cut with few enough misses below; lowest with few enough alarms above.
    low = int((misses <= miss_share * cuts.ill + 1e-9).sum()) - 1
    enough = cuts.fp <= alarm_share * cuts.well + 1e-9
    high = int(enough.argmax())
    ends = cuts.thresholds[[low, high]]
    # Films at exactly 1 leave no threshold above them.
    lower, upper = (1.0 if end != end else float(end) for end in ends)
    if upper <= lower:
        middle = (lower + upper) / 2
        return middle, middle
    return lower, upper
