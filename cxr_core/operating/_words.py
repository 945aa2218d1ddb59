"""Names of columns and words for labels that score files use."""

from __future__ import annotations

import re
from collections.abc import Sequence

# Without case, spaces and marks: 'Y_true', 'y true' and 'ytrue' are one name.
COLUMNS = {
    "label": (
        "label", "labels", "y", "ytrue", "truth", "groundtruth", "gt", "target", "targets",
        "class", "diagnosis", "actual", "outcome", "reference", "finding",
    ),
    "score": (
        "score", "scores", "probability", "prob", "probabilities", "p", "yscore", "yprob",
        "ypred", "pneumoniaprobability", "probabilityofpneumonia", "ppneumonia", "prediction",
        "predicted", "pred", "confidence", "output", "logit", "logits", "z",
    ),
    "film": (
        "filmid", "film", "file", "filename", "image", "imageid", "imagename", "id", "name",
        "path", "study", "studyid",
    ),
    "patient": ("patient", "patientid", "subject", "subjectid", "person", "case", "caseid"),
}  # fmt: skip
LOGITS = frozenset({"logit", "logits", "z"})

ILL = frozenset(
    {
        "1", "1.0", "+", "pneumonia", "pneu", "positive", "pos", "yes", "y", "true", "t", "ill",
        "sick", "diseased", "disease", "abnormal", "bacteria", "bacterial", "virus", "viral",
        "opacity",
    }
)  # fmt: skip
WELL = frozenset(
    {
        "0", "0.0", "-1", "-1.0", "-", "−", "normal", "negative", "neg", "no", "n", "false", "f",
        "well", "healthy", "none", "control", "clear", "nofinding",
    }
)  # fmt: skip

# What `predict` and Review write: there 'label' is what the program called, not the truth.
OWN_RESULTS = frozenset({"probability", "threshold", "label", "refer"})


def plain(name: str) -> str:
    """A column's name without case, spaces and marks."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


def recognised(role: str, columns: Sequence[str]) -> str | None:
    """The column whose name stands for `role`, the likeliest name first."""
    by_name = {plain(c): c for c in reversed(columns)}
    return next((by_name[name] for name in COLUMNS[role] if name in by_name), None)


def meaning(value: str) -> int | None:
    """1 or 0 for a label's word, None for one that is not known."""
    text = value.strip().lower()
    if text not in ILL | WELL:
        text = re.sub(r"[\s_-]", "", text)
    return 1 if text in ILL else 0 if text in WELL else None
