"""The data set: which one, what it holds, whether it leaks, and the public one to download."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import streamlit as st

from cxr_core import dataset, registry
from cxr_core.dataset import Downloadable
from cxr_core.errors import CxrError, DataError
from cxr_core.jobs import Job, State
from cxr_core.methods import Plan
from pages._fine_tune import queue
from pages._fine_tune.draft import Draft

KINDS_OF_SOURCE = {
    "folders": "class folders", "tfrecord": "TFRecord pairs", "npz": "MedMNIST .npz", "csv": "CSV",
}  # fmt: skip
LISTED = 100
# What the quality gate's limits are taken from at the least (cxr_core.gate).
FEWEST_HELD = 20


@dataclass(frozen=True)
class Facts:
    """What an index says without opening a film: counts alone, no names of films or patients."""

    kind: str
    classes: tuple[str, ...]
    sides: tuple[str, ...]
    balance: tuple[dataset.Balance, ...]
    patients_known: bool
    left_out: tuple[tuple[str, str], ...]

    @property
    def films(self) -> int:
        return sum(b.films for b in self.balance)

    def of_class(self, label: str) -> int:
        return sum(b.films for b in self.balance if b.label == label)


def choose(draft: Draft) -> Facts | None:
    """The first of the three choices. None where there is nothing to train on, saying why."""
    known = _known(draft.source)
    labels = {source: _short(source) for source in known}
    key = f"tune_source_{draft.entry}"
    st.selectbox(
        "Data set", known, known.index(draft.source) if draft.source in known else None,
        key=key, accept_new_options=True, on_change=_picked, args=(draft, key),
        format_func=lambda source: labels.get(source, source),
        placeholder="Choose, or type the path of a folder or file",
        help="A folder of class folders (NORMAL, PNEUMONIA, with or without train, val and test "
        "above them), of TFRecord pairs, a MedMNIST .npz, or a CSV with columns path and label "
        "and, if you have them, patient, age, sex, view and split. Films stay where they are.",
    )  # fmt: skip
    source = draft.source
    if not source:
        st.caption("Type the path of a folder on this machine, or download the public set:")
        _downloads()
        return None
    try:
        facts = _facts(str(Path(source).expanduser()), _changed_at(source))
    except CxrError as error:
        st.error(str(error), icon=":material/folder_off:")
        return None
    counts = " · ".join(f"{label.lower()} {facts.of_class(label):,}" for label in facts.classes)
    st.markdown(f":small[{facts.films:,} films in {KINDS_OF_SOURCE[facts.kind]}: {counts}]")
    return facts


def check(facts: Facts, plan: Plan) -> None:
    """What an index already says against a plan. Raises DataError."""
    left = sum(b.films for b in facts.balance if b.side != "test")
    held = round(left * plan.data.validation)
    if plan.settings.head != "imagenet" and held < FEWEST_HELD:
        raise DataError(
            f"Expected at least {FEWEST_HELD} validation films, for the operating point and the "
            f"quality gate; received about {held} of {left}. Add films, or hold out a larger share."
        )


def _picked(draft: Draft, key: str) -> None:
    source = (st.session_state[key] or "").strip().strip("\"'")
    # Told twice, it is one choice: what was typed since stays.
    if source == draft.source:
        return
    draft.source = source
    draft.data.pop("classes", None)
    draft.begin()


def split(draft: Draft, facts: Facts) -> None:
    """How films are parted, which classes, and the model's name: folded away."""
    left, middle, right, last = st.columns(4)
    start = draft.start_data
    with left:
        ways = ["patient", "own"] if "train" in facts.sides else ["patient"]
        way = st.selectbox(
            "Split", ways, ways.index(start.get("split", "patient")) if start.get("split") in ways
            else 0, key=draft.key("split"),
            format_func={"patient": "By patient, stratified", "own": "The folders' own"}.get,
            help="Films of one patient never lie on both sides. A source's test films are never "
            "trained on, whatever is chosen.",
        )  # fmt: skip
    with middle:
        share = st.number_input(
            "Validation share", 0.02, 0.5, float(start.get("validation", 0.2)), 0.05,
            key=draft.key("validation"), format="%g",
        )  # fmt: skip
    with right:
        seed = st.number_input(
            "Seed of the split",
            0,
            2**31 - 1,
            int(start.get("seed", 0)),
            key=draft.key("split_seed"),
        )
    with last:
        draft.name = st.text_input(
            "Model's name", draft.start_name, key=draft.key("name"),
            placeholder="after backbone and method",
            help="Small letters, digits, '-' and '_'. Each run of the same name is a new version.",
        ).strip()  # fmt: skip
    classes = st.multiselect(
        "Classes, the one without a finding first", facts.classes,
        [c for c in start.get("classes", facts.classes) if c in facts.classes] or facts.classes,
        key=draft.key("classes"),
    )  # fmt: skip
    chosen: dict[str, Any] = {}
    if way != "patient":
        chosen["split"] = way
    if share != 0.2:
        chosen["validation"] = share
    if seed:
        chosen["seed"] = int(seed)
    if tuple(classes) != facts.classes:
        chosen["classes"] = tuple(classes)
    draft.data = chosen


def details(draft: Draft, facts: Facts) -> None:
    """Balance by class and side, what was left out, and the report on leaks."""
    balance, report = st.columns([1, 1.4], gap="medium")
    with balance:
        st.markdown("**Films and patients**")
        st.dataframe(
            {
                "Side": [b.side or "all" for b in facts.balance],
                "Class": [b.label for b in facts.balance],
                "Films": [b.films for b in facts.balance],
                "Patients": [b.patients if facts.patients_known else None for b in facts.balance],
            },
            hide_index=True, key=f"tune_balance_{draft.source}",
            height=38 + 35 * len(facts.balance), placeholder="unknown",
        )  # fmt: skip
        if not facts.patients_known:
            st.caption(
                "Patients are not known: films of one patient may come to lie on both sides. A CSV "
                "with a column patient says who is who."
            )
        _listed("Rows or files left out of the index", facts.left_out)
    with report:
        _leaks(draft)


def _leaks(draft: Draft) -> None:
    st.markdown("**Do the sides share films?**")
    config = {"data": {"source": draft.source, **draft.data}}
    job = queue.latest(queue.INSPECT, config)
    if job is None or job.state in (State.FAILED, State.CANCELLED, State.INTERRUPTED):
        if job is not None:
            st.warning(f"The last look ended {job.state}: {job.reason or ''}")
        st.caption(
            "Opens every film: lists those that cannot be read, and compares training, validation "
            "and test films by patient, by content and by perceptual hash."
        )
        st.button(
            "Look for leaks", key="tune_inspect", icon=":material/troubleshoot:",
            on_click=queue.attempt,
            args=(queue.submit, queue.INSPECT, config, f"Leaks of {_short(draft.source)}"),
        )  # fmt: skip
    elif not job.state.ended:
        queue.follow(job.id)
    else:
        _report(job.result or {})


def _report(found: dict[str, Any]) -> None:
    leaks = found.get("leaks", {})
    shared = leaks.get("shared_patients", 0)
    identical, near = leaks.get("identical", 0), leaks.get("near_identical", 0)
    sides = {side: sum(counts.values()) for side, counts in found.get("split", {}).items()}
    st.caption(
        f"{leaks.get('compared', 0):,} films compared: {sides.get('train', 0):,} for training, "
        f"{sides.get('validation', 0):,} for validation, {sides.get('test', 0):,} for test."
    )
    if shared or identical or near:
        st.warning(
            f"On two sides at once: {_count(shared, 'patient')}, {_count(identical, 'pair')} of "
            f"identical films, {_count(near, 'pair')} of near-identical ones. Figures on those "
            "films are better than on films of new patients.",
            icon=":material/content_copy:",
        )
    else:
        st.success("No patient and no film lies on two sides.", icon=":material/verified:")
    if twins := leaks.get("twins"):
        with st.expander(f"The {_count(len(twins), 'pair')} most alike"):
            st.dataframe(
                {
                    "First": [t["first"] for t in twins],
                    "Second": [t["second"] for t in twins],
                    "Sides": [" / ".join(t["sides"]) for t in twins],
                    "Bits apart of 256": [t["distance"] for t in twins],
                },
                hide_index=True,
            )
    _listed("Left out of every run, because they cannot be read or indexed", found.get("left_out"))
    for note in found.get("notes", ()):
        st.caption(note)


def _listed(what: str, rows: Any) -> None:
    if not rows:
        return
    with st.expander(f"{what}: {len(rows):,}"):
        st.dataframe(
            {"Film": [r[0] for r in rows[:LISTED]], "Why": [r[1] for r in rows[:LISTED]]},
            hide_index=True,
        )


def _downloads() -> None:
    for what in dataset.SETS:
        folder = registry.home() / "data" / what.name
        running = queue.latest(queue.DOWNLOAD, {"name": what.name, "folder": str(folder)})
        if running is not None and not running.state.ended:
            queue.follow(running.id)
            continue
        _download(what, folder, running)


def _download(what: Downloadable, folder: Path, last: Job | None) -> None:
    resumes = last is not None and last.resumable
    word = "Go on with" if resumes else "Download"
    st.button(
        f"{word} {what.name}, about {_size(what.megabytes)}", key=f"tune_download_{what.name}",
        icon=":material/download:", width="stretch", on_click=queue.attempt,
        args=(_fetch, what, folder, last if resumes else None),
        help=f"{what.title}. {what.source}. {what.licence}. Goes to {folder}; what a cut left is "
        "kept and gone on from.",
    )  # fmt: skip
    if last is not None and last.state is not State.DONE:
        st.caption(f"The last download ended {last.state}: {last.reason or ''}")


def _fetch(what: Downloadable, folder: Path, last: Job | None) -> None:
    if last is None:
        config = {"name": what.name, "folder": str(folder)}
        queue.submit(queue.DOWNLOAD, config, f"Download {what.name}")
        return
    queue.table().resume(last.id)
    queue.tick()


def _known(current: str) -> list[str]:
    """Sources that were downloaded or used before, by any browser, and the draft's own."""
    found: list[str] = [current] if current else []
    for what in dataset.SETS:
        folder = registry.home() / "data" / what.name
        if (folder / "SHA256SUMS").is_file():
            files = list(folder.glob("*.npz"))
            found.append(str(files[0] if files else folder))
    for job in queue.table().list():
        data = job.config.get("data")
        if isinstance(data, dict) and isinstance(data.get("source"), str):
            found.append(data["source"])
    return sorted(dict.fromkeys(found), key=lambda s: (s != current, found.index(s)))


@st.cache_data(max_entries=16, ttl=300, show_spinner="Indexing films…")
def _facts(source: str, changed_at: float) -> Facts:
    index = dataset.open_source(source)
    return Facts(
        index.kind,
        index.classes,
        index.sides,
        dataset.balance(index),
        dataset.patients_known(index),
        tuple((name, why) for name, why in index.left_out[:LISTED]),
    )


def _changed_at(source: str) -> float:
    path = Path(source).expanduser()
    try:
        inside = [p.stat().st_mtime for p in path.iterdir()] if path.is_dir() else []
        return max([path.stat().st_mtime, *inside])
    except OSError:
        return 0.0


def _short(source: str) -> str:
    """The last two steps of a path: enough to tell folders apart on a narrow form."""
    return "/".join(Path(source).parts[-2:])


def _count(n: int, word: str) -> str:
    return f"{n:,} {word}" + ("" if n == 1 else "s")


def _size(megabytes: int) -> str:
    """About how much is fetched: '214 MB', '1.2 GB'."""
    return f"{megabytes} MB" if megabytes < 1000 else f"{megabytes / 1000:.1f} GB"
