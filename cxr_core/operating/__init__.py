"""Scores → figures at any threshold, and the threshold itself, chosen honestly.

Positive where score >= threshold. A threshold chosen on the films it is reported on looks better
than it is: keep `tuning` and `reporting` apart, and show what `honesty` says.
"""

from cxr_core.operating._band import Band, band, choose_band
from cxr_core.operating._compare import Comparison, Disagreement, McNemar, compare
from cxr_core.operating._criteria import CRITERIA, Choice, Criterion, Parameter, choose, criterion
from cxr_core.operating._csv import Inspection, inspect_csv, read_csv
from cxr_core.operating._curves import CalibrationCurve, CostCurve, Curve, DecisionCurve, Histograms
from cxr_core.operating._figures import Confusion, FigureRow, Figures, PerThousand, shown
from cxr_core.operating._lock import as_json, figures_json, lock
from cxr_core.operating._optimism import Optimism, OptimismRow, optimism
from cxr_core.operating._report import report_pdf
from cxr_core.operating._scores import BadRow, Kind, Role, ScoreSet, from_arrays, honesty, overlap
from cxr_core.operating._sorted import Sorted
from cxr_core.operating._sources import JOB_FACTS, JOB_SCORES, from_job, from_model, locate
from cxr_core.operating._subgroups import Subgroup, groupings, subgroups

__all__ = [
    "CRITERIA",
    "JOB_FACTS",
    "JOB_SCORES",
    "BadRow",
    "Band",
    "CalibrationCurve",
    "Choice",
    "Comparison",
    "Confusion",
    "CostCurve",
    "Criterion",
    "Curve",
    "DecisionCurve",
    "Disagreement",
    "FigureRow",
    "Figures",
    "Histograms",
    "Inspection",
    "Kind",
    "McNemar",
    "Optimism",
    "OptimismRow",
    "Parameter",
    "PerThousand",
    "Role",
    "ScoreSet",
    "Sorted",
    "Subgroup",
    "as_json",
    "band",
    "choose",
    "choose_band",
    "compare",
    "criterion",
    "figures_json",
    "from_arrays",
    "from_job",
    "from_model",
    "groupings",
    "honesty",
    "inspect_csv",
    "locate",
    "lock",
    "optimism",
    "overlap",
    "read_csv",
    "report_pdf",
    "shown",
    "subgroups",
]
