"""How far a film lies from the training films: the fitted model, its file and how it is fitted.

A network's pooled activations are compared with those of its training films, layer by layer, by
Mahalanobis distance (Lee et al. 2018, arXiv 1807.03888), and the layers' distances are averaged.
Two references are kept: a narrow one, of the films as they are stored and re-saved, says which
films are unlike the training films; a broad one, of the same films redrawn with other exposures,
proportions and positions, says which pictures are so far away that they are no chest films.
`fit_gate` is for training; everything else costs microseconds and needs NumPy alone.
"""

from cxr_core.gate._fit import fit_gate
from cxr_core.gate._model import GateModel, Likeness
from cxr_core.gate._render import RENDERINGS, render

__all__ = ["RENDERINGS", "GateModel", "Likeness", "fit_gate", "render"]
