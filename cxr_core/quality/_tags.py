"""What a file's own tags say against judging it. Tags are often wrong, and say so only weakly."""

from __future__ import annotations

from cxr_core.gate import Likeness
from cxr_core.quality._likeness import UNLIKE
from cxr_core.schema import FilmFacts, Reason

# PS3.3 C.7.3.1.1.1. Radiographs that digital radiography wrote, and what may hold one.
RADIOGRAPHS = frozenset({"CR", "DX"})
PERHAPS_RADIOGRAPHS = frozenset({"RG", "RF", "OT", "SC", "HC"})
_MODALITY_NAMES = {
    "CT": "computed tomography",
    "MR": "magnetic resonance",
    "US": "ultrasound",
    "NM": "nuclear medicine",
    "PT": "positron emission tomography",
    "MG": "mammography",
    "XA": "angiography",
    "RF": "fluoroscopy",
    "PX": "panoramic dental X-ray",
    "IO": "intra-oral dental X-ray",
    "XC": "photograph",
    "ES": "endoscopy",
    "OT": "other",
    "SC": "secondary capture",
    "RG": "digitised film",
    "HC": "hard copy",
}
# PS3.16 annex L.
CHEST = frozenset({"CHEST", "LUNG"})
WITH_CHEST = frozenset(
    {"CHESTABDOMEN", "CHESTABDPELVIS", "NECKCHEST", "MEDIASTINUM", "HEART", "RIB", "STERNUM",
     "CLAVICLE", "SCAPULA", "TSPINE", "BRONCHUS", "TRACHEA", "AORTA", "WHOLEBODY", "THYMUS",
     "ESOPHAGUS", "AXILLA"}
)  # fmt: skip
# PS3.3 C.8.1.1 and PS3.16 CID 4010.
FRONTAL = frozenset({"AP", "PA"})
LATERAL = frozenset({"LL", "RL", "LATERAL"})
ADULT_YEARS = 18
TRAINED_YEARS = (1, 6)


def tag_reasons(facts: FilmFacts, likeness: Likeness | None) -> list[Reason]:
    """Reasons from the tags. likeness: what the pixels say, which a wrong body part contradicts."""
    return [
        *_modality(facts.modality),
        *_body_part(facts.body_part, likeness),
        *_view(facts.view),
        *_age(facts.age_years),
    ]


def _modality(modality: str | None) -> list[Reason]:
    if modality is None or modality in RADIOGRAPHS:
        return []
    name = _MODALITY_NAMES.get(modality)
    named = f"{modality} ({name})" if name else modality
    if modality in PERHAPS_RADIOGRAPHS:
        text = (
            f"The file calls its modality {named}, not digital radiography (CR or DX). Make sure "
            "that it is an unprocessed chest film."
        )
        return [Reason("tag-modality", "caution", text)]
    text = (
        f"The file calls its modality {named}. The network reads plain chest radiographs (CR or "
        "DX) only."
    )
    return [Reason("tag-modality", "refuse", text)]


def _body_part(part: str | None, likeness: Likeness | None) -> list[Reason]:
    if part is None or part in CHEST:
        return []
    if part in WITH_CHEST:
        text = (
            f"The file names the body part {part}. The network was trained on frontal films of "
            "the whole chest only."
        )
        return [Reason("tag-body-part", "caution", text)]
    if likeness is not None and likeness.unlike < UNLIKE:
        text = (
            f"The file names the body part {part}, yet the picture looks like a chest film. One of "
            "them is wrong: make sure that this is the right film of the right patient."
        )
        return [Reason("tag-body-part", "caution", text)]
    text = (
        f"The file names the body part {part}. The network reads chest films only. If the tag is "
        "wrong, say so by showing the result anyway."
    )
    return [Reason("tag-body-part", "refuse", text)]


def _view(view: str | None) -> list[Reason]:
    if view is None or view in FRONTAL:
        return []
    if view in LATERAL:
        text = (
            "The file calls this a lateral view. The network reads frontal views (AP or PA) only."
        )
        return [Reason("tag-lateral", "refuse", text)]
    text = (
        f"The file names the view {view}, an oblique or decubitus view. The network was trained on "
        "upright and supine frontal views (AP or PA) only."
    )
    return [Reason("tag-view", "caution", text)]


def _age(years: float | None) -> list[Reason]:
    youngest, oldest = TRAINED_YEARS
    if years is None or youngest <= years < oldest:
        return []
    if years >= ADULT_YEARS:
        text = (
            "The patient is an adult. The network was trained on children of 1 to 5 years only; on "
            "films of adults its probability has been found worthless. Do not use it."
        )
        return [Reason("tag-adult", "caution", text)]
    age = "younger" if years < youngest else "older"
    text = (
        f"The patient is {age} than the children of the training films (1 to 5 years). How well "
        "the network does at this age was not measured."
    )
    return [Reason("tag-age", "caution", text)]
