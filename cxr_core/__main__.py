"""`python -m cxr_core …`"""

import os
import sys

# Films are read on a thread per processor: NumPy's own threads, which wait in a spin, would only
# take those processors away. It must be said before NumPy is first imported.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def run() -> int:
    """The exit code. Whoever interrupts while modules are still being loaded gets no traceback."""
    try:
        from cxr_core.cli import main
    except KeyboardInterrupt:
        return 130
    return main()


if __name__ == "__main__":
    sys.exit(run())
