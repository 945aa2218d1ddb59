"""The product's capabilities from a terminal: `python -m cxr_core COMMAND …`.

Exit codes: 0 done; 1 done, but something could not be read or is damaged; 2 not done, for a
reason that one sentence states; 130 interrupted.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from collections.abc import Sequence

from cxr_core import __version__
from cxr_core.cli import (
    _backbones,
    _compare_models,
    _data,
    _evaluate,
    _jobs,
    _models,
    _predict,
    _threshold,
    _train,
)
from cxr_core.errors import CxrError

__all__ = ["main", "parser"]

DESCRIPTION = """\
Reads chest X-rays of children for pneumonia: probability, heatmap, and reasons to distrust them.
For research and teaching. Not a medical device; a reader decides."""

EXAMPLES = """\
examples:
  python -m cxr_core predict film.dcm
  python -m cxr_core predict films/ --json > results.jsonl
  python -m cxr_core evaluate test/ --json
  python -m cxr_core models verify

`python -m cxr_core COMMAND --help` says more about each."""


def parser(training: bool = False) -> argparse.ArgumentParser:
    """The whole command line. training: with every setting of `train`, which takes a moment."""
    root = argparse.ArgumentParser(
        prog="python -m cxr_core",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    root.add_argument("--version", action="version", version=f"CXR Workbench {__version__}")
    commands = root.add_subparsers(title="commands", dest="command", metavar="COMMAND")
    commands.required = True
    _predict.add(commands)
    _evaluate.add(commands)
    _train.add(commands, training)
    _models.add(commands)
    _data.add(commands)
    _jobs.add(commands)
    _threshold.add(commands)
    _compare_models.add(commands)
    _backbones.add(commands)
    return root


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    try:
        _check_streams()
        given = sys.argv[1:] if argv is None else list(argv)
        arguments = parser(training=given[:1] == ["train"]).parse_args(given)
        code: int = arguments.run(arguments)
        sys.stdout.flush()
    except CxrError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(
            "\nInterrupted: what was printed is complete, nothing is half-written.", file=sys.stderr
        )
        return 130
    except BrokenPipeError:
        # The reader of the pipe (head, say) has enough.
        _write_no_more()
        return 1
    except OSError as error:
        where = f" at {error.filename}" if error.filename else ""
        print(
            "error: Expected files and output that can be read and written; received "
            f"'{error.strerror or error}'{where}. Check permissions and free space.",
            file=sys.stderr,
        )
        _write_no_more()
        return 2
    return code


def _check_streams() -> None:
    for name in ("stdout", "stderr"):
        # Python has None for a stream that was closed before it started.
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115 (open until the end)
        reconfigure = getattr(getattr(sys, name), "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")


def _write_no_more() -> None:
    """Keep Python from complaining at exit of what it could not write."""
    with contextlib.suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
