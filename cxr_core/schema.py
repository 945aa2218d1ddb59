"""What the stages hand to each other: frozen dataclasses, no behaviour, no input or output."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Label = Literal["NORMAL", "PNEUMONIA"]
Status = Literal["ok", "caution", "refused"]
Severity = Literal["caution", "refuse"]
ReaderFinding = Literal["PNEUMONIA", "NORMAL", "UNSURE"]
VoiFunction = Literal["LINEAR", "LINEAR_EXACT", "SIGMOID"]


@dataclass(frozen=True)
class FilmFacts:
    """All that is kept about a film beside its pixels: an allow-list, free of identifiers.

    spacing_mm: (row, column) pixel spacing in millimetres. age_years: years, fractions for
    infants. colour_share: share of pixels, 0 to 1, whose channels differ visibly (0 for grey).
    """

    source_format: str
    rows: int
    columns: int
    bits: int
    photometric: str | None = None
    modality: str | None = None
    body_part: str | None = None
    view: str | None = None
    spacing_mm: tuple[float, float] | None = None
    age_years: float | None = None
    sex: str | None = None
    frame: int = 0
    frames: int = 1
    colour_share: float = 0.0


@dataclass(frozen=True)
class Window:
    """Display window in the units of `Film.pixels`. PS3.3 C.11.2.1.2."""

    centre: float
    width: float
    function: VoiFunction = "LINEAR"


@dataclass(frozen=True, eq=False)
class VoiTable:
    """A VOI LUT: `Film.pixels` values from `first` on map to `values`. PS3.3 C.11.2.1.1.

    values: (n,) uint16, of 0 black to 65535 white whatever depth the file used.
    """

    first: float
    values: NDArray[np.uint16]


@dataclass(frozen=True, eq=False)
class Film:
    """One decoded film at full depth.

    pixels: (H, W) uint8, uint16, int16, int32 or float32, as stored after the modality LUT or
    rescale and before any window. inverted: the lowest value is to be shown white (MONOCHROME1).
    voi: how the file asks to be shown, or None for its whole range.
    sha256: of the file's bytes (of the member, for a file in an archive).
    """

    pixels: NDArray[np.generic]
    inverted: bool
    voi: Window | VoiTable | None
    facts: FilmFacts
    sha256: str


@dataclass(frozen=True)
class Reason:
    """One reason to distrust a film, in words that a clinician reads."""

    code: str
    severity: Severity
    text: str


@dataclass(frozen=True)
class Verdict:
    """What the quality gate says of a film: status follows from the gravest reason."""

    status: Status
    reasons: tuple[Reason, ...] = ()


@dataclass(frozen=True)
class OperatingPoint:
    """A threshold on the calibrated probability, with the evidence it was chosen on.

    A probability within [refer_low, refer_high) is to be referred to a reader.
    """

    threshold: float
    refer_low: float
    refer_high: float
    criterion: str
    data: str
    n: int


@dataclass(frozen=True, eq=False)
class ForwardPass:
    """What one pass through the serving file returns.

    logit: the score of pneumonia before calibration and sigmoid. cam: (h, w) float32, the signed
    class-activation map of that logit (before ReLU). features: (F,) float32 for the quality gate.
    """

    logit: float
    cam: NDArray[np.float32]
    features: NDArray[np.float32]


@dataclass(frozen=True)
class Prediction:
    """A calibrated probability at a locked operating point. elapsed_ms: decode to map."""

    probability: float
    label: Label
    refer: bool
    operating_point: OperatingPoint
    model_name: str
    model_version: str
    image_sha256: str
    elapsed_ms: float


@dataclass(frozen=True, eq=False)
class Heatmap:
    """Grad-CAM for one class. values: (h, w) float32 >= 0, in units of the logit, not stretched.

    flat: nothing in the film speaks for this class, so there is no map to show.
    outside_share, marker_share: share of the map's mass, 0 to 1, outside the body and on burnt-in
    markers. extent: share of the body, 0 to 1, on which the map reaches half its peak. All three
    are None where the map is flat.
    """

    label: Label
    values: NDArray[np.float32]
    flat: bool
    outside_share: float | None = None
    marker_share: float | None = None
    extent: float | None = None


@dataclass(frozen=True, eq=False)
class Reading:
    """Everything said of one film. prediction and heatmaps are None where the film was refused."""

    name: str
    verdict: Verdict
    facts: FilmFacts
    sha256: str
    prediction: Prediction | None
    heatmaps: tuple[Heatmap, Heatmap] | None


@dataclass(frozen=True)
class Decision:
    """What a reader said of a film. at: UTC, ISO 8601. note: in the reader's own words.

    saw: name and version of the model whose answer stood beside the film, None where none did.
    """

    finding: ReaderFinding
    at: str
    note: str = ""
    saw: str | None = None


@dataclass(frozen=True)
class Interval:
    """A figure with its 95 % interval."""

    value: float
    low: float
    high: float
