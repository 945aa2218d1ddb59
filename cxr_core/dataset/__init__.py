"""Sources of labelled films behind one index; splits that keep patients apart; what leaks.

Neither TensorFlow nor a film's pixels are needed for anything here but the leakage report.
"""

from __future__ import annotations

from cxr_core.dataset._content import MemberFile, content, data_hash
from cxr_core.dataset._download import SETS, Downloadable, Progress, download, downloadable
from cxr_core.dataset._folders import index_folder
from cxr_core.dataset._index import Balance, Index, balance, open_source, patients_known
from cxr_core.dataset._leaks import LeakReport, Twins, leaks
from cxr_core.dataset._records import CLASSES, Cause, FilmRecord, labels, parse_name
from cxr_core.dataset._splits import (
    Split,
    folds,
    leave_out,
    make_split,
    split_by_patient,
    split_hash,
    targets,
)

__all__ = [
    "CLASSES",
    "SETS",
    "Balance",
    "Cause",
    "Downloadable",
    "FilmRecord",
    "Index",
    "LeakReport",
    "MemberFile",
    "Progress",
    "Split",
    "Twins",
    "balance",
    "content",
    "data_hash",
    "download",
    "downloadable",
    "folds",
    "index_folder",
    "labels",
    "leaks",
    "leave_out",
    "make_split",
    "open_source",
    "parse_name",
    "patients_known",
    "split_by_patient",
    "split_hash",
    "targets",
]
