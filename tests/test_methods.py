"""Methods as rows: each one's defaults pass its own check; what contradicts itself is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cxr_core import methods
from cxr_core.errors import ConfigError, ModelError
from cxr_core.methods import (
    GEOMETRY,
    METHODS,
    DataChoice,
    Method,
    Plan,
    Settings,
    as_config,
    check,
    check_plan,
    from_config,
)

FROZEN = methods.method("frozen").defaults
FEATURES = methods.method("features-dense").defaults
SCRATCH = methods.method("scratch").defaults
TWO = methods.method("two-phase").defaults


@pytest.mark.parametrize("row", METHODS, ids=lambda m: m.key)
def test_a_methods_defaults_pass_their_own_check_and_survive_json(row: Method) -> None:
    plan = Plan(DataChoice("films", classes=("A", "B")), row.key, row.defaults, "trial", "1.0.0")
    check_plan(plan)
    assert from_config(json.loads(json.dumps(as_config(plan)))) == plan
    assert set(row.shown) <= set(vars(row.defaults))
    assert row.defaults.augmentation.flip == 0


def test_every_method_of_the_course_has_a_row() -> None:
    assert len({m.key for m in METHODS}) == len(METHODS) >= 12
    assert len(methods.method("ensemble").defaults.members) == 3
    assert methods.method("k-fold").defaults.folds == 5
    assert (FEATURES.dense, FEATURES.dense_dropout) == (256, 0.5)
    assert (FEATURES.optimiser, FEATURES.rate) == ("rmsprop", 2e-5)
    with pytest.raises(ConfigError, match="two-phase"):
        methods.method("magic")


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        (replace(FEATURES, augmentation=GEOMETRY), "no augmentation with features"),
        (replace(FEATURES, unfreeze_from="block_13"), "frozen base with features"),
        (replace(FEATURES, pretrained=False), "random ones, whose features say"),
        (replace(FROZEN, head="svm"), "features for a linear SVM"),
        (replace(FEATURES, head="svm"), "no dense layer with a linear SVM"),
        (replace(SCRATCH, unfreeze_from=None), "would stay noise"),
        (replace(SCRATCH, backbone="small-cnn", pretrained=True), "nobody trained it"),
        (replace(FROZEN, head_epochs=2), "both would be the same"),
        (replace(SCRATCH, batch=4), "at least 8 where batch normalisation"),
        (replace(TWO, unfreeze_from="", rate=0.1), "wipe them out"),
        (replace(FROZEN, warm_up=0.1), "warm-up with the cosine"),
        (replace(FROZEN, weight_decay=0.1), "weight decay with AdamW"),
        (replace(FROZEN, balance="custom"), "one weight a class"),
        (replace(FROZEN, class_weights=(1.0, 2.0)), "and only then"),
        (replace(FROZEN, balance="custom", class_weights=(1.0, -2.0)), "above 0 for each class"),
        (replace(FEATURES, folds=5, members=("vgg16", "resnet50")), "folds or members"),
        (replace(FEATURES, backbone="resnet9000"), "backbone out of"),
        (replace(FEATURES, size=16), "size from 32"),
        (replace(SCRATCH, backbone="small-cnn", size=40), "size from 46"),
        (replace(FROZEN, augmentation=replace(GEOMETRY, rotate=90.0)), "rotate from 0 to 30"),
        (replace(FROZEN, label_smoothing=0.6), "below 0.5"),
        (replace(FROZEN, epochs=0), "1 to 1000 epochs"),
        (replace(FROZEN, rate=0.0), "rate above 0"),
        (replace(FROZEN, rate=float("nan")), "rate above 0"),
        (replace(FROZEN, batch=1), "batch of 2"),
        (replace(FEATURES, folds=1), "2 to 20 folds"),
    ],
)
def test_a_bad_combination_is_refused_saying_why(settings: Settings, why: str) -> None:
    with pytest.raises(ConfigError, match=f"Expected.*{why}|{why}"):
        check(settings)


@pytest.mark.parametrize(
    ("config", "why"),
    [
        ({}, "a method"),
        ({"method": "frozen"}, "with data"),
        ({"method": "frozen", "data": {}}, "source of films"),
        ({"method": "frozen", "data": {"source": "x"}, "settings": {"epoch": 3}}, "'epoch'"),
        (
            {"method": "frozen", "data": {"source": "x"}, "settings": {"epochs": "3"}},
            "whole number",
        ),
        ({"method": "frozen", "data": {"source": "x"}, "settings": {"epochs": True}}, "whole"),
        ({"method": "frozen", "data": {"source": "x"}, "settings": {"schedule": "x"}}, "cosine"),
        ({"method": "frozen", "data": {"source": "x", "classes": "AB"}}, "classes"),
    ],
)
def test_a_configuration_that_is_no_plan_is_refused(config: dict[str, Any], why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        from_config(config)


def test_what_a_configuration_leaves_out_is_the_methods_default() -> None:
    data = {"source": "films", "split": "own"}
    plan = from_config({"method": "two-phase", "data": data, "settings": {"epochs": 2}})
    assert plan.settings == replace(TWO, epochs=2)
    assert plan.data == DataChoice("films", split="own")
    assert methods.model_name(plan) == "pneumonia-mobilenetv2-two-phase"


@pytest.mark.parametrize(
    ("key", "backbone", "layer"),
    [("two-phase", "vgg16", "block5_conv1"), ("scratch", "zoo-lenet", "")],
)
def test_a_backbone_alone_brings_the_defaults_that_suit_it(
    key: str, backbone: str, layer: str
) -> None:
    config = {"method": key, "data": {"source": "x"}, "settings": {"backbone": backbone}}
    settings = from_config(config).settings
    methods.check(settings)
    assert (settings.backbone, settings.unfreeze_from) == (backbone, layer)


@pytest.mark.parametrize(
    ("plan", "why"),
    [
        (Plan(DataChoice("x", classes=("A",)), "frozen", FROZEN), "two or more different"),
        (Plan(DataChoice("x", validation=0.9), "frozen", FROZEN), "validation share"),
        (Plan(DataChoice(""), "frozen", FROZEN), "source of films"),
        (Plan(DataChoice("x"), "frozen", FROZEN, "Bad Name"), "model name"),
        (Plan(DataChoice("x"), "frozen", FROZEN, "good", "1"), "1.0.0"),
        (
            Plan(
                DataChoice("x", classes=("A", "B", "C")),
                "frozen",
                replace(FROZEN, balance="custom", class_weights=(1.0, 2.0)),
            ),
            "one weight above 0 for each class",
        ),
    ],
)
def test_a_plan_that_cannot_work_is_refused(plan: Plan, why: str) -> None:
    with pytest.raises((ConfigError, ModelError), match=why):
        check_plan(plan)


def test_a_version_that_exists_is_refused(tmp_path: Path, monkeypatch: Any) -> None:
    import tiny_model

    monkeypatch.setenv("CXR_HOME", str(tmp_path))
    tiny_model.write(tmp_path / "models")
    with pytest.raises(ConfigError, match=r"1\.0\.0 exists already"):
        check_plan(Plan(DataChoice("x"), "frozen", FROZEN, "tiny", "1.0.0"))


def test_schedules_are_those_of_the_course() -> None:
    exponential = Settings(rate=0.01, schedule="exponential", decay=0.1, decay_every=20, epochs=41)
    rates = methods.rates(exponential, 10)
    assert [rates[0], rates[20], rates[40]] == pytest.approx([0.01, 0.001, 0.0001])
    assert methods.rate_at(exponential, 9, 10) == 0.01
    staircase = Settings(rate=0.01, schedule="staircase", decay=0.96, decay_every=100_000)
    assert methods.rate_at(staircase, 99_999, 10) == 0.01
    assert methods.rate_at(staircase, 200_000, 10) == pytest.approx(0.01 * 0.96**2)
    cosine = Settings(rate=1.0, schedule="cosine", warm_up=0.1, epochs=10)
    steps = [methods.rate_at(cosine, s, 10) for s in range(100)]
    assert steps[:10] == pytest.approx([0.1 * k for k in range(1, 11)])
    assert max(steps) == pytest.approx(1.0)
    assert sorted(steps[10:], reverse=True) == steps[10:]
    assert steps[99] == pytest.approx(0.02, abs=0.001)
    plateau = Settings(rate=0.1, schedule="plateau", decay=0.5)
    assert methods.rate_at(plateau, 1000, 10, drops=2) == pytest.approx(0.025)


def test_another_backbone_brings_its_own_layer() -> None:
    assert methods.with_backbone(TWO, "vgg16").unfreeze_from == "block5_conv1"
    assert methods.with_backbone(FROZEN, "vgg16").unfreeze_from is None
    assert methods.with_backbone(SCRATCH, "vgg16").unfreeze_from == ""
