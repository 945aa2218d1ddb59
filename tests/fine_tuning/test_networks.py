"""Features, heads, ensembles and replicas: each against the plain way to the same thing."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cxr_core import classifier, fine_tuning, methods, registry
from cxr_core.backbones import SMALL_CNN
from cxr_core.errors import ConfigError
from cxr_core.fine_tuning import _ensemble, _features, _feed, _network
from cxr_core.methods import Settings
from cxr_core.serve import Model
from tests.fine_tuning.drawn import TINY, Told, config

pytestmark = pytest.mark.slow


def random_weights(patch: pytest.MonkeyPatch) -> None:
    """The small CNN for any backbone: these tests are about what is done with its features."""
    build = classifier.build

    def small(row: Any, **settings: Any) -> Any:
        return build(SMALL_CNN, **(settings | {"weights": None}))

    patch.setattr(classifier, "build", small)
    patch.setattr(_ensemble, "backbone", lambda name: SMALL_CNN)


FEATURES = replace(
    methods.method("features-dense").defaults,
    size=48, dense=16, batch=16, epochs=3, rate=1e-3, gate_films=40,
)  # fmt: skip


def test_a_second_head_takes_the_stored_features(
    drawn: Path, tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    random_weights(monkeypatch)
    first = Told(tmp_path / "first")
    fine_tuning.run(config(drawn, FEATURES, method="features-dense"), first)
    assert not any("from the cache" in line for line in first.lines)
    second = Told(tmp_path / "second")
    other = replace(FEATURES, dense=8, epochs=1, seed=0)
    result = fine_tuning.run(config(drawn, other, method="features-dense"), second)
    assert sum("from the cache" in line for line in second.lines) == 2
    assert result["model"]["version"] == "0.1.1"
    # The head alone learnt, and it is in the stored network.
    assert result["parameters"]["learnt"] < result["parameters"]["all"]


def test_the_stored_network_is_the_head_on_the_features(
    drawn: Path, tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    random_weights(monkeypatch)
    network = _network.build(FEATURES, 2)
    head = _network.build_head(FEATURES, 128, 2)
    _network.put_head(network, head)
    x = np.random.default_rng(0).integers(0, 256, (5, 48, 48, 1)).astype(np.uint8)
    base = _features.body(network)
    lite, plain = _features._lite(base, 2), _network.forward(base)
    assert np.allclose(lite(x), plain(x), rtol=1e-3, atol=1e-4)
    expected = _network.forward(head)(plain(x))
    assert np.allclose(_features.head_logits(network, plain(x)), expected, atol=1e-4)
    assert np.allclose(_network.forward(network)(x), expected, atol=1e-4)


@pytest.mark.parametrize("classes", [2, 3])
def test_a_linear_svm_is_scikit_learns(classes: int) -> None:
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import LinearSVC

    rng = np.random.default_rng(0)
    y = np.arange(90, dtype=np.int8) % classes
    x = (rng.normal(0, 1, (90, 6)) * [1, 5, 0.1, 1, 1, 1] + y[:, None]).astype(np.float32)
    settings = Settings(features=True, head="svm", svm_c=0.01)
    kernel, bias = _features.fit_svm(x, y, settings, classes)
    machine = LinearSVC(C=0.01, class_weight="balanced", random_state=0, max_iter=5000)
    expected = make_pipeline(StandardScaler(), machine).fit(x, y).decision_function(x)
    assert np.allclose((x @ kernel + bias).squeeze(), expected, atol=1e-3)


def test_a_base_that_ends_early_is_what_review_serves(
    drawn: Path, tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build = classifier.build
    monkeypatch.setattr(
        classifier, "build", lambda row, **more: build(row, **(more | {"weights": None}))
    )
    row = methods.method("features-earlier")
    settings = replace(row.defaults, size=32, gate_films=40)
    result = fine_tuning.run(config(drawn, settings, method=row.key), Told(tmp_path / "job"))
    entry = registry.find(result["model"]["name"], among=[home / "models"])
    assert entry.card.cam_layer == settings.base_until
    network = classifier.load(entry.path(registry.KERAS))
    layers = [layer.name for layer in network.layers]
    assert layers[layers.index(settings.base_until) + 1] == classifier.POOL
    x = np.random.default_rng(0).integers(0, 256, (1, 32, 32, 1)).astype(np.float32)
    out = Model.load(entry).forward(x[0].astype(np.uint8))
    assert out.logit == pytest.approx(float(network(x, training=False)[0, 0]), abs=1e-3)
    assert out.cam.shape == (2, 2)


def test_a_base_cannot_end_in_a_layer_that_it_has_not() -> None:
    settings = Settings(features=True, base_until="block_99_add", size=32, pretrained=False)
    with pytest.raises(ConfigError, match="block_9_add"):
        _network.build(settings, 2)


def test_an_ensembles_logit_is_the_mean_and_its_map_adds_up(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    members = []
    for seed in range(3):
        settings = replace(TINY, dense=0, pooling="mean", seed=seed)
        members.append((SMALL_CNN.name, _network.build(settings, 2)))
    found = _ensemble.graphs(members)
    x = rng.integers(0, 256, (2, 48, 48, 1)).astype(np.float32)
    each = np.stack([np.asarray(m(x, training=False)) for _, m in members])
    assert np.allclose(found.model(x, training=False), each.mean(axis=0), atol=1e-5)
    out = found.serving()(x, training=False)
    assert np.allclose(out["logit"], each.mean(axis=0), atol=1e-5)
    bias = np.mean([m.get_layer("logit").get_weights()[1] for _, m in members])
    assert np.allclose(np.sum(out["cam"], axis=(1, 2, 3)) + bias, out["logit"][:, 0], atol=1e-4)
    assert out["features"].shape[1] == sum(width for _, width in found.layers)
    with pytest.raises(ConfigError, match="averages several"):
        classifier.serving_model(found.model, found.cam_layer, ())
    classifier.export_serving(found.serving(), tmp_path / "serving.tflite")
    found.model.save(tmp_path / "model.keras")
    again = classifier.load(tmp_path / "model.keras")
    assert np.allclose(again(x, training=False), each.mean(axis=0), atol=1e-5)


def test_an_ensemble_and_folds_run_to_the_end(
    drawn: Path, tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    random_weights(monkeypatch)
    short = replace(FEATURES, epochs=1)
    three = replace(short, members=("mobilenetv2", "densenet121", "efficientnetb0"))
    told = Told(tmp_path / "ensemble")
    result = fine_tuning.run(config(drawn, three, method="ensemble"), told)
    assert [p["backbone"] for p in result["parts"]] == list(three.members)
    assert result["model"]["name"] == "drawn"
    assert {p["part"] for p in told.points} == {1, 2, 3}
    folds = Told(tmp_path / "folds")
    result = fine_tuning.run(config(drawn, replace(short, folds=4), method="k-fold"), folds)
    assert [p["n"] for p in result["parts"]] == [30] * 4
    areas = [p["auc"] for p in result["parts"]]
    assert result["cross_validation"]["auc_mean"] == pytest.approx(np.mean(areas))
    assert result["cross_validation"]["auc_sd"] == pytest.approx(np.std(areas, ddof=1))
    assert len((folds.folder / "history.csv").read_text().splitlines()) == 5


@pytest.mark.parametrize("balance", ["balanced", "oversample", "none"])
def test_rare_classes_count_as_the_settings_say(balance: Any) -> None:
    y = np.array([0] * 12 + [1] * 36, np.int8)
    x = np.arange(48, dtype=np.float32)[:, None]
    settings = replace(TINY, balance=balance, batch=8)
    feed = _feed.Feed(x, np.arange(48), y, 2, settings, 8)
    assert feed.weights.tolist() == (
        [2.0, pytest.approx(2 / 3)] if balance == "balanced" else [1, 1]
    )
    drawn = [int(v) for batch in feed.epoch(1) for v in batch[0].numpy()[:, 0]]
    again = [int(v) for batch in feed.epoch(1) for v in batch[0].numpy()[:, 0]]
    other = [int(v) for batch in feed.epoch(2) for v in batch[0].numpy()[:, 0]]
    assert drawn == again != other
    ill = [v for v in drawn if v >= 12]
    # Half of them ill, none twice; else every film once.
    assert (len(ill), len(set(ill))) == ((24, 24) if balance == "oversample" else (36, 36))
    assert len(drawn) == 48


REPLICAS = """
import json, sys
import numpy as np
import tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
from cxr_core.fine_tuning import _feed, _network
from cxr_core.methods import Settings
settings = Settings(backbone="small-cnn", pretrained=False, size=48, dense=8, pooling="flatten",
                    unfreeze_from="", batch=8, optimiser="sgd", rate=0.01)
rng = np.random.default_rng(0)
x = rng.integers(0, 256, (64, 48, 48, 1)).astype(np.uint8)
y = (np.arange(64) % 2).astype(np.int8)
ends = []
for strategy, replicas in ((tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]), 2),
                           (tf.distribute.get_strategy(), 1)):
    assert strategy.num_replicas_in_sync == replicas
    with strategy.scope():
        model = _network.build(settings, 2)
        _network.prepare(model, settings, 2)
    feed = _feed.Feed(x, np.arange(64), y, 2, settings, 16)
    batches = iter(strategy.experimental_distribute_dataset(feed.epoch(1)))
    losses = [float(model.train_function(batches)["loss"]) for _ in range(feed.steps)]
    ends.append(losses + [float(np.abs(w).sum()) for w in model.get_weights()])
print(json.dumps(ends))
"""


def test_two_replicas_train_as_one_with_the_same_global_batch(repository: Path) -> None:
    """On two logical processors, as MirroredStrategy does it on two GPUs."""
    done = subprocess.run(
        [sys.executable, "-c", REPLICAS], cwd=repository, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-2000:]
    two, one = json.loads(done.stdout.splitlines()[-1])
    assert np.allclose(two, one, rtol=1e-4)


def test_mixed_precision_trains_and_is_stored_in_full(
    drawn: Path, tmp_path: Path, home: Path
) -> None:
    told = Told(tmp_path / "job")
    result = fine_tuning.run(config(drawn, replace(TINY, epochs=1, mixed_precision=True)), told)
    assert result["model"]["name"] == "drawn"
    import keras

    assert keras.config.dtype_policy().name == "float32"


def test_runs_are_told_to_mlflow_where_it_is_asked_for(
    drawn: Path, tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("mlflow", reason="mlflow-skinny is an extra: requirements-tracking.txt")
    from mlflow.tracking import MlflowClient

    uri = f"sqlite:///{tmp_path}/mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    fine_tuning.run(config(drawn), Told(tmp_path / "job"))
    client = MlflowClient(uri)
    [experiment] = [e for e in client.search_experiments() if e.name == "cxr-workbench"]
    [run] = client.search_runs([experiment.experiment_id])
    assert run.info.status == "FINISHED"
    assert run.data.params["epochs"] == "2"
    assert not any(str(drawn) in value for value in run.data.params.values())
    assert len(client.get_metric_history(run.info.run_id, "val_auc")) == 2
    assert "validation auc" in run.data.metrics


def test_the_cache_forgets_what_was_not_used_for_longest(tmp_path: Path) -> None:
    import os

    from cxr_core.fine_tuning._material import trim

    for age, name in enumerate(("new", "older", "oldest")):
        for suffix in (".npy", ".json"):
            path = tmp_path / "films" / f"{name}{suffix}"
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(b"x" * 100)
            os.utime(path, (1e9 - age, 1e9 - age))
    trim(tmp_path, tmp_path / "films" / "new.npy", most=200)
    assert {p.stem for p in tmp_path.rglob("*.*")} == {"new", "older"}
    trim(tmp_path, tmp_path / "films" / "new.npy", most=0)
    assert {p.stem for p in tmp_path.rglob("*.*")} == {"new"}
