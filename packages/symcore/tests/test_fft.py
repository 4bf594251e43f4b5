"""Fourier transforms against NumPy, there and back, and their gradients."""

import numpy as np
import pytest

from symcore import fft
from symcore import tensor as T
from symcore.gradient.verify import verify_grad
from symcore.interpreter import evaluate

rng = np.random.default_rng(14)
NORMS = [None, "ortho", "no_norm"]
SHAPES = [(3, 8), (2, 7), (2, 3, 4), (2, 4, 3, 5), (0, 4)]


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("shape", SHAPES)
def test_as_numpy_and_back(norm, shape):
    x = rng.normal(size=shape)
    v = T.TensorType("float64", (None,) * x.ndim)()
    axes = tuple(range(1, x.ndim))
    wanted = np.fft.rfftn(x, axes=axes, norm="ortho" if norm == "ortho" else None)
    forward = fft.rfft(v, norm)
    found = evaluate(forward, {v: x})
    np.testing.assert_allclose(found[..., 0] + 1j * found[..., 1], wanted, atol=1e-12)
    back = evaluate(fft.irfft(forward, norm, is_odd=shape[-1] % 2 == 1), {v: x})
    points = np.prod(shape[1:]) if norm == "no_norm" else 1
    np.testing.assert_allclose(back, x * points, atol=1e-11)


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("odd", [False, True])
def test_gradients(norm, odd):
    x, z = rng.normal(size=(2, 3, 5 if odd else 6)), rng.normal(size=(2, 3, 3, 2))
    verify_grad(lambda v: fft.rfft(v, norm), [x], rng=np.random.default_rng(1))
    verify_grad(lambda v: fft.irfft(v, norm, odd), [z], rng=np.random.default_rng(1))


def test_dtypes_and_shapes():
    x = T.TensorType("float32", (2, 6))()
    y = fft.rfft(x, "ortho")
    assert y.type.shape == (2, 4, 2) and y.dtype == "float32"
    assert fft.irfft(y).type.shape == (2, 6) and fft.irfft(y, is_odd=True).type.shape == (2, 7)
    assert fft.rfft(T.imatrix()).dtype == T.matrix().dtype
    given = {x: np.ones((2, 6), "float32")}
    assert evaluate(fft.irfft(y, "ortho"), given).dtype == "float32"


def test_a_wrong_call_is_refused():
    with pytest.raises(ValueError, match="'no_norm'"):
        fft.rfft(T.dmatrix(), norm="forward")
    with pytest.raises(TypeError, match="at least 2 dimensions"):
        fft.rfft(T.dvector())
    with pytest.raises(TypeError, match="pairs"):
        fft.irfft(np.ones((2, 3, 3)))
    z = T.dtensor3()
    with pytest.raises(ValueError, match="pairs"):
        evaluate(fft.irfft(z), {z: np.ones((2, 3, 3))})
