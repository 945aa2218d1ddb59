"""In a process of its own: time one network in one way. No TensorFlow where LiteRT is timed.

Request: runtime, batch, size, file (LiteRT) or row (Keras), threads, repeats.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cxr_core.errors import ModelError
from cxr_core.measure._load import Load
from cxr_core.measure.process import answer, peak_mb, tell

WARM_UP, WARM_SECONDS = 3, 10.0
# Enough once there are so many calls in so many seconds; how many there were is kept with them.
ENOUGH = ((10, 20.0), (3, 60.0))


def work(request: dict[str, Any]) -> dict[str, Any]:
    """Milliseconds of each call after warm-up, memory, and what else the machine did meanwhile."""
    rng = np.random.default_rng(0)
    shape = (request["batch"], request["size"], request["size"], 1)
    films = rng.integers(0, 256, shape).astype(np.float32)
    if request["runtime"].startswith("litert"):
        call, kind = _litert(request, films), None
    else:
        call, kind = _keras(request, films)
    began = time.perf_counter()
    for _ in range(WARM_UP):
        call()
        if time.perf_counter() - began > WARM_SECONDS:
            break
    load = Load()
    times: list[float] = []
    began = time.perf_counter()
    while len(times) < request["repeats"]:
        spent = time.perf_counter() - began
        if any(len(times) >= calls and spent > seconds for calls, seconds in ENOUGH):
            break
        start = time.perf_counter()
        call()
        times.append(1000 * (time.perf_counter() - start))
        tell(len(times), request["repeats"])
    return {
        "ms": times,
        "peak_mb": peak_mb(),
        "other_load": load.of_others(),
        "weights": kind,
    }


def _litert(request: dict[str, Any], films: NDArray[np.float32]) -> Callable[[], object]:
    from ai_edge_litert.interpreter import Interpreter

    try:
        run = Interpreter(model_path=request["file"], num_threads=request["threads"])
        position = run.get_input_details()[0]["index"]
        if len(films) != 1:
            run.resize_tensor_input(position, films.shape)
        run.allocate_tensors()
    except (ValueError, RuntimeError) as error:
        raise ModelError(
            f"Expected a serving file that takes {films.shape}; received "
            f"{(str(error).splitlines() or [''])[0][:160]}. Delete $CXR_HOME/measure/serving and "
            "measure again."
        ) from error
    out = run.get_output_details()[0]["index"]

    def call() -> object:
        run.set_tensor(position, films)
        run.invoke()
        return run.get_tensor(out)

    if not np.isfinite(np.asarray(call())).all():
        raise ModelError("Expected numbers from the serving file; received NaN. Measure again.")
    return call


def _keras(request: dict[str, Any], films: NDArray[np.float32]) -> tuple[Callable[[], object], str]:
    import tensorflow as tf

    from cxr_core import comparison
    from cxr_core.measure._export import network

    tf.config.threading.set_intra_op_parallelism_threads(request["threads"])
    model, kind = network(comparison.row(request["row"]))
    if request["runtime"] == "predict":
        return lambda: model.predict(films, batch_size=len(films), verbose=0), kind

    @tf.function(input_signature=[tf.TensorSpec(films.shape, tf.float32)])  # type: ignore[untyped-decorator]
    def compiled(x: Any) -> Any:
        return model(x, training=False)

    return lambda: compiled(films).numpy(), kind


if __name__ == "__main__":
    answer(work)
