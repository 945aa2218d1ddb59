"""The stored models as a person arranges them: described, renamed, deleted, side by side.

Versions themselves never change. A description lies beside the models in `$CXR_HOME/models`, so
that one can be given to a shipped model as well.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from cxr_core import points, registry
from cxr_core.card import ModelCard, shown
from cxr_core.errors import ModelError
from cxr_core.registry import ModelEntry

MOST_LETTERS = 2000
_MAX_BYTES = 4 * 2**20


@dataclass(frozen=True)
class Stored:
    """One version on the shelf.

    card: with the operating point in force; None where it is damaged. problem: why it is skipped.
    """

    entry: ModelEntry
    card: ModelCard | None
    problem: str | None
    description: str
    default: bool
    megabytes: float

    @property
    def id(self) -> str:
        return f"{self.entry.name}@{self.entry.version}"


def stored(among: Sequence[Path] | None = None) -> tuple[Stored, ...]:
    """Every model version; a damaged or half-copied one is named, with its problem."""
    meant = _meant()
    notes = _notes()
    found = []
    for entry in registry.list_models(among):
        problem = registry.incomplete(entry)
        found.append(
            Stored(
                entry=entry,
                card=None if problem else points.card(entry),
                problem=problem,
                description=notes.get(_key(entry), ""),
                default=entry == meant,
                megabytes=_size(entry) / 1e6,
            )
        )
    return tuple(found)


def describe(entry: ModelEntry, text: str) -> None:
    """Keep a person's own words beside a model; empty text removes them. Raises ModelError."""
    text = text.strip()
    if len(text) > MOST_LETTERS:
        raise ModelError(
            f"Expected a description of up to {MOST_LETTERS} characters; received {len(text)}. "
            "Shorten it."
        )
    notes = dict(_notes())
    if text:
        notes[_key(entry)] = text
    else:
        notes.pop(_key(entry), None)
    registry.store_text(_path(), json.dumps(notes, indent=1, ensure_ascii=False) + "\n")


def rename(entry: ModelEntry, name: str) -> ModelEntry:
    """The same version under another name; its description, locked points and choice go with it.

    Raises ModelError for a shipped or damaged model, and where that name has that version already.
    """
    _check_own(entry, "renamed")
    registry.check_name(name)
    if name == entry.name:
        return entry
    if problems := registry.verify(entry):
        raise ModelError(
            f"Expected a whole model to rename; {entry.name} {entry.version} is damaged: "
            f"{problems[0]}. Copy its folder again, or delete it."
        )
    if any((m.name, m.version) == (name, entry.version) for m in registry.list_models()):
        raise ModelError(
            f"Expected a name that is free; {name} {entry.version} exists already. "
            "Choose another name."
        )
    files: Mapping[str, Path] = {
        file: entry.path(file) for file in registry.FILES if file != registry.CARD
    }
    root = entry.folder.parent.parent
    renamed = registry.write(replace(entry.card, name=name), files, root)
    points.move(entry, renamed)
    was_default, note = registry.default().entry == entry, _notes().get(_key(entry))
    if note:
        describe(renamed, note)
    if was_default:
        registry.set_default(renamed)
    delete(entry)
    return renamed


def delete(entry: ModelEntry) -> None:
    """Remove a version for good, with its description and locked points.

    Its folder leaves the list at once, however long the removal takes. Raises ModelError for a
    shipped model.
    """
    _check_own(entry, "deleted")
    was_default = registry.default().entry == entry
    try:
        # A leading dot keeps it out of every listing.
        grave = Path(tempfile.mkdtemp(prefix=f".{entry.version}-deleted-", dir=entry.folder.parent))
        entry.folder.rename(grave / "model")
    except FileNotFoundError:
        raise ModelError(
            f"Expected {entry.name} {entry.version} to delete; it is not there any more. "
            "See `python -m cxr_core models list`."
        ) from None
    except OSError as error:
        raise ModelError(
            f"Expected to delete {entry.name} {entry.version}; received {error.strerror}. "
            "Check who may write in its folder."
        ) from error
    if was_default:
        registry.set_default(None)
    if _key(entry) in _notes():
        describe(entry, "")
    points.forget(entry)
    shutil.rmtree(grave, ignore_errors=True)
    if not any(entry.folder.parent.iterdir()):
        entry.folder.parent.rmdir()


def side_by_side(cards: Sequence[ModelCard]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Rows of (what, one value in words for each card), gaps said aloud."""
    return tuple((what, tuple(shown(_fact(card, path)) for card in cards)) for what, path in FACTS)


FACTS: tuple[tuple[str, str], ...] = (
    ("Backbone", "backbone"),
    ("Made", "created"),
    ("AUC", "validation.auc"),
    ("Accuracy", "validation.accuracy"),
    ("Sensitivity", "validation.sensitivity"),
    ("Specificity", "validation.specificity"),
    ("Brier score", "validation.brier"),
    ("Calibration error", "validation.ece"),
    ("Validation films", "validation.n"),
    ("Threshold", "operating_point.threshold"),
    ("Chosen by", "operating_point.criterion"),
    ("Refer from", "operating_point.refer_low"),
    ("Refer to", "operating_point.refer_high"),
    ("Training films", "data.n_train"),
    ("Data", "data.name"),
    ("Data sha256", "data.data_sha256"),
    ("Split sha256", "data.split_sha256"),
)


def _fact(card: ModelCard, path: str) -> Any:
    value: Any = card
    for part in path.split("."):
        value = getattr(value, part)
    return value[:12] if path.endswith("sha256") and value else value


def _check_own(entry: ModelEntry, done: str) -> None:
    if entry.shipped:
        raise ModelError(
            f"Expected a model of your own to be {done}; {entry.name} {entry.version} came with "
            "the program. Leave it, and choose another as the default if you do not want it."
        )


def _meant() -> ModelEntry | None:
    try:
        return registry.find()
    except ModelError:
        return None


def _size(entry: ModelEntry) -> int:
    try:
        return sum(p.stat().st_size for p in entry.folder.iterdir() if p.is_file())
    except OSError:
        return 0


def _notes() -> dict[str, str]:
    """Descriptions by NAME@VERSION. A damaged file has none: they are only words."""
    try:
        with _path().open("rb") as file:
            value = json.loads(file.read(_MAX_BYTES))
        return {k: v for k, v in value.items() if isinstance(k, str) and isinstance(v, str)}
    except (OSError, ValueError, AttributeError):
        return {}


def _key(entry: ModelEntry) -> str:
    return f"{entry.name}@{entry.version}"


def _path() -> Path:
    return registry.home() / "models" / "descriptions.json"
