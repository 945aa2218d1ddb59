"""What the form holds before it becomes a job: kept in the session, and in the address.

Widgets are given a fresh key where something else than themselves changes their value (another
method, a run to repeat), so that a component's report can never bring an old value back.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import streamlit as st

from cxr_core.architectures import ARCHITECTURES, NOT_TRAINED, backbone_name
from cxr_core.augmentation import Augmentation
from cxr_core.backbones import BACKBONES, SMALL_CNN
from cxr_core.errors import CxrError
from cxr_core.methods import METHODS, DataChoice, Method, Plan, Settings, method, with_backbone

ADDRESS = "new"
FIRST_METHOD, FIRST_BACKBONE = "features-dense", "mobilenetv2"
AUGMENTATION = "augmentation."


@dataclass
class Draft:
    """changes: settings that differ from the method's defaults, by field ('augmentation.rotate').

    round: the generation of widget keys. start: the changes when that generation began, which its
    widgets were made with. entry: the same for the three choices up front. data: fields of
    DataChoice but the source.
    """

    source: str = ""
    backbone: str = FIRST_BACKBONE
    method: str = FIRST_METHOD
    changes: dict[str, Any] = field(default_factory=dict)
    data: dict[str, Any] = field(default_factory=dict)
    name: str = ""
    round: int = 0
    entry: int = 0
    start: dict[str, Any] = field(default_factory=dict)
    start_data: dict[str, Any] = field(default_factory=dict)
    start_name: str = ""

    @property
    def row(self) -> Method:
        return method(self.method)

    def begin(self) -> None:
        """A new generation of widgets, which start from what is held now."""
        self.round += 1
        self.start, self.start_data = dict(self.changes), dict(self.data)
        self.start_name = self.name

    def enter(self) -> None:
        """The form is drawn anew: widgets that were away have lost their values."""
        self.entry += 1
        self.begin()

    def key(self, name: str) -> str:
        return f"tune_{self.round}_{name}"

    def choose(self, method_key: str) -> None:
        """Another method: its own defaults, nothing carried over.

        On a busy machine a choice may be told twice, the second time with what was typed after it.
        """
        if method_key == self.method:
            return
        self.method = method_key
        self.changes = {}
        if takes_backbone(self.row) and self.backbone not in backbones(self.row):
            self.backbone = FIRST_BACKBONE
        self.begin()

    def use(self, backbone: str) -> None:
        """Another backbone: its own layers to learn from; told twice, it is one choice."""
        if backbone == self.backbone:
            return
        self.backbone = backbone
        self.changes.pop("unfreeze_from", None)
        self.begin()

    def reset(self) -> None:
        self.changes = {}
        self.begin()

    def defaults(self) -> Settings:
        """The method's defaults for the chosen backbone."""
        own = self.row.defaults
        if not takes_backbone(self.row) or self.backbone == own.backbone:
            return own
        return with_backbone(own, self.backbone)

    def settings(self) -> Settings:
        return changed(self.defaults(), self.changes)

    def plan(self) -> Plan:
        choice = replace(DataChoice(self.source), **self.data)
        return Plan(choice, self.method, self.settings(), self.name)

    def take(self, plan: Plan) -> None:
        """Start from a run that there was."""
        self.source, self.method, self.name = plan.data.source, plan.method, plan.name
        if takes_backbone(self.row):
            self.backbone = plan.settings.backbone
        self.changes = differences(self.defaults(), plan.settings)
        self.data = {
            k: tuple(v) if isinstance(v, list) else v
            for k, v in asdict(plan.data).items()
            if k != "source" and v != getattr(DataChoice(""), k)
        }
        self.enter()

    def to_address(self) -> str:
        held = {
            "source": self.source, "backbone": self.backbone, "method": self.method,
            "name": self.name, "changes": self.changes, "data": self.data,
        }  # fmt: skip
        blank = asdict(Draft())
        return json.dumps({k: v for k, v in held.items() if v != blank[k]}, separators=(",", ":"))


def takes_backbone(row: Method) -> bool:
    """Whether the backbone is the user's to choose: not the small CNN's, nor an ensemble's."""
    return row.defaults.backbone != SMALL_CNN.name and not row.defaults.members


def backbones(row: Method) -> list[str]:
    """Names to choose from: from random weights, the architectures of the lecture as well."""
    names = [b.name for b in BACKBONES]
    if row.defaults.pretrained:
        return names
    return names + [backbone_name(a) for a in ARCHITECTURES if a.key not in NOT_TRAINED]


def changed(base: Settings, changes: Mapping[str, Any]) -> Settings:
    """base with changes by field; lists become tuples."""
    augmentation: dict[str, float] = {}
    plain: dict[str, Any] = {}
    for name, value in changes.items():
        if name.startswith(AUGMENTATION):
            augmentation[name.removeprefix(AUGMENTATION)] = value
        else:
            plain[name] = tuple(value) if isinstance(value, list) else value
    return replace(base, augmentation=replace(base.augmentation, **augmentation), **plain)


def differences(base: Settings, other: Settings) -> dict[str, Any]:
    """What `changed` needs to make `other` of `base`."""
    found: dict[str, Any] = {}
    for name in Settings.__dataclass_fields__:
        mine, theirs = getattr(base, name), getattr(other, name)
        if name != "augmentation" and mine != theirs:
            found[name] = theirs
    for name in Augmentation.__dataclass_fields__:
        if getattr(base.augmentation, name) != getattr(other.augmentation, name):
            found[AUGMENTATION + name] = getattr(other.augmentation, name)
    return found


def draft() -> Draft:
    """This session's draft; a reload finds it in the address."""
    if "tune_draft" not in st.session_state:
        st.session_state.tune_draft = _from_address(st.query_params.get(ADDRESS, ""))
    kept = st.session_state.tune_draft
    assert isinstance(kept, Draft)
    return kept


def _from_address(text: str) -> Draft:
    """An address that was shortened or changed by hand is no more than a fresh form."""
    held = Draft()
    try:
        given = json.loads(text or "{}")
        held = Draft(**{k: v for k, v in given.items() if k in _KEPT})
        if isinstance(held.data.get("classes"), list):
            held.data["classes"] = tuple(held.data["classes"])
        held.plan()
        if held.method not in {m.key for m in METHODS}:
            return Draft()
        if held.backbone not in backbones(held.row):
            return Draft()
    except (ValueError, TypeError, AttributeError, CxrError):
        return Draft()
    return held


_KEPT = ("source", "backbone", "method", "name", "changes", "data")
