"""Films read by a real Ray cluster of two machines, both of them this one; one is killed."""

from __future__ import annotations

import importlib.util
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from cxr_core.cli import main
from tests import films

pytestmark = [
    pytest.mark.slow,
    pytest.mark.usefixtures("model_entry"),
    pytest.mark.skipif(
        importlib.util.find_spec("ray") is None,
        reason="no Ray: pip install -r requirements-ray.txt",
    ),
]


@pytest.fixture(scope="module")
def machines() -> Iterator[Any]:
    """A head that reads nothing, and two machines with a processor each."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    from ray.cluster_utils import Cluster

    alone = {"include_dashboard": False}
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, **alone})
    nodes = [cluster.add_node(num_cpus=1, memory=2 * 2**30, **alone) for _ in range(2)]
    yield cluster, nodes
    cluster.shutdown()


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three hundred drawn films, an archive, a file that is none and a name that is no text."""
    folder = tmp_path_factory.mktemp("films")
    contents = [films.png(films.chest(224, 224, seed=k)) for k in range(6)]
    for k in range(300):
        (folder / f"{k:03d}.png").write_bytes(contents[k % 6])
    (folder / "broken.png").write_bytes(b"x")
    (folder / "pair.zip").write_bytes(films.archive({"a.png": contents[0], "b.png": contents[1]}))
    Path(os.fsdecode(os.fsencode(folder) + b"/\xff.png")).write_bytes(contents[2])
    return folder


def test_a_cluster_says_what_one_process_says_in_the_same_order(
    machines: Any, source: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    paths = [str(p) for p in sorted(source.iterdir())[:12]] + [str(source / "pair.zip"), "none.png"]
    told = []
    for where in ("", machines[0].address):
        monkeypatch.setenv("CXR_RAY_ADDRESS", where)
        assert main(["predict", *paths, "--json"]) == 1
        lines = capsys.readouterr().out.splitlines()
        told.append([json.loads(line) | {"elapsed_ms": None} for line in lines])
    assert told[0] == told[1]
    assert len(told[0]) == 15


def test_a_machine_killed_meanwhile_costs_no_film(machines: Any, source: Path) -> None:
    from cxr_core import batch, registry
    from cxr_core.archive.on_ray import films_on_cluster

    cluster, nodes = machines
    sources = batch.find([str(source)])
    rows = films_on_cluster(sources, registry.find(), cluster.address, keep_order=False)
    read = [next(rows)]
    cluster.remove_node(nodes[0], allow_graceful=False)
    read += rows
    assert len(read) == 304
    assert {row.source for row in read} == {os.path.abspath(s.name) for s in sources}


def test_a_cluster_that_does_not_answer_is_told_and_nothing_is_lost(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    first, out = str(source / "000.png"), str(tmp_path / "out")
    assert main(["predict", first, "--parquet", out]) == 0
    monkeypatch.setenv("CXR_RAY_ADDRESS", "127.0.0.1:1")
    assert main(["predict", str(source), "--parquet", out]) == 2
    assert "Expected the Ray cluster to answer" in capsys.readouterr().err
    assert pd.read_parquet(out)["file"].tolist() == [first]
