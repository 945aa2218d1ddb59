"""Which model is meant where none is named: the shipped one, unless a person chose another."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cxr_core.errors import ModelError
from cxr_core.registry._store import (
    DEFAULT_MODEL,
    FILES,
    SUMS,
    ModelEntry,
    check_name,
    home,
    list_models,
    verify,
    version_key,
)

_MAX_BYTES = 4096


@dataclass(frozen=True)
class Default:
    """The model that a person chose. problem: why it cannot be had, in a sentence."""

    entry: ModelEntry | None = None
    problem: str | None = None


def default() -> Default:
    """The chosen model, or none; why one that was chosen is not meant is told, not raised."""
    path = _path()
    try:
        with path.open("rb") as file:
            value = json.loads(file.read(_MAX_BYTES))
        name, version = value["name"], value["version"]
        check_name(name)
        version_key(version)
    except FileNotFoundError:
        return Default()
    except (ModelError, OSError, TypeError, ValueError, KeyError):
        return Default(problem=f"Expected the default model's name in {path.name}; found none.")
    entry = next((m for m in list_models() if (m.name, m.version) == (name, version)), None)
    if entry is None:
        return Default(problem=f"The default model, {name} {version}, is not there any more.")
    if trouble := incomplete(entry):
        return Default(problem=f"The default model cannot be used. {trouble}")
    return Default(entry)


def set_default(entry: ModelEntry | None) -> None:
    """Mean this model where none is named; None: the shipped one again.

    Raises ModelError for a model that is damaged, so that reviewing never stops for it.
    """
    if entry is None:
        _path().unlink(missing_ok=True)
        return
    problems = verify(entry)
    if problems:
        raise ModelError(
            f"Expected a whole model as the default; {entry.name} {entry.version} is damaged: "
            f"{problems[0]}. Copy its folder again, or choose another."
        )
    store_text(_path(), json.dumps({"name": entry.name, "version": entry.version}) + "\n")


def incomplete(entry: ModelEntry) -> str | None:
    """Why a model cannot be used, as far as its card and the names of its files tell; else None.

    Quick, for lists; `verify` reads every byte.
    """
    try:
        _ = entry.card
        sums = entry.sums()
        for filename in (*FILES, SUMS):
            entry.path(filename)
    except (ModelError, OSError) as error:
        return str(error)
    missing = [f for f in FILES if f not in sums]
    return f"{missing[0]} is not listed in {SUMS}." if missing else None


def find(
    name: str | None = None, version: str | None = None, among: Sequence[Path] | None = None
) -> ModelEntry:
    """One model: by default the one a person chose, else the shipped one; its latest release
    unless a version is named.

    The latest pre-release is taken only where there is no release. A model of `$CXR_HOME` never
    takes the place of a shipped one of the same name unless its version is asked for. Raises
    ModelError, which says what there is.
    """
    if name is None and version is None and among is None and (chosen := default().entry):
        return chosen
    wanted = DEFAULT_MODEL if name is None else name
    check_name(wanted)
    if version is not None:
        version_key(version)
    models = list_models(among)
    fitting = [m for m in models if m.name == wanted and version in (None, m.version)]
    if fitting:
        same_root = [m for m in fitting if m.folder.parent == fitting[0].folder.parent]
        return next((m for m in same_root if "-" not in m.version), same_root[0])
    have = ", ".join(f"{m.name} {m.version}" for m in models) or "none"
    raise ModelError(
        f"Expected a model {' '.join(filter(None, (wanted, version)))}; found {have}. "
        "Choose one of those, or see `python -m cxr_core models list`."
    )


def named(text: str) -> ModelEntry:
    """The model behind NAME or NAME@VERSION. Raises ModelError."""
    name, at, version = text.partition("@")
    if not name or (at and not version):
        raise ModelError(
            f"Expected a model as NAME or NAME@VERSION; received {text[:80]!r}. "
            "See `python -m cxr_core models list`."
        )
    return find(name, version or None)


def store_text(path: Path, text: str) -> None:
    """Write a small file whole or not at all. Raises ModelError where that cannot be done."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
        finally:
            Path(temporary).unlink(missing_ok=True)
    except OSError as error:
        raise ModelError(
            f"Expected to write {path.name} in {path.parent}; received {error.strerror}. "
            "Set CXR_HOME to a folder of yours."
        ) from error


def _path() -> Path:
    return home() / "models" / "default.json"
