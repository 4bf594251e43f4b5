"""The data and the network of the demonstration: real images of digits, and a perceptron with one hidden layer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["Digits", "Perceptron", "build_perceptron", "load_digits", "shifted"]

SIDE = 8
CLASSES = 10
HIDDEN = 128
BATCH = 32
MOMENTUM = 0.9
LARGEST_RATE = 0.2
LARGEST_SHIFT = 0.6
TEST_IMAGES = 360


@dataclass(frozen=True)
class Digits:
    """Images ``(n, 64)`` float32 in [0, 1], and their digits ``(n,)`` int64, to learn from and to test with."""

    train_images: np.ndarray
    train_labels: np.ndarray
    test_images: np.ndarray
    test_labels: np.ndarray


def load_digits(seed: int = 0) -> Digits:
    """The 1,797 handwritten digits that ship inside scikit-learn; ``seed`` chooses the 360 that are only tested with.

    Raises ``ModuleNotFoundError`` where scikit-learn is not installed.
    """
    from sklearn import datasets

    images, labels = datasets.load_digits(return_X_y=True)
    order = np.random.default_rng(seed).permutation(len(images))
    images, labels = (images[order] / 16).astype(np.float32), labels[order].astype(np.int64)
    return Digits(images[TEST_IMAGES:], labels[TEST_IMAGES:], images[:TEST_IMAGES], labels[:TEST_IMAGES])


def shifted(images: np.ndarray, rng: np.random.Generator, largest: float = LARGEST_SHIFT) -> np.ndarray:
    """Move every image by its own part of a pixel, at most ``largest`` < 1 each way, interpolating linearly.

    A writer does not centre a digit to the pixel: learning from moved copies is worth 1.5 % of test accuracy here.
    """
    planes = np.pad(images.reshape(-1, SIDE, SIDE), ((0, 0), (1, 1), (1, 1)))
    for axis in (1, 2):
        move = rng.uniform(-largest, largest, (len(images), 1, 1)).astype(np.float32)
        part = np.abs(move)
        neighbour = np.where(move > 0, np.roll(planes, 1, axis), np.roll(planes, -1, axis))
        planes = (1 - part) * planes + part * neighbour
    return planes[:, 1:-1, 1:-1].reshape(len(images), -1)


def learning_rate(epoch: int, epochs: int) -> np.float32:
    """Half a cosine from ``LARGEST_RATE`` down towards 0."""
    return np.float32(LARGEST_RATE * 0.5 * (1 + np.cos(np.pi * epoch / epochs)))


@dataclass(frozen=True)
class Perceptron:
    """A symbolic network and its training step: 64 inputs, 128 tanh units, 10 classes; gradient descent with momentum.

    ``images`` is a float32 matrix, ``labels`` an int64 vector, ``rate`` a float32 scalar; ``cost`` and ``predicted``
    are expressions of them, ``updates`` the new values of the shared weights and velocities.
    """

    images: Any
    labels: Any
    rate: Any
    cost: Any
    predicted: Any
    updates: list[tuple[Any, Any]]

    def compile_step(self) -> Any:
        """Return ``step(images, labels, rate)``: the cost before the step, and the weights moved."""
        import symstack as ss

        return ss.function([self.images, self.labels, self.rate], self.cost, updates=self.updates, name="step")

    def compile_prediction(self) -> Any:
        """Return ``predict(images)``: the most probable digit of every image."""
        import symstack as ss

        return ss.function([self.images], self.predicted, name="predict")


def build_perceptron(mean: np.ndarray, seed: int = 1) -> Perceptron:
    """Build the network; ``mean`` ``(64,)`` is taken from every image, ``seed`` draws the first weights."""
    import symstack as ss
    from symstack import tensor as T

    rng = np.random.default_rng(seed)
    inputs = SIDE * SIDE

    def weights(rows: int, columns: int) -> np.ndarray:
        return (rng.normal(size=(rows, columns)) / np.sqrt(rows)).astype(np.float32)

    parameters = [
        ss.shared(weights(inputs, HIDDEN), name="W1"),
        ss.shared(np.zeros(HIDDEN, np.float32), name="b1"),
        ss.shared(weights(HIDDEN, CLASSES), name="W2"),
        ss.shared(np.zeros(CLASSES, np.float32), name="b2"),
    ]
    W1, b1, W2, b2 = parameters
    images, labels, rate = T.fmatrix("images"), T.lvector("labels"), T.fscalar("rate")
    hidden = T.tanh(T.dot(images - T.constant(mean.astype(np.float32)), W1) + b1)
    probabilities = T.nnet.softmax(T.dot(hidden, W2) + b2)
    cost = T.nnet.categorical_crossentropy(probabilities, labels).mean()

    updates = []
    for parameter, slope in zip(parameters, ss.grad(cost, parameters), strict=True):
        velocity = ss.shared(np.zeros_like(parameter.get_value()), name=f"v_{parameter.name}")
        moved = np.float32(MOMENTUM) * velocity - rate * slope
        updates += [(velocity, moved), (parameter, parameter + moved)]
    return Perceptron(images, labels, rate, cost, T.argmax(probabilities, axis=1), updates)
