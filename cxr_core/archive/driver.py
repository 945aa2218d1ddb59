"""The process that has a Ray cluster read films: `python -m cxr_core.archive.driver FD`.

What to read comes as JSON on its standard input; rows go to FD, one JSON object a line, and at the
end 'done' or 'error'. Only paths travel to the workers: they see the films themselves.
"""

from __future__ import annotations

import json
import os
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import pyarrow as pa
import ray
import ray.data

from cxr_core import batch, cluster, registry
from cxr_core.archive._rows import KEYS, Row, row_of
from cxr_core.archive.parquet import SCHEMA
from cxr_core.batch import Source
from cxr_core.errors import ClusterError, CxrError
from cxr_core.serve import Model

# Files a worker is given at once: a second's work, so that a lost one costs little.
AT_ONCE = 64
# Times that a worker which died is replaced: a film that ends its reader would end each of them.
REPLACED = 3
MEMORY = 512 * 2**20

# File names are bytes: on their way here they need not be text.
RAW = {"file": pa.binary(), "reasons": pa.list_(pa.binary()), "source": pa.binary()}
PACKED = pa.schema({column.name: RAW.get(column.name, column.type) for column in SCHEMA})


class Reader:
    """One worker: a LiteRT model of its own, one thread."""

    def __init__(self, name: str, version: str, frame: int, show_anyway: bool) -> None:
        self._model = Model.load(registry.find(name, version), interpreters=1)
        self._how: dict[str, Any] = {"jobs": 1, "frame": frame, "show_anyway": show_anyway}

    def __call__(self, films: pa.Table) -> pa.Table:
        """films: given and path, bytes of both, and error. Rows of a source come together."""
        asked = films.to_pylist()
        given = {os.fsdecode(row["path"]): os.fsdecode(row["given"]) for row in asked}
        sources = [Source(os.fsdecode(row["path"]), row["error"]) for row in asked]
        rows = [row_of(i, self._model) for i in batch.read_all(sources, self._model, **self._how)]
        packed = [
            _packed(row, given[row.source] + row.values["file"][len(row.source) :]) for row in rows
        ]
        return pa.Table.from_pylist(packed, PACKED)


def main(channel: int) -> None:
    """Answer one request; every end is told."""
    with os.fdopen(channel, "w") as told:
        try:
            asked = json.load(sys.stdin)
            cluster.connect(asked["where"])
            sources = [Source(**source) for source in asked["sources"]]
            for row in _rows(sources, asked):
                told.write(json.dumps(asdict(row)) + "\n")
                told.flush()
            end: Mapping[str, object] = {"done": True}
        except CxrError as error:
            end = {"error": str(error)}
        except Exception as error:
            # Whatever Ray raises.
            end = {"error": _sentence(error)}
        told.write(json.dumps(end) + "\n")


def _rows(sources: Sequence[Source], asked: Mapping[str, Any]) -> Iterator[Row]:
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.execution_options.preserve_order = asked["keep_order"]
    machines = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    most = int(sum(machine.get("CPU", 0) for machine in machines))
    if most == 0:
        raise ClusterError(
            "Expected a cluster with processors; received one that has none. Add a machine: "
            "`ray start --address=HEAD:6379`."
        )
    films = [
        {
            "given": os.fsencode(source.name),
            "path": os.fsencode(os.path.abspath(source.name)),
            "error": source.error,
        }
        for source in sources
    ]
    # Few films are shared out as well; each worker gets several turns, as films differ.
    turns = max(-(-len(films) // AT_ONCE), min(len(films), 4 * most))
    workers = min(most, turns)
    with warnings.catch_warnings():
        # Of the one way that this version has to say how often a worker is replaced.
        warnings.simplefilter("ignore", DeprecationWarning)
        table = ray.data.from_items(films, override_num_blocks=turns).map_batches(
            Reader,
            batch_size=None,
            batch_format="pyarrow",
            compute=ray.data.ActorPoolStrategy(min_size=1, max_size=workers, initial_size=workers),
            fn_constructor_args=tuple(
                asked[key] for key in ("name", "version", "frame", "show_anyway")
            ),
            num_cpus=1,
            memory=MEMORY,
            max_restarts=REPLACED,
            runtime_env={"env_vars": cluster.passed()},
        )
    for block in table.iter_batches(batch_size=None, batch_format="pyarrow", prefetch_batches=0):
        yield from (_unpacked(row) for row in block.to_pylist())


def _packed(row: Row, given: str) -> dict[str, Any]:
    reasons = [os.fsencode(reason) for reason in row.values["reasons"]]
    named = {"file": os.fsencode(given), "reasons": reasons, "source": os.fsencode(row.source)}
    return dict(row.values) | {"finding": row.finding} | named


def _unpacked(row: dict[str, Any]) -> Row:
    values = {key: row[key] for key in KEYS}
    values["file"] = os.fsdecode(row["file"])
    values["reasons"] = [os.fsdecode(reason) for reason in row["reasons"]]
    return Row(values, row["finding"], os.fsdecode(row["source"]))


def _sentence(error: Exception) -> str:
    cause = getattr(error, "cause", None) or error
    if isinstance(cause, CxrError):
        return str(cause)
    said = (str(cause).strip().splitlines() or [""])[0][:200]
    return (
        f"Expected the cluster to read every film; received {type(cause).__name__}: {said!r}. "
        "Check `ray status`, and that each machine has the program, the model and the films at the "
        "same paths; then run the command again."
    )


if __name__ == "__main__":
    main(int(sys.argv[1]))
