"""The fast path: a loaded model and an input → a prediction. LiteRT only, TensorFlow never.

An interpreter runs one film at a time. A second one is opened when two threads first want one at
once, for 17 MB more: on two processors the pass is about half of a film's time, so that with one
interpreter the other half waits.
"""

from __future__ import annotations

import contextlib
import copy
import math
import os
import queue
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import fields
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cxr_core import points
from cxr_core.card import ModelCard
from cxr_core.errors import ModelError
from cxr_core.preprocess import Preprocessing
from cxr_core.registry import GATE, SERVING, ModelEntry
from cxr_core.schema import ForwardPass, OperatingPoint, Prediction

if TYPE_CHECKING:
    from cxr_core.gate import GateModel

INPUT = "film"
OUTPUTS = ("logit", "cam", "features")

_redirect = threading.Lock()


class Model:
    """One model version, loaded once and shared by every thread. Nothing in it changes.

    card, preprocessing, gate: what travels with the network.
    """

    def __init__(
        self,
        content: bytes,
        card: ModelCard,
        gate: GateModel | None,
        *,
        threads: int = 1,
        interpreters: int = 2,
    ) -> None:
        """content: a LiteRT file, float32, with the signature film → logit, cam, features.

        gate: None only while a new model's gate is being fitted on what it returns.
        Raises ModelError for a file that is not one or does not fit its card.
        """
        self.card = card
        self.preprocessing = _preprocessing(card)
        self.gate = gate
        self._shape = (1, self.preprocessing.size, self.preprocessing.size, 1)
        self._new: Callable[[], Any] = partial(_open, content, threads, card)
        self._to_open = threading.Semaphore(interpreters - 1)
        self._idle: queue.LifoQueue[Any] = queue.LifoQueue()
        first = self._new()
        self._check_signature(first)
        self._idle.put(first)

    @classmethod
    def load(cls, entry: ModelEntry, threads: int = 1, interpreters: int = 2) -> Model:
        """Load from the registry, once the sha256 of each file it reads fits SHA256SUMS.

        Its card is that of `points.card`: the operating point locked last is in force. threads:
        for one forward pass; 1 leaves the other cores to other films. interpreters: how many
        passes may run at once. Raises ModelError.
        """
        from cxr_core.gate import GateModel

        card = points.card(entry)
        content = entry.read(SERVING)
        entry.read(GATE)
        gate = GateModel.load(entry.path(GATE))
        return cls(content, card, gate, threads=threads, interpreters=interpreters)

    def at(self, card: ModelCard) -> Model:
        """The same network under another card of its version: at the point locked since, say.

        Shares interpreters and memory, and costs nothing. Raises ModelError for another model's.
        """
        if (card.name, card.version) != (self.name, self.version):
            raise ModelError(
                f"Expected a card of {self.name} {self.version}; received that of {card.name} "
                f"{card.version}. Load that model instead."
            )
        twin = copy.copy(self)
        twin.card = card
        return twin

    @property
    def name(self) -> str:
        return self.card.name

    @property
    def version(self) -> str:
        return self.card.version

    def forward(self, x: NDArray[np.uint8]) -> ForwardPass:
        """One pass over (size, size, 1) uint8 from `preprocess.model_input`. Thread safe.

        The arrays returned are the caller's own. Raises ModelError for another shape or type, and
        where the network returns what is not a number.
        """
        if x.shape != self._shape[1:] or x.dtype != np.uint8:
            raise ModelError(
                f"Expected model input of shape {self._shape[1:]}, uint8; received {x.shape}, "
                f"{x.dtype}. Make it with preprocess.model_input and this model's preprocessing."
            )
        film = x[None].astype(np.float32)
        with self._runner() as run:
            # A signature runner copies each output out of the interpreter's memory.
            out = run(**{INPUT: film})
        logit = float(out["logit"][0, 0])
        cam: NDArray[np.float32] = out["cam"][0, :, :, 0]
        if not (math.isfinite(logit) and bool(np.isfinite(cam).all())):
            raise ModelError(
                f"Expected numbers from {self.name} {self.version}; received NaN or infinity. "
                "The serving file is damaged or was exported wrongly: run "
                "`python -m cxr_core models verify`, or export it again."
            )
        return ForwardPass(logit, cam, out["features"][0])

    @contextlib.contextmanager
    def _runner(self) -> Iterator[Any]:
        """An interpreter of one's own for one pass: an idle one, a new one, or wait for one."""
        try:
            run = self._idle.get_nowait()
        except queue.Empty:
            may_open = self._to_open.acquire(blocking=False)
            run = self._new() if may_open else self._idle.get()
        try:
            yield run
        finally:
            self._idle.put(run)

    def _check_signature(self, run: Any) -> None:
        details = run.get_input_details()
        shape = tuple(int(n) for n in details[INPUT]["shape"]) if INPUT in details else None
        outputs = run.get_output_details()
        if shape != self._shape or set(outputs) != set(OUTPUTS):
            raise ModelError(
                f"Expected a serving file that takes {INPUT} {self._shape} and returns "
                f"{', '.join(OUTPUTS)}; received {', '.join(details)} {shape} → "
                f"{', '.join(sorted(outputs))}. Export the model again."
            )


def calibrated(card: ModelCard, logit: float) -> float:
    """Calibrated probability of pneumonia: sigmoid(scale · logit + offset)."""
    z = card.calibration.scale * logit + card.calibration.offset
    if z >= 0:
        return 1 / (1 + math.exp(-z))
    return math.exp(z) / (1 + math.exp(z)) if z > -700 else 0.0


def predict(
    model: Model,
    forward: ForwardPass,
    sha256: str,
    elapsed_ms: float,
    operating_point: OperatingPoint | None = None,
) -> Prediction:
    """Apply calibration and the operating point: the card's locked one unless another is given.

    Cheap, so that the forward pass can be cached and the threshold applied outside the cache.
    """
    point = model.card.operating_point if operating_point is None else operating_point
    probability = calibrated(model.card, forward.logit)
    return Prediction(
        probability=probability,
        label="PNEUMONIA" if probability >= point.threshold else "NORMAL",
        refer=point.refer_low <= probability < point.refer_high,
        operating_point=point,
        model_name=model.name,
        model_version=model.version,
        image_sha256=sha256,
        elapsed_ms=elapsed_ms,
    )


def _preprocessing(card: ModelCard) -> Preprocessing:
    known = {f.name for f in fields(Preprocessing)}
    if set(card.preprocessing) != known:
        raise ModelError(
            f"Expected the preprocessing of {card.name} {card.version} to give "
            f"{', '.join(sorted(known))}; received {', '.join(sorted(card.preprocessing))}. "
            "The model was made for another version of this program: update one of them."
        )
    return Preprocessing(**card.preprocessing)


def _open(content: bytes, threads: int, card: ModelCard) -> Any:
    from ai_edge_litert.interpreter import Interpreter

    try:
        with _without_greeting():
            interpreter = Interpreter(model_content=content, num_threads=threads)
            interpreter.allocate_tensors()
            # The runner holds its interpreter, and the interpreter its content.
            return interpreter.get_signature_runner()
    except (ValueError, RuntimeError) as error:
        raise ModelError(
            f"Expected a LiteRT file with one signature for {card.name} {card.version}; received "
            f"one that does not load ({str(error).splitlines()[0][:120]}). Export the model again."
        ) from error


@contextlib.contextmanager
def _without_greeting() -> Iterator[None]:
    """Keep LiteRT's 'INFO: Created … delegate' off the terminal; pass on all else it writes.

    It is written by C code to file descriptor 2 and no setting turns it off.
    """
    with _redirect, tempfile.TemporaryFile() as kept:
        try:
            original = os.dup(2)
        except OSError:
            yield
            return
        os.dup2(kept.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(original, 2)
            kept.seek(0)
            rest = [line for line in kept.readlines() if not line.startswith(b"INFO:")]
            os.write(original, b"".join(rest))
            os.close(original)
