"""Scores → figures at any threshold, and the threshold itself, chosen honestly.

Positive where score >= threshold. A threshold chosen on the films it is reported on looks better
than it is: keep `tuning` and `reporting` apart, and show what `honesty` says.
"""

from cxr_core.operating._criteria import CRITERIA, Choice, Criterion, Parameter, choose, criterion
from cxr_core.operating._csv import Inspection, inspect_csv, read_csv
from cxr_core.operating._curves import CalibrationCurve, CostCurve, Curve, DecisionCurve, Histograms
from cxr_core.operating._figures import Confusion, FigureRow, Figures, PerThousand
from cxr_core.operating._scores import BadRow, Kind, Role, ScoreSet, from_arrays, honesty, overlap
from cxr_core.operating._sorted import Sorted
from cxr_core.operating._sources import from_job, from_model, locate

__all__ = [
    "CRITERIA",
    "BadRow",
    "CalibrationCurve",
    "Choice",
    "Confusion",
    "CostCurve",
    "Criterion",
    "Curve",
    "DecisionCurve",
    "FigureRow",
    "Figures",
    "Histograms",
    "Inspection",
    "Kind",
    "Parameter",
    "PerThousand",
    "Role",
    "ScoreSet",
    "Sorted",
    "choose",
    "criterion",
    "from_arrays",
    "from_job",
    "from_model",
    "honesty",
    "inspect_csv",
    "locate",
    "overlap",
    "read_csv",
]
