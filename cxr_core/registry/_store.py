"""Models on disk: versions, hashes, cards.

A model is a folder `<root>/<name>/<version>/` of the files named in FILES and a SHA256SUMS that
`sha256sum -c` understands. Folders appear whole or not at all, and no other file is ever opened.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from cxr_core import card as cards
from cxr_core.card import ModelCard
from cxr_core.errors import ModelError

DEFAULT_MODEL = "pneumonia-mobilenetv2"
CARD = "card.json"
SERVING = "serving.tflite"
GATE = "gate.npz"
KERAS = "model.keras"
SCORES = "scores.csv"
SUMS = "SHA256SUMS"
FILES = (KERAS, SERVING, GATE, CARD, SCORES)
SHIPPED = Path(__file__).resolve().parents[2] / "assets" / "models"

_MAX_TEXT = 4 * 2**20
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}", re.ASCII)
# semver.org 2.0.0 without build metadata.
_VERSION = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(?:-([0-9A-Za-z.-]+))?", re.ASCII)
_SUM_LINE = re.compile(r"([0-9a-f]{64}) [ *](\S+)", re.ASCII)


@dataclass(frozen=True)
class ModelEntry:
    """Where one model version lies. shipped: it came with the program, not from `$CXR_HOME`."""

    name: str
    version: str
    folder: Path
    shipped: bool = False

    @property
    def card(self) -> ModelCard:
        """Read `card.json`. Raises ModelError where it is damaged or of another model."""
        card = cards.loads(_read_text(self.path(CARD)), f"{self.name} {self.version}'s {CARD}")
        if (card.name, card.version) != (self.name, self.version):
            raise ModelError(
                f"Expected the card of {self.name} {self.version}; received that of "
                f"{card.name} {card.version}. Copy the model's folder again."
            )
        return card

    def path(self, filename: str) -> Path:
        """The path of one of FILES. Raises ModelError for other names, or where it is missing."""
        if filename not in (*FILES, SUMS):
            raise ModelError(
                f"Expected one of {', '.join(FILES)}; received {filename!r}. "
                "A model folder's other files are never opened."
            )
        path = self.folder / filename
        if path.is_symlink() or not path.is_file():
            raise ModelError(
                f"Expected a file {filename} of {self.name} {self.version}; found none. "
                "Copy the model's folder again from where it came from."
            )
        return path

    def sums(self) -> dict[str, str]:
        """File name → sha256 as SHA256SUMS states them. Raises ModelError where it is damaged."""
        result: dict[str, str] = {}
        for line in _read_text(self.path(SUMS)).splitlines():
            match = _SUM_LINE.fullmatch(line)
            if not match or match[2] not in FILES:
                raise ModelError(
                    f"Expected lines 'sha256  file' for {', '.join(FILES)} in {SUMS} of "
                    f"{self.name} {self.version}; received {line[:80]!r}. "
                    "Copy the model's folder again from where it came from."
                )
            result[match[2]] = match[1]
        return result

    def read(self, filename: str) -> bytes:
        """The bytes of one file, checked against SHA256SUMS. Raises ModelError."""
        content = self.path(filename).read_bytes()
        expected = self.sums().get(filename)
        received = hashlib.sha256(content).hexdigest()
        if received != expected:
            raise ModelError(_damaged(self, filename, expected, received))
        return content


def home() -> Path:
    """Where models that were trained here lie: `$CXR_HOME`, or below the user's data folder."""
    return Path(os.environ.get("CXR_HOME") or Path.home() / ".local/share/cxr-workbench")


def roots() -> tuple[Path, ...]:
    """The shipped models' folder, then the user's."""
    return SHIPPED, home() / "models"


def version_key(version: str) -> tuple[int, int, int, tuple[tuple[int, int, str], ...]]:
    """Sorts versions by precedence (semver.org 2.0.0, rule 11). Raises ModelError."""
    match = _VERSION.fullmatch(version)
    if not match or (match[4] is not None and "" in match[4].split(".")):
        raise ModelError(
            f"Expected a version such as 1.0.0 or 1.1.0-rc.1; received {version!r}. "
            "Give three numbers with dots between."
        )
    major, minor, patch = int(match[1]), int(match[2]), int(match[3])
    if match[4] is None:
        return major, minor, patch, ((2, 0, ""),)
    parts = tuple((0, int(p), "") if p.isdigit() else (1, 0, p) for p in match[4].split("."))
    return major, minor, patch, parts


def list_models(among: Sequence[Path] | None = None) -> tuple[ModelEntry, ...]:
    """Every model version below the roots, shipped ones first, each name's latest version first.

    A folder with a damaged card is listed too; `verify` says what is wrong with it.
    """
    found: list[ModelEntry] = []
    for root in roots() if among is None else among:
        for name in _folders(root, _NAME):
            versions = [v.name for v in _folders(name, _VERSION)]
            for version in sorted(versions, key=version_key, reverse=True):
                folder = name / version
                found.append(ModelEntry(name.name, version, folder, root == SHIPPED))
    return tuple(found)


def verify(entry: ModelEntry) -> tuple[str, ...]:
    """Every problem of a model's folder in words: damaged, missing, extra; empty if it is whole."""
    if not entry.folder.is_dir():
        return (f"the folder of {entry.name} {entry.version} is missing",)
    try:
        sums = entry.sums()
    except ModelError as error:
        return (str(error),)
    problems: list[str] = []
    for filename in FILES:
        if filename not in sums:
            problems.append(f"{filename} is not listed in {SUMS}")
    for filename, expected in sums.items():
        try:
            received = file_sha256(entry.path(filename))
        except (ModelError, OSError):
            problems.append(f"{filename} is missing")
            continue
        if received != expected:
            problems.append(_damaged(entry, filename, expected, received))
    allowed = {*sums, SUMS}
    for path in sorted(entry.folder.iterdir()):
        if path.name not in allowed:
            problems.append(f"{path.name} is extra: {SUMS} does not list it")
    try:
        _ = entry.card
    except ModelError as error:
        problems.append(str(error))
    return tuple(problems)


def write(
    card: ModelCard, files: Mapping[str, Path | bytes], root: Path | None = None
) -> ModelEntry:
    """Store a new model version whole: written beside its place, synced, then renamed.

    files: contents of, or paths to, every one of FILES but card.json. root: `$CXR_HOME/models`
    unless given. Raises ModelError for a name, version or file that does not fit, and where that
    version exists already: versions are never overwritten.
    """
    check_name(card.name)
    version_key(card.version)
    expected = set(FILES) - {CARD}
    if set(files) != expected:
        raise ModelError(
            f"Expected the files {', '.join(sorted(expected))}; received "
            f"{', '.join(sorted(files)) or 'none'}. Give each of them once."
        )
    text = cards.dumps(card)
    cards.loads(text)
    root = home() / "models" if root is None else root
    folder = root / card.name / card.version
    entry = ModelEntry(card.name, card.version, folder, root == SHIPPED)
    if folder.exists():
        raise _exists(entry)
    folder.parent.mkdir(parents=True, exist_ok=True)
    # A leading dot keeps an unfinished folder out of every listing.
    temporary = Path(tempfile.mkdtemp(prefix=f".{card.version}-", dir=folder.parent))
    try:
        lines = []
        for filename in FILES:
            content = text.encode() if filename == CARD else files[filename]
            lines.append(f"{_store(temporary / filename, content)}  {filename}\n")
        _store(temporary / SUMS, "".join(lines).encode())
        temporary.chmod(0o755)
        _sync(temporary)
        try:
            temporary.rename(folder)
        except OSError as error:
            raise (_exists(entry) if folder.exists() else error) from error
        _sync(folder.parent)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return entry


def check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise ModelError(
            "Expected a model name of small letters, digits, '-' and '_', up to 64; "
            f"received {name[:80]!r}. Choose another name."
        )


def _folders(root: Path, pattern: re.Pattern[str]) -> Iterator[Path]:
    if root.is_dir():
        yield from sorted(p for p in root.iterdir() if pattern.fullmatch(p.name) and p.is_dir())


def _read_text(path: Path) -> str:
    with path.open("rb") as file:
        content = file.read(_MAX_TEXT + 1)
    try:
        if len(content) > _MAX_TEXT:
            raise ValueError("over 4 MB")
        return content.decode()
    except ValueError as error:
        raise ModelError(
            f"Expected up to 4 MB of UTF-8 text in {path.name}; received other content. "
            "Copy the model's folder again from where it came from."
        ) from error


def file_sha256(path: Path) -> str:
    """Of a file's content, hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _store(path: Path, content: Path | bytes) -> str:
    digest = hashlib.sha256()
    with path.open("xb") as target:
        for chunk in _chunks(content):
            digest.update(chunk)
            target.write(chunk)
        target.flush()
        os.fsync(target.fileno())
    path.chmod(0o644)
    return digest.hexdigest()


def _chunks(content: Path | bytes) -> Iterator[bytes]:
    if isinstance(content, bytes):
        yield content
        return
    source: BinaryIO
    with content.open("rb") as source:
        while chunk := source.read(2**20):
            yield chunk


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _damaged(entry: ModelEntry, filename: str, expected: str | None, received: str) -> str:
    if expected is None:
        return (
            f"Expected {filename} of {entry.name} {entry.version} in {SUMS}; found no line for it. "
            "Copy the model's folder again from where it came from."
        )
    return (
        f"{filename} of {entry.name} {entry.version} is damaged. Expected sha256 {expected[:12]}…; "
        f"received {received[:12]}…. Copy the file again from where it came from."
    )


def _exists(entry: ModelEntry) -> ModelError:
    return ModelError(
        f"Expected a new version of {entry.name}; {entry.version} exists already. "
        "Raise the version: a stored model is never overwritten."
    )
