"""Films read on every machine of a Ray cluster at once, as the terminal sees it: it loads no Ray.

A process that is connected to a cluster ends when the cluster does, and Ray prints what it likes.
So a process of its own talks to the cluster, `cxr_core.archive.driver`, and hands over rows.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict

from cxr_core import cluster
from cxr_core.archive._rows import Row
from cxr_core.batch import Source
from cxr_core.errors import ClusterError
from cxr_core.registry import ModelEntry


def films_on_cluster(
    sources: Sequence[Source],
    entry: ModelEntry,
    where: str,
    *,
    frame: int = 0,
    show_anyway: bool = False,
    keep_order: bool = True,
) -> Iterator[Row]:
    """Rows of films read by the cluster at `where`, as they come or in order. Raises ClusterError.

    Every machine must have the program, the model and the films at the same paths.
    """
    asked = {
        "where": where,
        "name": entry.name,
        "version": entry.version,
        "frame": frame,
        "show_anyway": show_anyway,
        "keep_order": keep_order,
        "sources": [asdict(source) for source in sources],
    }
    ours, theirs = os.pipe()
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "cxr_core.archive.driver", str(theirs)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, **cluster.passed()},
        pass_fds=(theirs,),
        # An interrupt from the keyboard is for this process, which ends that one.
        start_new_session=True,
        text=True,
    )
    os.close(theirs)
    try:
        assert process.stdin is not None
        with contextlib.suppress(BrokenPipeError), process.stdin as file:
            # JSON escapes the bytes of a file name that are no text.
            json.dump(asked, file)
        with os.fdopen(ours) as channel:
            yield from _told(channel)
    finally:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(10)
        process.kill()
        process.wait()


def _told(lines: Iterator[str]) -> Iterator[Row]:
    for line in lines:
        said = json.loads(line)
        if "error" in said:
            raise ClusterError(said["error"])
        if "done" in said:
            return
        yield Row(**said)
    raise ClusterError(
        "Expected the cluster to read every film; it went away meanwhile. Check `ray status`, then "
        "run the command again."
    )
