"""Names of columns and words for labels that score files use."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

# Without case, spaces and marks: 'Y_true', 'y true' and 'ytrue' are one name.
COLUMNS = {
    "label": (
        "label", "labels", "y", "ytrue", "truth", "truelabel", "groundtruth", "gt", "target",
        "targets", "class", "diagnosis", "actual", "outcome", "reference", "finding",
        "haspneumonia", "ispneumonia",
    ),
    "score": (
        "score", "scores", "probability", "prob", "probabilities", "p", "yscore", "yprob",
        "ypredproba", "predproba", "ypred", "yhat", "pneumoniaprobability", "pneumoniaprob",
        "pneumoniascore", "probabilityofpneumonia", "probabilitypneumonia", "probpneumonia",
        "scorepneumonia", "ppneumonia", "modelscore", "prediction", "predicted", "pred",
        "confidence", "output", "logit", "logits", "z",
    ),
    "film": (
        "filmid", "film", "file", "filename", "image", "imageid", "imagename", "imageindex",
        "imagepath", "id", "name", "path", "study", "studyid",
    ),
    "patient": ("patient", "patientid", "subject", "subjectid", "person", "case", "caseid"),
}  # fmt: skip
LOGITS = frozenset({"logit", "logits", "z"})

# Without case, accents, spaces and marks; English first, then what other hospitals write.
ILL = frozenset(
    {
        "pneumonia", "pneu", "positive", "pos", "p", "yes", "y", "true", "t", "ill", "sick",
        "diseased", "disease", "abnormal", "bacteria", "bacterial", "virus", "viral",
        "bacterialpneumonia", "viralpneumonia", "opacity", "lungopacity",
        "krank", "pneumonie", "lungenentzundung", "ja", "positiv", "malade", "oui", "positif",
        "neumonia", "si", "positivo", "polmonite", "sim",
    }
)  # fmt: skip
WELL = frozenset(
    {
        "normal", "negative", "neg", "no", "n", "false", "f", "well", "healthy", "none", "control",
        "clear", "nofinding", "nofindings", "nolungopacity", "nopneumonia", "nondiseased",
        "gesund", "nein", "negativ", "sain", "non", "negatif", "normale", "sano", "negativo",
        "nao",
    }
)  # fmt: skip
SIGNS = {"+": 1, "-": 0, "−": 0}

# What `predict` and Review write: there 'label' is what the program called, not the truth.
OWN_RESULTS = frozenset({"probability", "threshold", "label", "refer"})


def plain(name: str) -> str:
    """A column's name without case, spaces and marks."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


def recognised(role: str, columns: Sequence[str]) -> str | None:
    """The column whose name stands for `role`, the likeliest name first."""
    by_name = {plain(c): c for c in reversed(columns)}
    return next((by_name[name] for name in COLUMNS[role] if name in by_name), None)


def meanings(values: Sequence[str]) -> list[int | None]:
    """1, 0, or None for a word that is not known, for each value of a column.

    −1 means normal beside 1 alone; beside 0 it means 'uncertain', as CheXpert writes it.
    """
    found = [_meaning(v) for v in values]
    if any(_number(v) == 0 for v in values):
        return [None if _number(v) == -1 else m for v, m in zip(values, found, strict=True)]
    return found


def _meaning(value: str) -> int | None:
    number = _number(value)
    if number is not None:
        return {1.0: 1, 0.0: 0, -1.0: 0}.get(number)
    if value.strip() in SIGNS:
        return SIGNS[value.strip()]
    letters = unicodedata.normalize("NFKD", value.lower())
    text = re.sub(r"[^a-z0-9]", "", letters)
    return 1 if text in ILL else 0 if text in WELL else None


def _number(value: str) -> float | None:
    try:
        return float(value.strip().strip("'\"").replace("−", "-").replace(",", "."))
    except ValueError:
        return None
