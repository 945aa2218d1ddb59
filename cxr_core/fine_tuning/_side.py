"""The shorter jobs around a run: what it would cost, what a data set holds, a download."""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from cxr_core import dataset, methods, registry
from cxr_core.augmentation import NO_AUGMENTATION, Augmentation
from cxr_core.batches import augmented_copies
from cxr_core.dataset import Index, Progress
from cxr_core.errors import DataError
from cxr_core.features import decoded
from cxr_core.fine_tuning import _network as net
from cxr_core.fine_tuning._features import body
from cxr_core.fine_tuning._feed import Feed
from cxr_core.methods import preprocessing

if TYPE_CHECKING:
    from cxr_core.jobs import Reporter

SAMPLE, STEPS, PREVIEWED, WARM = 64, 4, 4, 8
PREVIEW = "preview.png"


def estimate(config: Mapping[str, Any], report: Reporter) -> Mapping[str, Any]:
    """Time and memory of a plan, measured on a few steps; and films as augmentation draws them.

    preview.png: a row a film, as it is and four renderings.
    """
    plan = methods.from_config(config)
    methods.check(plan.settings)
    settings = plan.settings
    index = dataset.open_source(plan.data.source, plan.data.classes)
    split = dataset.make_split(index, plan.data.split, plan.data.validation, plan.data.seed)
    sample = _sample(index, max(SAMPLE, settings.batch))
    report.progress(0, 4, message="decoding a sample of films")
    how, bad = preprocessing(settings), dict[int, str]()
    # The first films also load decoders and start threads: no measure of thousands.
    list(decoded(sample.records[:WARM], how, {}, workers=report.threads))
    started = time.monotonic()
    blocks = list(decoded(sample.records, how, bad, workers=report.threads))
    inputs = np.concatenate(blocks)
    decode_s = (time.monotonic() - started) / len(inputs)
    report.progress(1, 4, message="drawing the preview")
    _preview(inputs, settings.augmentation, settings.seed, report.folder / PREVIEW)
    report.progress(2, 4, message="timing a few steps")
    step_s, forward_s = (0.0, 0.0) if settings.head == "imagenet" else _timed(plan, sample, inputs)
    report.progress(3, 4, message="adding it up")
    n, train, held = len(index.records), len(split.train), len(split.validation)
    fits = settings.folds or len(settings.members) or 1
    epochs = settings.epochs + settings.head_epochs
    steps = max(1, train // settings.batch)
    if settings.features:
        epoch_s = steps * step_s
        fitting = forward_s * n * (len(settings.members) or 1) + fits * epochs * epoch_s
        if settings.head == "svm":
            epoch_s, fitting = 0.0, forward_s * n
    else:
        epoch_s = steps * step_s + held * forward_s
        fitting = fits * epochs * epoch_s
    # Two passes over the validation films, one of them re-rendered, and the quality gate's films.
    closing = forward_s * 2 * held + settings.gate_films * 10 * (forward_s + decode_s)
    return {
        "seconds_per_epoch": round(epoch_s, 1),
        "seconds_decoding": round(decode_s * n, 1),
        "seconds_fitting": round(fitting, 1),
        "seconds_total": round(decode_s * n + fitting + closing, 1),
        "at_most": bool(settings.patience),
        "steps_per_epoch": steps,
        "epochs": epochs * fits,
        "peak_mb": round(_peak_mb() + n * how.size**2 / 1e6),
        "disk_mb": round(n * how.size**2 / 1e6),
        "films": {"all": n, "train": train, "validation": held, "test": len(split.test)},
        "threads": report.threads,
        "preview": PREVIEW,
        "measured_on": f"{len(inputs)} films and {STEPS} steps",
    }


def inspect(config: Mapping[str, Any], report: Reporter) -> Mapping[str, Any]:
    """A data set before anything is trained: balance, split, leaks, unreadable films."""
    choice = methods.from_config({"method": "frozen", "data": config["data"]}).data
    index = dataset.open_source(choice.source, choice.classes)
    split = dataset.make_split(index, choice.split, choice.validation, choice.seed)

    def tell(done: int, of: int) -> None:
        report.progress(done, of, message=f"comparing films, {done} of {of}")

    found = dataset.leaks(index.records, split, workers=report.threads, on_progress=tell)
    sides = {
        side: {
            label: sum(index.records[int(i)].label == label for i in getattr(split, side))
            for label in index.classes
        }
        for side in ("train", "validation", "test")
    }
    return {
        "kind": index.kind,
        "classes": list(index.classes),
        "films": len(index.records),
        "balance": [asdict(row) for row in dataset.balance(index)],
        "split": sides,
        "split_sha256": dataset.split_hash(index.records, split),
        "notes": list(split.notes),
        "left_out": [list(row) for row in (*index.left_out, *found.unreadable)][:200],
        "leaks": {
            "compared": found.compared,
            "shared_patients": len(found.shared_patients),
            "patients": [[p, list(s)] for p, s in found.shared_patients[:50]],
            "identical": sum(t.identical for t in found.twins),
            "near_identical": sum(not t.identical for t in found.twins),
            "twins": [asdict(t) for t in found.twins[:50]],
            "clean": found.clean,
        },
    }


def download(config: Mapping[str, Any], report: Reporter) -> Mapping[str, Any]:
    """Fetch a public data set, going on where an earlier attempt stopped."""
    what = dataset.downloadable(str(config.get("name")))
    folder = Path(str(config.get("folder") or registry.home() / "data" / what.name))

    def tell(progress: Progress) -> None:
        done, total = progress.done / 1e6, progress.total / 1e6
        report.progress(
            progress.done // 1000, max(1, progress.total // 1000),
            message=f"{done:,.0f} of {total:,.0f} MB" + (", resumed" if progress.resumed else ""),
        )  # fmt: skip

    dataset.download(what, folder, tell)
    return {"name": what.name, "folder": str(folder)}


def _sample(index: Index, count: int) -> Index:
    """Films from all over the index, of each class by turns."""
    rng = np.random.default_rng(0)
    by_class = [
        rng.permutation([i for i, r in enumerate(index.records) if r.label == label]).tolist()
        for label in index.classes
    ]
    turns: list[int] = []
    while any(by_class) and len(turns) < count:
        turns += [own.pop() for own in by_class if own]
    records = tuple(index.records[i] for i in turns[:count])
    return Index(index.kind, index.root, index.classes, records)


def _timed(plan: methods.Plan, sample: Index, inputs: Any) -> tuple[float, float]:
    """Seconds of a training step, and of a forward pass a film."""
    settings, classes = plan.settings, len(sample.classes)
    if len(inputs) < settings.batch:
        raise DataError(
            f"Expected at least a batch of {settings.batch} films; received {len(inputs)}. "
            "Add films, or lower the batch size."
        )
    if settings.members:
        alone = replace(settings, members=())
        each = [
            _timed(replace(plan, settings=methods.with_backbone(alone, m)), sample, inputs)
            for m in dict.fromkeys(settings.members)
        ]
        return float(np.mean([e[0] for e in each])), float(np.mean([e[1] for e in each]))
    with net.precision(settings):
        network = net.build(settings, classes)
    score = net.forward(body(network) if settings.features else network)
    forward_s = _median(lambda: score(inputs[:32])) / len(inputs[:32])
    x, model = inputs, network
    if settings.features:
        x = score(inputs)
        model = net.build_head(settings, x.shape[1], classes)
    targets = dataset.targets(sample)
    everyone = np.arange(len(x))
    feed = Feed(x, everyone, targets, classes, settings, settings.batch)
    net.prepare(model, settings, 2)
    batches = iter(feed.epoch(1).repeat())
    return _median(lambda: model.train_function(batches)), forward_s


def _median(call: Any) -> float:
    call()
    times = []
    for _ in range(STEPS):
        started = time.monotonic()
        call()
        times.append(time.monotonic() - started)
    return float(np.median(times))


def _preview(inputs: Any, how: Augmentation, seed: int, path: Path) -> None:
    few = np.asarray(inputs[:PREVIEWED])
    rows = [few]
    if how != NO_AUGMENTATION:
        made = augmented_copies(few, how, PREVIEWED, seed)
        rows += [made[k * len(few) : (k + 1) * len(few)] for k in range(PREVIEWED)]
    grid = np.concatenate([np.concatenate(list(r[..., 0]), axis=0) for r in rows], axis=1)
    part = path.with_suffix(".part.png")
    Image.fromarray(grid).save(part)
    part.replace(path)


def _peak_mb() -> float:
    # Kilobytes on Linux, bytes on macOS.
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6
