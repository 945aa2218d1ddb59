"""Operating points locked for a model: append-only, one file for each model version.

`$CXR_HOME/operating_points/<name>/<version>.jsonl` holds a line for each lock and each return to an
earlier point; the last line says which is in force. A model's own folder is never touched: versions
do not change once they are written, and the shipped ones may lie where nobody can write. Each line
carries a hash of itself and of the line before, so that damage and tampering are seen; a damaged
file puts the card's own point back in force, and nothing is added to it.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, TypeAlias

from cxr_core import card as cards
from cxr_core import registry
from cxr_core.card import ModelCard, ValidationFigures
from cxr_core.errors import ModelError
from cxr_core.registry import ModelEntry
from cxr_core.schema import OperatingPoint

Json: TypeAlias = Any
Role = Literal["tuning", "reporting"]

LOCKED = "operating_point_locked"
PROBLEM = "operating_point_problem"
MOST_BYTES = 16 * 2**20
MOST_NOTE = 1_000


@dataclass(frozen=True)
class LockedPoint:
    """One lock, with its evidence.

    id: 12 hex digits. locked: UTC, ISO 8601. data_sha256, role, figures: of the films it was chosen
    on. reported: figures on films it was not chosen on, with their name and hash; None where there
    were none. validation: figures at this threshold on the model's own validation films.
    """

    id: str
    locked: str
    point: OperatingPoint
    data_sha256: str
    role: Role
    figures: Mapping[str, Json] = field(default_factory=dict)
    reported: Mapping[str, Json] | None = None
    validation: ValidationFigures | None = None
    note: str = ""


@dataclass(frozen=True)
class History:
    """All locks of a model version, oldest first.

    active: the one in force; None: the card's own point is. problem: why the file cannot be used,
    in a sentence; then `locked` is empty and the card's own point is in force.
    """

    locked: tuple[LockedPoint, ...] = ()
    active: LockedPoint | None = None
    problem: str | None = None


def history(entry: ModelEntry) -> History:
    """What was locked for a model version, and what is in force. Damage is told, not raised."""
    try:
        return _history(entry, _content(_path(entry)))
    except ModelError as error:
        return History(problem=str(error))


def active(entry: ModelEntry) -> OperatingPoint:
    """The point in force: the last one locked or restored, else the card's own."""
    return card(entry).operating_point


def card(entry: ModelEntry, known: History | None = None) -> ModelCard:
    """The model's card with the point in force and the figures that belong to it.

    Under `other`, LOCKED holds the lock's evidence, and PROBLEM the sentence that says why locked
    points cannot be used. known: its history, if that was read already. Raises ModelError where the
    card itself is damaged.
    """
    own = entry.card
    past = history(entry) if known is None else known
    if past.problem is not None:
        return replace(own, other={**own.other, PROBLEM: past.problem})
    found = past.active
    if found is None:
        return own
    at = found.validation or ValidationFigures()
    validation = replace(
        own.validation,
        accuracy=at.accuracy,
        sensitivity=at.sensitivity,
        specificity=at.specificity,
        confusion=at.confusion,
    )
    locked = {
        "id": found.id,
        "date": found.locked,
        "data_sha256": found.data_sha256,
        "role": found.role,
        "figures": found.figures,
        "reported": cards.NOT_MEASURED if found.reported is None else found.reported,
        "note": found.note,
        "replaces": cards.plain(own.operating_point),
    }
    return replace(
        own,
        operating_point=found.point,
        validation=validation,
        other={**own.other, LOCKED: locked},
    )


def lock(
    entry: ModelEntry,
    point: OperatingPoint,
    *,
    data_sha256: str,
    role: Role,
    figures: Mapping[str, Json],
    reported: Mapping[str, Json] | None = None,
    validation: ValidationFigures | None = None,
    note: str = "",
) -> LockedPoint:
    """Put a point in force and keep all earlier ones. Safe beside other processes that lock.

    Raises ModelError for a point that no card may hold, and where the file is damaged or cannot be
    written.
    """
    cards.point(cards.plain(point), "the point to lock")
    record = {
        "action": "lock",
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "model": f"{entry.name} {entry.version}",
        "serving_sha256": entry.sums().get(registry.SERVING),
        "point": cards.plain(point),
        "data_sha256": data_sha256,
        "role": role,
        "figures": figures,
        "reported": reported,
        "validation": None if validation is None else cards.plain(validation),
        "note": note[:MOST_NOTE],
    }
    found = _append(entry, record)
    return found.locked[-1]


def restore(entry: ModelEntry, id: str | None) -> History:
    """Put an earlier point back in force; None: the card's own. Raises ModelError."""
    record = {
        "action": "restore",
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "model": f"{entry.name} {entry.version}",
        "serving_sha256": entry.sums().get(registry.SERVING),
        "id": id,
    }
    return _append(entry, record)


def move(entry: ModelEntry, renamed: ModelEntry) -> None:
    """Give a renamed model the points of the name it had."""
    old, new = _path(entry), _path(renamed)
    if old.is_file():
        new.parent.mkdir(parents=True, exist_ok=True)
        os.replace(old, new)


def forget(entry: ModelEntry) -> None:
    """Drop the points of a model that was deleted: another one may come under its name."""
    _path(entry).unlink(missing_ok=True)


def _append(entry: ModelEntry, record: Mapping[str, Json]) -> History:
    path = _path(entry)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _alone(path.with_suffix(".lock")):
            content = _content(path)
            _history(entry, content)
            grown = content + _line(record, _last_hash(content))
            # Checked before it is in force: an id to restore that is not there stops here.
            result = _history(entry, grown)
            _replace(path, grown)
    except OSError as error:
        raise ModelError(
            f"Expected a folder that can be written for operating points; received "
            f"'{error.strerror or error}'. Set CXR_HOME to a folder of your own."
        ) from error
    return result


def _history(entry: ModelEntry, content: bytes) -> History:
    """Raises ModelError where the content is damaged, or of another model."""
    locked: list[LockedPoint] = []
    current: str | None = None
    before = ""
    ours = entry.sums().get(registry.SERVING) if content else None
    for number, line in enumerate(content.splitlines(), 1):
        try:
            whole = json.loads(line)
            record, stated = whole["record"], whole["sha256"]
            if stated != _hash(record, before):
                raise ValueError("its hash does not fit")
            serving = record["serving_sha256"]
            if record["action"] == "lock":
                locked.append(_locked(record, stated))
                current = locked[-1].id
            else:
                current = record["id"]
                if current is not None and current not in {p.id for p in locked}:
                    raise _unknown(current, locked)
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise ModelError(
                f"Expected the operating points of {entry.name} {entry.version}; line {number} of "
                f"{_path(entry).name} is damaged ({str(error)[:80]}). The model's own operating "
                f"point is in force. Restore {_path(entry)} from a copy, or move it away."
            ) from error
        if serving != ours:
            raise ModelError(
                f"Expected operating points of this {entry.name} {entry.version}; line {number} of "
                f"{_path(entry).name} was locked for another file of that name and version. The "
                f"model's own operating point is in force. Move {_path(entry)} away."
            )
        before = stated
    if content and not content.endswith(b"\n"):
        raise ModelError(
            f"Expected the operating points of {entry.name} {entry.version}; the last line of "
            f"{_path(entry).name} is cut off. The model's own operating point is in force. "
            f"Restore {_path(entry)} from a copy, or move it away."
        )
    by_id = {p.id: p for p in locked}
    return History(tuple(locked), None if current is None else by_id[current])


def _locked(record: Mapping[str, Json], sha256: str) -> LockedPoint:
    validation = record["validation"]
    return LockedPoint(
        id=sha256[:12],
        locked=str(record["at"]),
        point=cards.point(record["point"], "a locked point"),
        data_sha256=str(record["data_sha256"]),
        role=record["role"],
        figures=dict(record["figures"]),
        reported=record["reported"],
        validation=None if validation is None else cards.figures(validation, "a locked point"),
        note=str(record["note"]),
    )


def _unknown(id: str, locked: list[LockedPoint]) -> ModelError:
    have = ", ".join(p.id for p in locked) or "none"
    return ModelError(
        f"Expected the id of a locked operating point ({have}); received {id[:40]!r}. "
        "Choose one of those, or the model's own."
    )


def _path(entry: ModelEntry) -> Path:
    return registry.home() / "operating_points" / entry.name / f"{entry.version}.jsonl"


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except FileNotFoundError:
        return b""
    except OSError as error:
        raise ModelError(
            f"Expected operating points that can be read; received '{error.strerror or error}'. "
            f"The model's own operating point is in force. Check {path}."
        ) from error
    if len(content) > MOST_BYTES:
        raise ModelError(
            f"Expected up to {MOST_BYTES // 2**20} MB of operating points; received more. "
            f"The model's own operating point is in force. Move {path} away."
        )
    return content


def _line(record: Mapping[str, Json], before: str) -> bytes:
    text = json.dumps(
        {"record": record, "sha256": _hash(record, before)}, ensure_ascii=False, allow_nan=False
    )
    return f"{text}\n".encode()


def _hash(record: Mapping[str, Json], before: str) -> str:
    text = json.dumps(record, sort_keys=True, ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(f"{before}\n{text}".encode()).hexdigest()


def _last_hash(content: bytes) -> str:
    lines = content.splitlines()
    return str(json.loads(lines[-1])["sha256"]) if lines else ""


@contextlib.contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Until the block ends, no other process or thread is in a block of the same path."""
    import fcntl

    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _replace(path: Path, content: bytes) -> None:
    """The old content or the new, never half of it, whenever power fails."""
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
