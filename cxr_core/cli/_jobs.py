"""`jobs submit | list | show | watch | cancel | resume | remove`: the queue, from a terminal."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cxr_core.cli._options import printable, whole_number
from cxr_core.errors import ConfigError

if TYPE_CHECKING:
    from cxr_core.jobs import Executor, Job, JobTable

STATES = ("queued", "running", "done", "failed", "cancelled", "interrupted")
EVERY = 0.5  # seconds between looks

DESCRIPTION = """\
Long work in processes of its own: it goes on when this terminal or the app is closed. The queue is
$CXR_HOME/jobs.sqlite, or a PostgreSQL that $CXR_DATABASE_URL names; jobs run on this machine,
$CXR_JOBS_AT_ONCE (1) at a time, or on the Ray cluster that $CXR_RAY_ADDRESS names."""

EPILOG = """\
A job is named by its id, or by an end of it that no other job shares.

exit code: 0 all is well; 1 the job that was watched ended otherwise than done; 2 not possible

examples:
  python -m cxr_core jobs submit train --config plan.json --watch
  python -m cxr_core jobs list --state running queued
  python -m cxr_core jobs watch 3f2a1c
  python -m cxr_core jobs cancel 3f2a1c"""


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    command = commands.add_parser(
        "jobs",
        help="queue long work, follow it, cancel it, resume it",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    actions = command.add_subparsers(title="actions", dest="action", metavar="ACTION")
    actions.required = True

    def action(name: str, run: Callable[[argparse.Namespace], int], text: str) -> Any:
        parser = actions.add_parser(name, help=text, description=text)
        parser.set_defaults(run=run)
        parser.add_argument("--json", action="store_true", help="JSON instead of text")
        return parser

    submit = action("submit", submit_job, "queue a job and start it when its turn comes")
    submit.add_argument("kind", metavar="KIND", help="what to run; a wrong one names the others")
    submit.add_argument(
        "--config", metavar="FILE", help="its settings, a JSON object; '-' reads them from stdin"
    )
    submit.add_argument(
        "--set",
        metavar="NAME=VALUE",
        action="append",
        default=[],
        help="one setting, over the file's: a JSON value, else text; may be repeated",
    )
    submit.add_argument("--title", default="", help="how lists call it")
    submit.add_argument(
        "--threads",
        type=whole_number(1),
        metavar="N",
        help="most processors it may use (default: all but one)",
    )
    listing = action("list", list_jobs, "every job, the latest first")
    listing.add_argument("--kind", metavar="KIND", help="only jobs of this kind")
    listing.add_argument("--state", nargs="+", choices=STATES, help="only jobs in these states")
    show = action("show", show_job, "one job: settings, state, progress, result, end of its log")
    show.add_argument(
        "--lines", type=whole_number(0), default=10, metavar="N", help="of the log (default: 10)"
    )
    watch = action("watch", watch_job, "follow one job until it ends; leaving does not end it")
    cancel = action("cancel", cancel_job, "stop one job; what it stored stays")
    resume = action("resume", resume_job, "go on with a failed, cancelled or interrupted job")
    remove = action("remove", remove_job, "delete a job that has ended, with its folder")
    for parser in (show, watch, cancel, resume, remove):
        parser.add_argument("id", metavar="ID", help="as `jobs list` shows it, or its end")
    for parser in (submit, resume):
        parser.add_argument("--watch", action="store_true", help="follow it until it ends")


def _plan(config: dict[str, Any]) -> dict[str, Any]:
    """A fine-tuning's whole plan, refused here where it cannot work; its source made absolute."""
    from cxr_core import methods

    plan = methods.from_config(config)
    source = str(Path(plan.data.source).expanduser().resolve())
    plan = replace(plan, data=replace(plan.data, source=source))
    methods.check_plan(plan)
    return methods.as_config(plan)


def submit_job(arguments: argparse.Namespace) -> int:
    config = _config(arguments)
    if arguments.kind in ("train", "estimate"):
        config = _plan(config)
    table, runs = _open()
    job = table.submit(arguments.kind, config, arguments.title, arguments.threads)
    return _started(table, runs, job, arguments)


def list_jobs(arguments: argparse.Namespace) -> int:
    from cxr_core.jobs import State

    table, runs = _open()
    runs.tick()
    states = [State(name) for name in arguments.state] if arguments.state else None
    jobs = table.list(arguments.kind, states)
    if arguments.json:
        print(json.dumps([as_json(job) for job in jobs]))
    elif not jobs:
        print("No jobs. `python -m cxr_core jobs submit --help` says how to queue one.")
    for job in () if arguments.json else jobs:
        print(f"{job.id}  {job.state:<11}  {printable(job.title)}\n    {_standing(job)}")
    return 0


def show_job(arguments: argparse.Namespace) -> int:
    table, runs = _open()
    runs.tick()
    job = _find(table, arguments.id)
    if arguments.json:
        print(json.dumps(as_json(job)))
        return 0
    print(f"{job.id}  {job.state}  {printable(job.title)} ({job.kind})\n    {_standing(job)}")
    for name in ("created", "started", "ended"):
        print(f"    {name:<10}{getattr(job, name) or 'not yet'}")
    print(f"    {'attempts':<10}{job.attempt}\n    {'threads':<10}{job.threads}")
    print(f"    {'folder':<10}{job.folder}")
    print(f"settings\n{_indented(json.dumps(job.config, indent=2))}")
    if job.result is not None:
        print(f"result\n{_indented(json.dumps(job.result, indent=2))}")
    if log := _log(job)[-arguments.lines :] if arguments.lines else []:
        print("end of the log")
        print("\n".join(f"    {printable(line)}" for line in log))
    return 0


def watch_job(arguments: argparse.Namespace) -> int:
    table, runs = _open()
    return _watch(table, runs, _find(table, arguments.id), arguments.json)


def cancel_job(arguments: argparse.Namespace) -> int:
    table, runs = _open()
    runs.tick()
    job = table.cancel(_find(table, arguments.id).id)
    _say(job, arguments.json)
    return 0


def resume_job(arguments: argparse.Namespace) -> int:
    table, runs = _open()
    runs.tick()
    job = table.resume(_find(table, arguments.id).id)
    return _started(table, runs, job, arguments)


def remove_job(arguments: argparse.Namespace) -> int:
    table, runs = _open()
    runs.tick()
    job = _find(table, arguments.id)
    table.remove(job.id)
    print(json.dumps({"removed": job.id}) if arguments.json else f"Removed {job.id}.")
    return 0


def as_json(job: Job) -> dict[str, Any]:
    """A job for a program: what the table states, its folder, whether it can be resumed."""
    inner = ("birth", "cpus")
    values = {key: value for key, value in asdict(job).items() if key not in inner}
    return {**values, "folder": str(job.folder), "resumable": job.resumable}


def _open() -> tuple[JobTable, Executor]:
    # SQLAlchemy takes half a second: only those wait for it who ask for jobs.
    from cxr_core import jobs

    table = jobs.open_table()
    return table, jobs.executor(table)


def _config(arguments: argparse.Namespace) -> dict[str, Any]:
    config: Any = {}
    if arguments.config:
        try:
            text = sys.stdin.read() if arguments.config == "-" else _text(arguments.config)
            config = json.loads(text)
        except ValueError as error:
            raise ConfigError(
                f"Expected a JSON object with settings; received other text: {error}. Correct it."
            ) from error
    if not isinstance(config, dict):
        raise ConfigError(
            f"Expected a JSON object with settings; received {type(config).__name__}. "
            'Write {"name": value, …}.'
        )
    for given in arguments.set:
        name, equals, value = given.partition("=")
        if not name or not equals:
            raise ConfigError(f"Expected --set NAME=VALUE; received {given[:80]!r}. Correct it.")
        try:
            config[name] = json.loads(value)
        except ValueError:
            config[name] = value
    return config


def _text(name: str) -> str:
    try:
        return Path(name).read_text()
    except OSError as error:
        raise ConfigError(
            f"Expected a readable file of settings; received {error.strerror}. Check its name."
        ) from error


def _find(table: JobTable, text: str) -> Job:
    """The job of that id, or the only one whose id ends so. Raises JobError."""
    fitting = [job for job in table.list() if text and job.id.endswith(text)]
    return fitting[0] if len(fitting) == 1 else table.get(text)


def _started(table: JobTable, runs: Executor, job: Job, arguments: argparse.Namespace) -> int:
    runs.tick()
    if arguments.watch:
        return _watch(table, runs, job, arguments.json)
    _say(table.get(job.id), arguments.json)
    return 0


def _watch(table: JobTable, runs: Executor, job: Job, as_lines: bool) -> int:
    """Print each change until the job has ended; 0 where it is done, else 1."""
    last = None
    for now in _changes(table, runs, job):
        line = f"{now.id}  {now.state}: {_standing(now)}"
        if line != last:
            print(json.dumps(as_json(now)) if as_lines else line, flush=True)
        job, last = now, line
    return 0 if job.state == "done" else 1


def _changes(table: JobTable, runs: Executor, job: Job) -> Iterator[Job]:
    while True:
        runs.tick()
        job = table.get(job.id)
        yield job
        if job.state.ended:
            return
        time.sleep(EVERY)


def _say(job: Job, wanted: bool) -> None:
    print(json.dumps(as_json(job)) if wanted else f"{job.id}  {job.state}: {_standing(job)}")


def _standing(job: Job) -> str:
    """Where it stands, as one line."""
    parts = []
    if job.cancelling:
        parts.append("asked to stop")
    if job.epochs:
        parts.append(f"epoch {job.epoch} of {job.epochs}")
    if job.steps:
        parts.append(f"step {job.step} of {job.steps}")
    if job.message and not job.state.ended:
        parts.append(printable(job.message))
    if job.reason:
        parts.append(printable(job.reason))
    return ", ".join(parts) or ("waits for its turn" if job.state == "queued" else "no more to say")


def _log(job: Job) -> list[str]:
    from cxr_core.jobs import LOG

    try:
        return (job.folder / LOG).read_text(errors="replace").splitlines()
    except OSError:
        return []


def _indented(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.splitlines())
