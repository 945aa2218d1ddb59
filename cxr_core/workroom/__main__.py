"""The workroom's process: reads questions, answers them, ends when the app closes the pipe."""

from __future__ import annotations

import os
import sys
from typing import Any

from cxr_core.errors import CxrError
from cxr_core.workroom import _wire


def main() -> None:
    """Answer until the pipe closes."""
    questions = sys.stdin.buffer
    # What libraries print goes to nobody: the pipe carries answers alone.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    from cxr_core.workroom import _tasks

    while (question := _wire.read(questions)) is not None:
        header, arrays = question
        try:
            values, found = _tasks.run(header["task"], header["values"], arrays)
            reply: dict[str, Any] = {"values": values}
        except CxrError as error:
            reply, found = {"error": type(error).__name__, "text": str(error)}, {}
        except Exception as error:
            # The text of an unexpected error may quote a path or a tag of a film.
            reply, found = {"error": "Unexpected", "text": type(error).__name__}, {}
        _wire.write(answers, reply, found)


if __name__ == "__main__":
    main()
