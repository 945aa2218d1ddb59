"""Inside a network: filters, feature maps, receptive fields, attention, and ImageNet's guesses.

Everything here gives arrays; `figures` draws them. No Keras until a function is called.
"""

from cxr_core.inside.attention import attention, patches, position_similarity, rollout
from cxr_core.inside.feature_maps import feature_maps, filters
from cxr_core.inside.imagenet import Guess, top5
from cxr_core.inside.networks import Network, open_network, sources
from cxr_core.inside.receptive_field import ReceptiveField, receptive_field, seen_by

__all__ = [
    "Guess",
    "Network",
    "ReceptiveField",
    "attention",
    "feature_maps",
    "filters",
    "open_network",
    "patches",
    "position_similarity",
    "receptive_field",
    "rollout",
    "seen_by",
    "sources",
    "top5",
]
