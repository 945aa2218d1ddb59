"""Settings that cannot work, or not as whoever chose them thinks, refused before a job starts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields

from cxr_core import registry
from cxr_core.architectures import NOT_TRAINED, Architecture, of_backbone, sizes
from cxr_core.augmentation import MOST, NO_AUGMENTATION
from cxr_core.backbones import SMALL_CNN, backbone
from cxr_core.errors import ConfigError
from cxr_core.methods._plan import Plan, model_name
from cxr_core.methods._rows import method
from cxr_core.methods._settings import Settings

# Smaller, and a film is gone before the last block.
SMALLEST, SMALLEST_CNN, LARGEST = 32, 46, 640


def check_plan(plan: Plan) -> None:
    """Refuse a plan that cannot work. Raises ConfigError, or ModelError for a name or version."""
    method(plan.method)
    check(plan.settings)
    if not plan.data.source:
        raise ConfigError("Expected a source of films; received none. Name a folder or a file.")
    if not 0.02 <= plan.data.validation <= 0.5:
        raise ConfigError(
            "Expected a validation share from 0.02 to 0.5; received "
            f"{plan.data.validation}. Change it."
        )
    if len(plan.data.classes) == 1 or len(set(plan.data.classes)) < len(plan.data.classes):
        raise ConfigError(
            f"Expected two or more different classes; received {', '.join(plan.data.classes)}. "
            "Name each class once, or none for all."
        )
    if plan.settings.class_weights and plan.data.classes:
        _class_weights(plan.settings, len(plan.data.classes))
    name = model_name(plan)
    registry.check_name(name)
    if plan.version:
        registry.version_key(plan.version)
        if any((m.name, m.version) == (name, plan.version) for m in registry.list_models()):
            raise ConfigError(
                f"Expected a new version of {name}; {plan.version} exists already. "
                "Raise the version, or leave it out for the next one."
            )


def check(settings: Settings) -> None:
    """Refuse settings out of range and combinations that contradict each other. ConfigError."""
    for name in (settings.backbone, *settings.members):
        if not of_backbone(name):
            backbone(name)
    for good, expected, received in _ranges(settings):
        if not good:
            raise ConfigError(f"Expected {expected}; received {received}. Change that setting.")
    own = of_backbone(settings.backbone)
    for bad, why in (
        *(_of_architecture(settings, own) if own and not settings.members else ()),
        *_contradictions(settings),
    ):
        if bad:
            raise ConfigError(why)
    if settings.balance == "custom":
        _class_weights(settings, len(settings.class_weights))


def _ranges(s: Settings) -> Iterator[tuple[bool, str, object]]:
    smallest = SMALLEST_CNN if SMALL_CNN.name in (s.backbone, *s.members) else SMALLEST
    yield smallest <= s.size <= LARGEST, f"an input size from {smallest} to {LARGEST}", s.size
    yield 0 <= s.dense <= 8192, "a dense layer of 0 to 8192 units", s.dense
    yield 0 <= s.dropout < 1, "dropout from 0 to below 1", s.dropout
    yield 0 <= s.dense_dropout < 1, "dropout from 0 to below 1", s.dense_dropout
    yield 0 < s.svm_c <= 1000, "an SVM's C above 0, up to 1000", s.svm_c
    yield 0 < s.rate <= 1, "a learning rate above 0, up to 1", s.rate
    yield 0 < s.head_rate <= 1, "a learning rate of the head above 0, up to 1", s.head_rate
    yield 0 < s.decay <= 1, "a decay above 0, up to 1", s.decay
    yield s.decay_every > 0, "a decay every so many epochs or steps, above 0", s.decay_every
    yield 0 <= s.warm_up < 1, "a warm-up share from 0 to below 1", s.warm_up
    yield 0 <= s.weight_decay < 1, "a weight decay from 0 to below 1", s.weight_decay
    yield 0 <= s.label_smoothing < 0.5, "label smoothing from 0 to below 0.5", s.label_smoothing
    yield 2 <= s.batch <= 1024, "a batch of 2 to 1024 films", s.batch
    yield 1 <= s.epochs <= 1000, "1 to 1000 epochs", s.epochs
    yield 0 <= s.head_epochs <= 1000, "0 to 1000 epochs of the head alone", s.head_epochs
    yield s.patience >= 0, "a patience of 0 epochs or more", s.patience
    yield 0 <= s.seed < 2**31, "a seed from 0 to 2147483647", s.seed
    yield s.folds == 0 or 2 <= s.folds <= 20, "2 to 20 folds, or 0 for one split", s.folds
    yield len(s.members) == 0 or 2 <= len(s.members) <= 5, "2 to 5 members", len(s.members)
    yield 40 <= s.gate_films <= 5000, "40 to 5000 films for the quality gate", s.gate_films
    for field in fields(s.augmentation):
        value, most = getattr(s.augmentation, field.name), MOST[field.name]
        yield 0 <= value <= most, f"augmentation's {field.name} from 0 to {most:g}", value


def _of_architecture(s: Settings, row: Architecture) -> Iterator[tuple[bool, str]]:
    smallest, step = sizes(row)
    yield (
        row.key in NOT_TRAINED,
        f"Expected one answer a film; {row.name} gives seven, the mistake that it is shown for. "
        "Choose MobileNet v1.",
    )
    yield (
        s.features or s.head != "dense",
        f"Expected {row.name} to be trained as a whole; received a method that reads features or "
        "classes of pretrained weights, and it has none. Train it from scratch.",
    )
    yield (
        s.pretrained,
        f"Expected random weights for {row.name}; received pretrained ones, which this network "
        "has none of. Turn 'pretrained' off, or choose a backbone of Keras.",
    )
    yield (
        s.unfreeze_from != "",
        f"Expected every layer of {row.name} to learn; received frozen ones, which would stay "
        "noise. Unfreeze everything.",
    )
    yield (
        s.head_epochs > 0,
        f"Expected one phase for {row.name}; received two. It is random before it learns: set the "
        "head's epochs to 0.",
    )
    yield (
        row.trainable < row.parameters and not s.norms_learn,
        f"Expected batch normalisation that learns in {row.name}; received it at rest, with "
        "averages of no film. Turn it on.",
    )
    yield (
        bool(s.dense or s.dropout or s.dense_dropout) or s.pooling != "mean",
        f"Expected {row.name} with its own head; received a dense layer, dropout or flattening "
        "beside it. Leave them at nothing and mean.",
    )
    yield (
        s.size < smallest or s.size % step != 0,
        f"Expected an input size from {smallest} for {row.name}"
        + (f", in steps of {step}, its patches" if step > 1 else "")
        + f"; received {s.size}. Change that setting.",
    )


def _contradictions(s: Settings) -> Iterator[tuple[bool, str]]:
    small = s.backbone == SMALL_CNN.name and not s.members
    frozen = s.unfreeze_from is None
    augmented = s.augmentation != NO_AUGMENTATION
    yield (
        s.features and augmented,
        "Expected no augmentation with features; received some. The base runs once over each "
        "film, so there is nothing left to vary: take the frozen base, or turn augmentation off.",
    )
    yield (
        s.features and not frozen,
        "Expected a frozen base with features; received a layer to unfreeze from. Features that "
        "were computed once cannot change: choose fine-tuning, or leave the layer empty.",
    )
    yield (
        bool(s.base_until) and (not s.features or bool(s.members) or small),
        "Expected features of one pretrained network where its base ends early; received another "
        "method. Turn features on, or leave the layer that it ends in empty.",
    )
    yield (
        s.features and not s.pretrained,
        "Expected pretrained weights with features; received random ones, whose features say "
        "nothing. Use ImageNet's weights, or train from scratch.",
    )
    yield (
        s.features and s.mixed_precision,
        "Expected full precision with features; received mixed precision, which a head of one "
        "layer does not gain from. Turn it off.",
    )
    yield (
        s.head == "svm" and not s.features,
        "Expected features for a linear SVM; received a base inside the model. An SVM is fitted to "
        "features once: turn features on, or choose a dense head.",
    )
    yield (
        s.head == "svm" and bool(s.dense),
        "Expected no dense layer with a linear SVM; received one. Set its width to 0.",
    )
    yield (
        s.head == "imagenet" and (s.backbone == SMALL_CNN.name or not s.pretrained),
        "Expected a pretrained network for ImageNet's own classes; received one without weights. "
        "Choose another backbone.",
    )
    yield (
        s.head == "imagenet" and bool(s.folds or s.members),
        "Expected neither folds nor members where nothing is trained; received some. Set them to "
        "none.",
    )
    yield (
        s.pretrained and SMALL_CNN.name in (s.backbone, *s.members),
        "Expected random weights for the small CNN; nobody trained it on ImageNet. Turn "
        "'pretrained' off, or choose another backbone.",
    )
    yield (
        not s.pretrained and frozen,
        "Expected a base that learns where its weights are random; received a frozen one, which "
        "would stay noise. Unfreeze everything, or start from pretrained weights.",
    )
    yield (
        frozen and s.head_epochs > 0,
        "Expected a layer to unfreeze from with two phases; received none, so that both would be "
        "the same. Name a layer, or set the head's epochs to 0.",
    )
    yield (
        small and s.head_epochs > 0,
        "Expected one phase for the small CNN; received two. Its base is random before it learns: "
        "set the head's epochs to 0.",
    )
    yield (
        s.norms_learn and s.batch < 8,
        f"Expected a batch of at least 8 where batch normalisation learns; received {s.batch}. "
        "Statistics of fewer films are noise: raise the batch, or leave normalisation as it is.",
    )
    yield (
        s.pretrained and s.unfreeze_from == "" and s.rate > 0.01,
        f"Expected a rate of at most 0.01 where all pretrained weights learn; received {s.rate:g}, "
        "which would wipe them out. Lower it, or train from scratch.",
    )
    yield (
        s.warm_up > 0 and s.schedule != "cosine",
        f"Expected a warm-up with the cosine schedule; received it with {s.schedule!r}. "
        "Choose cosine, or set the warm-up to 0.",
    )
    yield (
        s.weight_decay > 0 and s.optimiser != "adamw",
        f"Expected weight decay with AdamW; received it with {s.optimiser!r}. "
        "Choose adamw, or set the decay to 0.",
    )
    yield (
        bool(s.class_weights) != (s.balance == "custom"),
        "Expected class weights with the balance 'custom' and only then. Choose custom and give "
        "one weight a class, or give none.",
    )
    yield (
        any(of_backbone(name) for name in s.members),
        "Expected backbones with pretrained weights in an ensemble; received an architecture from "
        "scratch. Train it alone.",
    )
    yield (
        bool(s.folds and s.members),
        "Expected folds or members; received both. Cross-validate one of the members, or train "
        "the ensemble on one split.",
    )
    yield (
        bool(s.members) and s.head != "dense",
        "Expected dense heads in an ensemble, whose logits can be averaged; received an SVM. "
        "Choose a dense head.",
    )


def _class_weights(settings: Settings, classes: int) -> None:
    weights = settings.class_weights
    if len(weights) != classes or classes < 2 or min(weights, default=0) <= 0:
        raise ConfigError(
            f"Expected one weight above 0 for each class; received {len(weights)} "
            f"({', '.join(map(str, weights))}). Give them in the order of the classes."
        )
