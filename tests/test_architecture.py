"""The import rules of the house, read from the source: any edge that is not listed fails."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parent.parent
MOST_LINES = {"cxr_core": 350, "pages": 350, "benchmarks": 350, "tests": 400}

# Who may import what of the package, at any depth of a function. Serving: image → quality →
# preprocess → serve → explain → reading → pages. Training: dataset → features → classifier →
# train → registry. errors, schema, backbones and preprocess are shared by both.
ALLOWED = {
    "errors": set(),
    "schema": set(),
    "backbones": {"errors"},
    "graph": {"errors"},
    "architectures": {"errors", "graph"},
    "zoo": {"errors", "architectures", "graph"},
    "tally": {"architectures", "graph"},
    "transformations": {"preprocess"},
    "advice": set(),
    "mistakes": {"errors", "operating"},
    "rehearsal": {
        "errors", "backbones", "classifier", "dataset", "image", "jobs", "mistakes", "preprocess",
    },
    # Networks opened up for a lecture, in a process of its own.
    "inside": {
        "errors", "architectures", "explain", "graph", "preprocess", "registry", "zoo",
    },
    "workroom": {"errors", "explain", "graph", "inside"},
    "preprocess": {"errors", "schema"},
    # Serving.
    "image": {"errors", "schema"},
    "gate": {"errors"},
    "quality": {"errors", "schema", "gate", "preprocess"},
    "card": {"errors", "schema"},
    "registry": {"errors", "schema", "card"},
    # Names what it runs by strings, and imports none of it.
    "jobs": {"errors", "cluster", "registry"},
    "cluster": {"errors", "registry"},
    "points": {"errors", "schema", "card", "registry"},
    "serve": {"errors", "schema", "card", "gate", "points", "preprocess", "registry"},
    "explain": {"errors", "schema", "graph", "preprocess", "zoo"},
    "reading": {"errors", "schema", "explain", "image", "preprocess", "quality", "serve"},
    "batch": {"errors", "schema", "image", "reading", "serve", "worklist"},
    "archive": {"errors", "batch", "cluster", "registry", "serve", "worklist"},
    # Shown to a reader.
    "worklist": {"schema"},
    "display": {"schema", "explain", "preprocess"},
    "snapshot": {"schema"},
    "paper": set(),
    "report": {"schema", "paper", "worklist"},
    "figures": {"schema", "explain", "graph", "operating"},
    "phantom": {"preprocess"},
    # Training.
    "augmentation": set(),
    "methods": {
        "errors", "architectures", "augmentation", "backbones", "preprocess", "registry",
    },
    "dataset": {"errors", "image", "preprocess"},
    "features": {"errors", "schema", "dataset", "image", "preprocess"},
    "batches": {"augmentation", "features"},
    # zoo: stored networks may hold its layers.
    "classifier": {"errors", "backbones", "zoo"},
    "foreign_graph": {"classifier"},
    "evaluate": {"errors", "schema"},
    # Backbones side by side: what pages read, and what a job measures.
    "comparison": {"errors", "schema", "backbones", "registry"},
    "measure": {
        "errors", "backbones", "classifier", "comparison", "dataset", "evaluate", "features",
        "jobs", "preprocess", "registry",
    },
    "threshold": {"errors", "schema", "card", "evaluate"},
    "train": {
        "errors", "augmentation", "backbones", "batches", "classifier", "evaluate", "explain",
        "preprocess",
    },
    "recipe": {"preprocess", "train"},
    "describe": {
        "card", "classifier", "dataset", "evaluate", "features", "preprocess", "recipe",
        "threshold", "train",
    },
    "release": {
        "errors", "backbones", "batches", "card", "classifier", "dataset", "describe", "features",
        "gate", "image", "preprocess", "recipe", "registry", "serve", "threshold", "train",
    },
    "fine_tuning": {
        "errors", "architectures", "augmentation", "backbones", "batches", "card", "classifier",
        "dataset", "describe", "evaluate", "features", "jobs", "methods", "preprocess", "registry",
        "release", "threshold", "zoo",
    },
    # Choosing a threshold, and what it is worth.
    "operating": {
        "errors", "schema", "card", "evaluate", "paper", "points", "registry", "threshold",
    },
    "scoring": {
        "errors", "batch", "dataset", "jobs", "operating", "registry", "serve", "worklist",
    },
    # Stored models as a person arranges them, and as files from and to elsewhere.
    "keras_file": {"errors"},
    "adopt": {
        "errors", "augmentation", "batches", "card", "classifier", "dataset", "features",
        "foreign_graph", "jobs", "keras_file", "preprocess", "registry", "release", "train",
    },
    "export": {
        "errors", "backbones", "card", "classifier", "dataset", "evaluate", "image", "jobs",
        "operating", "preprocess", "registry", "serve",
    },
    "shelf": {"errors", "card", "points", "registry"},
    # The terminal, which reaches both; training only inside `train`.
    "cli": {
        "errors", "schema", "adopt", "archive", "batch", "card", "cluster", "comparison",
        "dataset", "display", "evaluate", "export", "fine_tuning", "image", "jobs", "methods",
        "measure", "operating", "points", "recipe", "registry", "release", "serve", "shelf",
        "snapshot", "train", "worklist",
    },
    "__main__": {"cli"},
    "__init__": set(),
}  # fmt: skip

# Who may import these from outside the package, and nobody else. What stands under
# `if TYPE_CHECKING:` is never imported when the program runs, and is not counted here.
ONLY = {
    "streamlit": {"app", "pages"},
    "plotly": {"figures"},
    "tensorflow": {
        "batches",
        "features",
        "classifier",
        "zoo",
        "train",
        "explain",
        "fine_tuning",
        "measure",
        "rehearsal",
    },
    # graph: Keras networks taken apart, for zoo, explain and inside alike.
    "keras": {
        "features",
        "foreign_graph",
        "classifier",
        "graph",
        "inside",
        "rehearsal",
        "zoo",
        "train",
        "explain",
        "fine_tuning",
        "measure",
    },
    "tf_explain": {"explain"},
    "sqlalchemy": {"jobs"},
    "ray": {"archive", "cluster", "jobs"},
    "pyarrow": {"archive"},
}
SOURCES = sorted(
    [*ROOT.glob("cxr_core/**/*.py"), *ROOT.glob("pages/**/*.py"), *ROOT.glob("app.py")]
)


class Edge(NamedTuple):
    """One import: from a part of the product to a top-level package, or a part of cxr_core."""

    source: str
    target: str
    inside: bool
    line: str
    name: str
    for_types: bool


def part(path: Path) -> str:
    """'image' for cxr_core/image.py and cxr_core/image/_dicom.py; 'pages' for a page; 'app'."""
    names = path.relative_to(ROOT).with_suffix("").parts
    return names[1] if names[0] == "cxr_core" else names[0]


def edges(path: Path) -> Iterator[Edge]:
    """Every import of a file, wherever it stands in it."""
    tree = ast.parse(path.read_text())
    for_types = {
        inner
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for statement in node.body
        for inner in ast.walk(statement)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: relative import; name the whole path"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            top, *rest = name.split(".")
            inside = top == "cxr_core" and bool(rest)
            # `from cxr_core import __version__` reaches the package itself.
            target = rest[0] if inside and _is_part(rest[0]) else "__init__" if inside else top
            yield Edge(
                part(path),
                target,
                inside,
                f"{path.relative_to(ROOT)}:{node.lineno}",
                name,
                node in for_types,
            )


def _is_part(name: str) -> bool:
    return any((ROOT / "cxr_core" / f).exists() for f in (f"{name}.py", name))


ALL = [edge for path in SOURCES for edge in edges(path)]


def test_the_parser_sees_imports() -> None:
    found = {(e.source, e.target) for e in ALL}
    assert {("preprocess", "schema"), ("preprocess", "numpy"), ("train", "keras")} <= found


def test_every_part_of_the_package_is_in_the_table() -> None:
    parts = {part(p) for p in SOURCES if p.is_relative_to(ROOT / "cxr_core")}
    assert parts - set(ALLOWED) == set()


@pytest.mark.parametrize("source", sorted(ALLOWED))
def test_a_part_imports_only_what_flows_into_it(source: str) -> None:
    allowed = ALLOWED[source] | {source, "__init__"}
    wrong = [
        f"{e.line}: {source} → {e.target}"
        for e in ALL
        if e.inside and e.source == source and e.target not in allowed
    ]
    assert wrong == []


def test_the_table_of_parts_has_no_circle() -> None:
    done: set[str] = set()
    while ready := {s for s, t in ALLOWED.items() if s not in done and t <= done}:
        done |= ready
    assert set(ALLOWED) - done == set()


@pytest.mark.parametrize("library", sorted(ONLY))
def test_a_heavy_library_stays_where_it_belongs(library: str) -> None:
    wrong = [
        f"{e.line}: {e.source} → {library}"
        for e in ALL
        if not e.inside
        and e.target == library
        and e.source not in ONLY[library]
        and not e.for_types
    ]
    assert wrong == []


def test_the_package_never_imports_pages_or_what_surrounds_it() -> None:
    outside = {"app", "pages", "tests", "benchmarks"}
    package = {*ALLOWED} - {"app", "pages"}
    assert [e.line for e in ALL if e.source in package and e.target in outside] == []


def test_pages_call_the_package_and_not_each_other() -> None:
    """A page may be split into private modules beside it: pages/_review/ for pages/review.py."""
    wrong = [
        e.line
        for e in ALL
        if e.target == "app" or (e.target == "pages" and not e.name.startswith("pages._"))
    ]
    assert wrong == []


def test_pages_and_app_never_import_what_a_training_run_needs() -> None:
    run = {
        "train",
        "batches",
        "features",
        "classifier",
        "zoo",
        "fine_tuning",
        "measure",
        "release",
        "rehearsal",
    }
    wrong = [e.line for e in ALL if e.source in {"app", "pages"} and e.target in run]
    assert wrong == []


def test_what_the_first_page_imports_brings_no_tensorflow() -> None:
    """Neither at its own import time, nor through the modules of the package that it names."""
    names = sorted(
        {f"cxr_core.{e.target}" for e in ALL if e.source in {"app", "pages", "cli"} and e.inside}
        - {"cxr_core.__init__", "cxr_core.train", "cxr_core.recipe", "cxr_core.release"}
    )
    heavy = ("tensorflow", "keras", "tf_explain")
    code = f"import sys, {', '.join(names)}; print([m for m in {heavy} if m in sys.modules])"
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert (run.stdout.strip(), run.stderr) == ("[]", "")


@pytest.mark.parametrize("folder", sorted(MOST_LINES))
def test_no_file_outgrows_one_idea(folder: str) -> None:
    long = {
        str(p.relative_to(ROOT)): n
        for p in ROOT.glob(f"{folder}/**/*.py")
        if (n := len(p.read_text().splitlines())) > MOST_LINES[folder]
    }
    assert long == {}


def test_no_names_for_leftovers() -> None:
    leftovers = {"utils", "util", "helpers", "helper", "common", "misc"}
    assert [p for p in ROOT.glob("cxr_core/**/*.py") if p.stem in leftovers] == []
