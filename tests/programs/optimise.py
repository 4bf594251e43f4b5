"""Optimisation of all parameters as one vector: L-BFGS of SciPy, conjugate gradients on R-op products, Gauss-Newton.

Matrix-free second order products follow B. A. Pearlmutter, "Fast exact multiplication by the Hessian" (1994), and
N. N. Schraudolph, "Fast curvature matrix-vector products" (2002).
"""

import numpy as np

import symstack as ss
from symstack import tensor as T


class Network:
    """A network of one hidden layer; all its parameters are parts of one shared vector ``theta``."""

    def __init__(self, n_in, n_hidden, n_out, rng):
        shapes = [(n_in, n_hidden), (n_hidden,), (n_hidden, n_out), (n_out,)]
        sizes = [int(np.prod(shape)) for shape in shapes]
        self.theta = ss.shared(rng.normal(0, 0.3, sum(sizes)).astype(ss.config.floatX), name="theta", borrow=True)
        ends = np.cumsum(sizes)
        W, b, V, c = (
            self.theta[end - size : end].reshape(shape) for size, end, shape in zip(sizes, ends, shapes, strict=True)
        )
        self.x, self.y = T.matrix("x"), T.ivector("y")
        self.scores = T.dot(T.tanh(T.dot(self.x, W) + b), V) + c
        self.cost = T.nnet.categorical_crossentropy(T.nnet.softmax(self.scores), self.y).mean()
        self.cost += 1e-3 * (self.theta**2).sum()

    def over_batches(self, X, Y, size, mode=None):
        """``(cost, gradient)`` of the mean over all minibatches, as functions of a vector of parameters."""
        index, data, labels = T.lscalar("index"), ss.shared(X, borrow=True), T.cast(ss.shared(Y, borrow=True), "int32")
        rows = slice(index * size, (index + 1) * size)
        cost_and_gradient = [self.cost, T.grad(self.cost, self.theta)]
        both = ss.function([index], cost_and_gradient, givens={self.x: data[rows], self.y: labels[rows]}, mode=mode)

        def mean(theta):
            self.theta.set_value(np.asarray(theta, dtype=self.theta.dtype), borrow=True)
            parts = [both(k) for k in range(len(X) // size)]
            return np.mean([c for c, _ in parts]), np.mean([g for _, g in parts], axis=0).astype("float64")

        return mean

    def hessian_product(self, v):
        """``H v`` by the R-operator of the gradient."""
        return T.Rop(T.grad(self.cost, self.theta), self.theta, v)

    def gauss_newton_product(self, v):
        """``J' H_out J v``, with J of the scores and H_out of the cross-entropy in them, and the penalty's 2e-3 v."""
        Jv = T.Rop(self.scores, self.theta, v)
        loss = T.nnet.categorical_crossentropy(T.nnet.softmax(self.scores), self.y).mean()
        by_scores = ss.grad(loss, self.scores)
        HJv = T.grad(T.sum(by_scores * Jv), self.scores, consider_constant=[Jv])
        return T.Lop(self.scores, self.theta, HJv) + 2e-3 * v

    def gauss_newton(self, damping=0.1, n_steps=60, mode=None):
        """A function that makes one damped step, and gives the cost before it, CG's steps and its residual."""
        gradient = T.grad(self.cost, self.theta)
        move, steps, residual = conjugate_gradient(
            lambda v: self.gauss_newton_product(v) + damping * v, -gradient, n_steps=n_steps
        )
        updates = [(self.theta, self.theta + move)]
        return ss.function([self.x, self.y], [self.cost, steps, residual], updates=updates, mode=mode)


def conjugate_gradient(product, b, tolerance=1e-10, n_steps=50):
    """Solve ``A x = b`` for a positive definite A that is known by ``product(v) = A v``; a loop of the language."""

    def step(x, r, p):
        Ap = product(p)
        rr = T.dot(r, r)
        alpha = rr / T.dot(p, Ap)
        r_new = r - alpha * Ap
        return (x + alpha * p, r_new, r_new + T.dot(r_new, r_new) / rr * p), ss.until(T.dot(r_new, r_new) < tolerance)

    [xs, rs, _], updates = ss.scan(step, outputs_info=[T.zeros_like(b), b, b], n_steps=n_steps)
    assert not updates
    return xs[-1], xs.shape[0], T.sqrt(T.dot(rs[-1], rs[-1]))
