"""A Ray cluster, for whoever talks to one: where it is, and what its processes must be told.

Importing this loads no Ray: `connect` does.
"""

from __future__ import annotations

import importlib.util
import os
import socket
from pathlib import Path

import cxr_core
from cxr_core import registry
from cxr_core.errors import ClusterError

ADDRESS = "CXR_RAY_ADDRESS"
SPACE = "cxr-workbench"


def address() -> str | None:
    """The cluster that the environment names; None where it names none. Raises ClusterError."""
    found = os.environ.get(ADDRESS)
    if found:
        require()
    return found or None


def require() -> None:
    """Raises ClusterError where Ray is not installed."""
    if importlib.util.find_spec("ray") is None:
        raise ClusterError(
            f"Expected Ray to be installed, as ${ADDRESS} is set; found none. "
            "Run `pip install -r requirements-ray.txt`, or unset it to use this machine alone."
        )


def connect(where: str) -> None:
    """Join the cluster as a driver: this process ends when the cluster does. Raises ClusterError.

    Nothing is printed, neither by Ray nor by what runs on it.
    """
    try:
        _knock(where)
        # Its C++ half writes to the terminal past any logger.
        os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
        import ray

        ray.init(where, namespace=SPACE, log_to_driver=False, logging_level="ERROR")
    except Exception as error:
        raise ClusterError(no_answer(error)) from error


def no_answer(error: BaseException) -> str:
    """Whatever Ray raised, as one sentence."""
    said = str(error).strip().splitlines()[:1] or [type(error).__name__]
    return (
        f"Expected the Ray cluster to answer; received {said[0][:200]!r}. "
        f"Check that it runs, and ${ADDRESS}."
    )


def passed() -> dict[str, str]:
    """What a process on another machine must find in its environment; paths absolute."""
    package = str(Path(cxr_core.__file__).resolve().parent.parent)
    others = filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))
    return {
        "PYTHONPATH": os.pathsep.join(dict.fromkeys([package, *map(os.path.abspath, others)])),
        "CXR_HOME": str(registry.home().absolute()),
    }


def _knock(where: str) -> None:
    """Raises OSError at once where nobody listens; Ray itself would wait for minutes."""
    host, colon, port = where.removeprefix("ray://").rpartition(":")
    if colon and port.isdecimal():
        socket.create_connection((host, int(port)), timeout=10).close()
