"""The course's way, to compare with: Keras' predict film by film, tf-explain's Grad-CAM.

`python -m benchmarks.course MODEL.keras FILM` is a fresh process that predicts one film.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


class Course:
    """A Keras file, loaded, used as the course uses it."""

    def __init__(self, path: Path, cam_layer: str) -> None:
        import keras

        self._model: Any = keras.models.load_model(path, compile=False)
        self._size = int(self._model.input_shape[1])
        self._cam_layer = cam_layer

    def read(self, path: Path) -> NDArray[np.float32]:
        """A film file → (1, size, size, 1) float32, 0 to 255, by Keras' own loader."""
        import keras

        film = keras.utils.load_img(
            path, color_mode="grayscale", target_size=(self._size, self._size)
        )
        return keras.utils.img_to_array(film)[None]

    def resize(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """A decoded film (H, W) uint8 → (1, size, size, 1) float32, 0 to 255."""
        import cv2

        return cv2.resize(pixels, (self._size, self._size))[None, ..., None].astype(np.float32)

    def predict(self, film: NDArray[np.float32]) -> float:
        score = float(self._model.predict(film, verbose=0)[0, 0])
        return float(1 / (1 + np.exp(-score)))

    def grad_cam(self, film: NDArray[np.float32]) -> NDArray[np.uint8]:
        """The steps of tf-explain's `GradCAM.explain`, which itself takes RGB input only."""
        from tf_explain.core.grad_cam import GradCAM
        from tf_explain.utils.display import heatmap_display

        outputs, gradients = GradCAM.get_gradients_and_filters(
            self._model, film, self._cam_layer, 0, True
        )
        cam = GradCAM.generate_ponderated_output(outputs, gradients)[0].numpy()
        shown = np.repeat(film[0].astype(np.uint8), 3, axis=-1)
        with np.errstate(invalid="ignore"):
            return heatmap_display(cam, shown)


if __name__ == "__main__":
    course = Course(Path(sys.argv[1]), "")
    print(course.predict(course.read(Path(sys.argv[2]))))
