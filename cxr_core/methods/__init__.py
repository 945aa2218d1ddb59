"""Transfer-learning methods as data rows, their settings, and what is refused before a job starts.

No TensorFlow: pages and the terminal fill these in, a job carries them out.
"""

from __future__ import annotations

from cxr_core.augmentation import GEOMETRY, MOST, NO_AUGMENTATION, NO_FLIPS, Augmentation
from cxr_core.methods._check import check, check_plan
from cxr_core.methods._plan import DataChoice, Plan, as_config, from_config, model_name
from cxr_core.methods._rates import rate_at, rates
from cxr_core.methods._rows import METHODS, UNFREEZE_FROM, Method, method, with_backbone
from cxr_core.methods._settings import Settings, preprocessing

__all__ = [
    "GEOMETRY",
    "METHODS",
    "MOST",
    "NO_AUGMENTATION",
    "NO_FLIPS",
    "UNFREEZE_FROM",
    "Augmentation",
    "DataChoice",
    "Method",
    "Plan",
    "Settings",
    "as_config",
    "check",
    "check_plan",
    "from_config",
    "method",
    "model_name",
    "preprocessing",
    "rate_at",
    "rates",
    "with_backbone",
]
