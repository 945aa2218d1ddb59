"""A record's bytes, wherever they lie; and a hash over all of them."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeAlias

from PIL import Image

from cxr_core.dataset._npz import read_array
from cxr_core.dataset._records import FilmRecord
from cxr_core.dataset._tfrecord import read_record

# A film's own file, or the encoded picture out of a file of many.
MemberFile: TypeAlias = Path | bytes


def content(record: FilmRecord) -> MemberFile:
    """What `image.read` or `image.decode` takes. An array becomes a PNG, without loss.

    Raises DataError where a record is damaged, OSError where its file is gone.
    """
    if record.member is None:
        return record.path
    if record.path.suffix == ".npz":
        stream = io.BytesIO()
        array = read_array(record.path, record.film_id, record.member)
        Image.fromarray(array).save(stream, "PNG", compress_level=0)
        return stream.getvalue()
    return read_record(record.path, record.member)


def data_hash(
    records: Sequence[FilmRecord], on_progress: Callable[[int, int], None] | None = None
) -> str:
    """sha256 over film ids and file contents, in order of the ids."""
    digest = hashlib.sha256()
    for i, record in enumerate(sorted(records, key=lambda r: r.film_id)):
        found = content(record)
        raw = found.read_bytes() if isinstance(found, Path) else found
        digest.update(f"{record.film_id}\t{hashlib.sha256(raw).hexdigest()}\n".encode())
        if on_progress and i % 256 == 0:
            on_progress(i, len(records))
    return digest.hexdigest()
