"""What Keras has no layer for. Defined on first use, so that importing this costs nothing."""

from __future__ import annotations

from functools import cache
from typing import Any


def local_response_normalisation(name: str) -> Any:
    """A layer that divides each value by what its neighbours in depth say (AlexNet, section 3.3).

    b = a / (k + α Σ a²)^β over 5 channels with k = 2, α = 1e-4, β = 0.75. No parameters.
    """
    return classes()["LocalResponseNormalisation"](name=name)


@cache
def classes() -> dict[str, Any]:
    """The layer classes by name, registered with Keras, so that a saved network loads again."""
    import keras
    from keras import ops

    @keras.saving.register_keras_serializable("cxr_zoo")
    class LocalResponseNormalisation(keras.layers.Layer):  # type: ignore[misc]
        def call(self, x: Any) -> Any:
            channels = x.shape[-1]
            squares = ops.pad(ops.square(x), ((0, 0), (0, 0), (0, 0), (2, 2)))
            near = sum(squares[..., i : i + channels] for i in range(5))
            return x / ops.power(2.0 + 1e-4 * near, 0.75)

    @keras.saving.register_keras_serializable("cxr_zoo")
    class ClassTokenAndPosition(keras.layers.Layer):  # type: ignore[misc]
        """(n, tokens, width) → (n, 1 + tokens, width): a learnt token in front, places added."""

        def build(self, shape: Any) -> None:
            tokens, width = shape[1:]
            self.token = self.add_weight(shape=(1, 1, width), name="class_token")
            self.position = self.add_weight(
                shape=(1, tokens + 1, width), initializer="random_normal", name="position"
            )

        def call(self, patches: Any) -> Any:
            token = ops.repeat(self.token, ops.shape(patches)[0], axis=0)
            return ops.concatenate([token, patches], axis=1) + self.position

    return {c.__name__: c for c in (LocalResponseNormalisation, ClassTokenAndPosition)}
