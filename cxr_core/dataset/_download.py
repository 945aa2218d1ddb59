"""Public data sets → a folder: disk space checked first, resumed after a cut, sums recorded."""

from __future__ import annotations

import hashlib
import http.client
import os
import shutil
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from cxr_core.errors import ConfigError, DataError

SUMS = "SHA256SUMS"
CHUNK = 2**18
TIMEOUT = 30.0
# Room that a disk should keep beside what is fetched.
SPARE = 256 * 2**20


@dataclass(frozen=True)
class RemoteFile:
    """One file: where it is fetched from, its place in the folder, and its MD5 where published."""

    path: str
    url: str
    md5: str | None = None


@dataclass(frozen=True)
class Downloadable:
    """A public data set. megabytes: about, to say before it starts."""

    name: str
    title: str
    source: str
    licence: str
    megabytes: int
    files: tuple[RemoteFile, ...]


@dataclass(frozen=True)
class Progress:
    """Bytes of all files so far and in all; resumed: some of them lay there already."""

    file: str
    done: int
    total: int
    resumed: bool = False


_TENSORFLOW = "https://storage.googleapis.com/download.tensorflow.org/data/ChestXRay2017"
_KERMANY = "Kermany et al., Cell 2018, doi 10.1016/j.cell.2018.02.010; data doi 10.17632/rscbjbr9sj"
SETS: tuple[Downloadable, ...] = (
    Downloadable(
        "chestxray2017",
        "Chest X-ray pneumonia set as TFRecords, 5,232 + 624 films at full size",
        _KERMANY,
        "CC BY 4.0",
        1200,
        tuple(
            RemoteFile(f"{side}/{file}", f"{_TENSORFLOW}/{side}/{file}")
            for side in ("train", "test")
            for file in ("paths.tfrec", "images.tfrec")
        ),
    ),
    Downloadable(
        "pneumoniamnist",
        "The same films at 224 pixels from MedMNIST+, 4,708 + 524 + 624",
        f"Yang et al., Scientific Data 2023, doi 10.1038/s41597-022-01721-8; from {_KERMANY}",
        "CC BY 4.0",
        214,
        (
            RemoteFile(
                "pneumoniamnist_224.npz",
                "https://zenodo.org/records/10519652/files/pneumoniamnist_224.npz?download=1",
                "d6a3c71de1b945ea11211b03746c1fe1",
            ),
        ),
    ),
)


def downloadable(name: str) -> Downloadable:
    """The data set of that name. Raises ConfigError."""
    for row in SETS:
        if row.name == name:
            return row
    known = ", ".join(s.name for s in SETS)
    raise ConfigError(f"Expected a data set out of {known}; received {name!r}. Choose one.")


def download(
    what: Downloadable,
    folder: Path,
    on_progress: Callable[[Progress], None] = lambda progress: None,
    *,
    attempts: int = 5,
    wait: float = 1.0,
) -> Path:
    """Fetch every file that is not there whole, and record each one's sha256.

    What was cut off goes on where it stopped, also in a later call, as long as the server still
    has the same file. attempts: without progress in between; wait: seconds before the second,
    doubled each time. An exception from on_progress ends it and keeps what has come. Raises
    DataError for too little disk space, a server that keeps failing, or a checksum that differs.
    """
    folder.mkdir(parents=True, exist_ok=True)
    sums = _read_sums(folder)
    missing = [f for f in what.files if not _is_whole(folder / f.path, sums.get(f.path))]
    sizes = {f.path: _retried(partial(_size, f.url), attempts, wait) for f in missing}
    there = sum((folder / f.path).stat().st_size for f in what.files if f not in missing)
    total = there + sum(sizes.values())
    partly = {f.path: _part(folder / f.path) for f in missing}
    have = sum(p.stat().st_size for p in partly.values() if p.exists())
    _check_space(folder, sum(sizes.values()) - have)
    done = there
    for file in missing:
        before = done
        target = folder / file.path
        target.parent.mkdir(parents=True, exist_ok=True)

        def tell(count: int, resumed: bool, path: str = file.path, before: int = before) -> None:
            on_progress(Progress(path, before + count, total, resumed))

        part = _fetch(file, target, sizes[file.path], tell, attempts, wait)
        sums[file.path] = _checked(part, file)
        os.replace(part, target)
        part.with_suffix(".tag").unlink(missing_ok=True)
        _write_sums(folder, sums)
        done += sizes[file.path]
    on_progress(Progress("", total, total))
    return folder


def _fetch(
    file: RemoteFile,
    target: Path,
    size: int,
    tell: Callable[[int, bool], None],
    attempts: int,
    wait: float,
) -> Path:
    part = _part(target)
    failures = 0
    while True:
        before = part.stat().st_size if part.exists() else 0
        if before == size:
            return part
        try:
            _stream(file.url, part, size, tell)
        except (OSError, http.client.HTTPException) as error:
            if isinstance(error, OSError) and error.errno is not None and _is_disk(error):
                raise DataError(
                    f"Expected room for {size / 1e6:,.0f} MB; the disk is full or read-only. "
                    "Free some, then start again: what has come is kept."
                ) from error
            after = part.stat().st_size if part.exists() else 0
            # Progress, however little, is worth going on for.
            failures = 0 if after > before else failures + 1
            if failures >= attempts:
                raise _unreachable(error) from error
            time.sleep(min(30.0, wait * 2**failures))


def _stream(url: str, part: Path, size: int, tell: Callable[[int, bool], None]) -> None:
    """Append what is missing. A server whose file has changed makes it start anew."""
    tag_file = part.with_suffix(".tag")
    have = part.stat().st_size if part.exists() else 0
    tag = tag_file.read_text() if tag_file.exists() else ""
    headers = {"User-Agent": "cxr-workbench", "Accept-Encoding": "identity"}
    if 0 < have < size and tag:
        headers |= {"Range": f"bytes={have}-", "If-Range": tag}
    with urllib.request.urlopen(
        urllib.request.Request(url, headers=headers), timeout=TIMEOUT
    ) as answer:
        goes_on = answer.status == 206 and str(answer.headers.get("Content-Range", "")).startswith(
            f"bytes {have}-"
        )
        if not goes_on:
            have = 0
            tag_file.write_text(answer.headers.get("ETag") or "")
        with part.open("ab" if goes_on else "wb") as out:
            came = have
            while chunk := answer.read(CHUNK):
                out.write(chunk)
                came += len(chunk)
                tell(came, goes_on)
        if came < size:
            raise http.client.IncompleteRead(b"", size - came)
        if came > size:
            part.unlink()
            raise http.client.HTTPException("more bytes than were announced")


def _size(url: str) -> int:
    request = urllib.request.Request(url, method="HEAD", headers={"User-Agent": "cxr-workbench"})
    with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:
        length = answer.headers.get("Content-Length")
    if not length:
        raise DataError(
            "Expected a server that says how long its file is; received none. Try again later."
        )
    return int(length)


def _retried(call: Callable[[], int], attempts: int, wait: float) -> int:
    for k in range(attempts):
        try:
            return call()
        except (OSError, http.client.HTTPException) as error:
            if k + 1 == attempts or isinstance(error, urllib.error.HTTPError):
                raise _unreachable(error) from error
            time.sleep(min(30.0, wait * 2**k))
    raise AssertionError("attempts is at least 1")


def _checked(part: Path, file: RemoteFile) -> str:
    sha256, md5 = hashlib.sha256(), hashlib.md5(usedforsecurity=False)
    with part.open("rb") as stream:
        while chunk := stream.read(2**20):
            sha256.update(chunk)
            md5.update(chunk)
    if file.md5 and md5.hexdigest() != file.md5:
        part.unlink()
        raise DataError(
            f"Expected {file.path} with MD5 {file.md5[:12]}…; received {md5.hexdigest()[:12]}…. "
            "It was removed: start the download again."
        )
    return sha256.hexdigest()


def _is_whole(path: Path, expected: str | None) -> bool:
    if expected is None or not path.is_file():
        return False
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == expected


def _check_space(folder: Path, wanted: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < wanted + SPARE:
        raise DataError(
            f"Expected {(wanted + SPARE) / 1e6:,.0f} MB of free disk space; found "
            f"{free / 1e6:,.0f} MB. Free some, or choose another folder."
        )


def _read_sums(folder: Path) -> dict[str, str]:
    path = folder / SUMS
    if not path.exists():
        return {}
    pairs = (line.split(maxsplit=1) for line in path.read_text().splitlines() if line.strip())
    return {name.strip(): digest for digest, name in pairs}


def _write_sums(folder: Path, sums: dict[str, str]) -> None:
    temporary = folder / f".{SUMS}.part"
    temporary.write_text("".join(f"{d}  {n}\n" for n, d in sorted(sums.items())))
    os.replace(temporary, folder / SUMS)


def _part(target: Path) -> Path:
    return target.with_name(target.name + ".part")


def _is_disk(error: OSError) -> bool:
    import errno

    return error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS)


def _unreachable(error: BaseException) -> DataError:
    what = (
        f"HTTP {error.code}" if isinstance(error, urllib.error.HTTPError) else type(error).__name__
    )
    return DataError(
        f"Expected the data set's server to answer; received {what} again and again. Check the "
        "connection and start again: what has come is kept."
    )
