"""The backend of a library of networks: one function for each thing that a network needs, over one language below."""

import numpy as np

import symstack as ss
from symstack import tensor as T

_LEARNING_PHASE = T.scalar(dtype="uint8", name="learning_phase")
EPSILON = 1e-7


def floatx():
    return ss.config.floatX


# --- variables --------------------------------------------------------------------------------------------------------


def variable(value, dtype=None, name=None):
    if isinstance(value, (T.TensorVariable, T.TensorConstant)):
        value = value.eval()
    return ss.shared(value=np.asarray(value, dtype=dtype or floatx()), name=name, strict=False)


def constant(value, dtype=None, shape=None, name=None):
    value = np.asarray(value)
    return T.constant((value * np.ones(value.shape if shape is None else shape)).astype(dtype or floatx()), name=name)


def placeholder(shape=None, ndim=None, dtype=None, name=None):
    if shape is not None:
        ndim = len(shape)
    return T.TensorType(dtype or floatx(), (False,) * ndim)(name)


def learning_phase():
    return _LEARNING_PHASE


def is_placeholder(x):
    return x.owner is None and not isinstance(x, (ss.SharedVariable, ss.Constant))


def shape(x):
    return x.shape


def ndim(x):
    return x.ndim


def dtype(x):
    return x.dtype


def eval(x):
    return x.eval()


def get_value(x):
    return x.get_value()


def set_value(x, value):
    x.set_value(np.asarray(value, dtype=x.dtype))


def batch_get_value(xs):
    return [get_value(x) for x in xs]


def batch_set_value(pairs):
    for x, value in pairs:
        set_value(x, value)


def count_params(x):
    return int(np.prod(x.shape.eval()))


def zeros(shape, dtype=None, name=None):
    return variable(np.zeros(shape), dtype, name)


def ones(shape, dtype=None, name=None):
    return variable(np.ones(shape), dtype, name)


def eye(size, dtype=None, name=None):
    return variable(np.eye(size), dtype, name)


def zeros_like(x, dtype=None):
    return T.zeros_like(x, dtype=dtype)


def ones_like(x, dtype=None):
    return T.ones_like(x, dtype=dtype)


def identity(x):
    return x.copy()


def cast(x, dtype):
    return T.cast(x, dtype)


def update(x, new):
    return (x, new)


def update_add(x, increment):
    return (x, x + increment)


def update_sub(x, decrement):
    return (x, x - decrement)


def moving_average_update(x, value, momentum):
    return (x, x * momentum + value * (1.0 - momentum))


# --- products, gathering, reductions ----------------------------------------------------------------------------------


def dot(x, y):
    return T.dot(x, y)


def batch_dot(x, y, axes=None):
    """Contracts one axis of ``x`` with one of ``y`` for every example; the answer has at least two axes."""
    if isinstance(axes, int):
        axes = (axes, axes)
    if axes is None:
        axes = (x.ndim - 1, y.ndim - 2)
    out = T.batched_tensordot(x, y, axes=axes)
    return expand_dims(out, 1) if out.ndim == 1 else out


def transpose(x):
    return T.transpose(x)


def gather(reference, indices):
    return reference[indices]


def max(x, axis=None, keepdims=False):
    return T.max(x, axis=axis, keepdims=keepdims)


def min(x, axis=None, keepdims=False):
    return T.min(x, axis=axis, keepdims=keepdims)


def sum(x, axis=None, keepdims=False):
    return T.sum(x, axis=axis, keepdims=keepdims)


def prod(x, axis=None, keepdims=False):
    return T.prod(x, axis=axis, keepdims=keepdims)


def cumsum(x, axis=0):
    return T.extra_ops.cumsum(x, axis=axis)


def cumprod(x, axis=0):
    return T.extra_ops.cumprod(x, axis=axis)


def mean(x, axis=None, keepdims=False):
    kind = floatx() if "int" in x.dtype or x.dtype == "bool" else None
    return T.mean(x, axis=axis, keepdims=keepdims, dtype=kind)


def var(x, axis=None, keepdims=False):
    return T.var(x, axis=axis, keepdims=keepdims)


def std(x, axis=None, keepdims=False):
    return T.std(x, axis=axis, keepdims=keepdims)


def any(x, axis=None, keepdims=False):
    return T.any(x, axis=axis, keepdims=keepdims)


def all(x, axis=None, keepdims=False):
    return T.all(x, axis=axis, keepdims=keepdims)


def argmax(x, axis=-1):
    return T.argmax(x, axis=axis, keepdims=False)


def argmin(x, axis=-1):
    return T.argmin(x, axis=axis, keepdims=False)


def logsumexp(x, axis=None, keepdims=False):
    m = T.max(x, axis=axis, keepdims=True)
    out = T.log(T.sum(T.exp(x - m), axis=axis, keepdims=True)) + m
    return out if keepdims else T.sum(out, axis=axis)


# --- element by element -----------------------------------------------------------------------------------------------


def square(x):
    return T.sqr(x)


def abs(x):
    return T.abs_(x)


def sqrt(x):
    return T.sqrt(T.clip(x, 0.0, np.inf))


def exp(x):
    return T.exp(x)


def log(x):
    return T.log(x)


def round(x):
    return T.round(x, mode="half_to_even")


def sign(x):
    return T.sgn(x)


def pow(x, a):
    return T.pow(x, a)


def clip(x, low, high):
    return T.clip(x, low, high)


def equal(x, y):
    return T.eq(x, y)


def not_equal(x, y):
    return T.neq(x, y)


def greater(x, y):
    return T.gt(x, y)


def greater_equal(x, y):
    return T.ge(x, y)


def less(x, y):
    return T.lt(x, y)


def less_equal(x, y):
    return T.le(x, y)


def maximum(x, y):
    return T.maximum(x, y)


def minimum(x, y):
    return T.minimum(x, y)


def sin(x):
    return T.sin(x)


def cos(x):
    return T.cos(x)


# --- shapes -----------------------------------------------------------------------------------------------------------


def concatenate(tensors, axis=-1):
    return T.concatenate(list(tensors), axis=axis)


def reshape(x, shape):
    return T.reshape(x, shape)


def permute_dimensions(x, pattern):
    return x.dimshuffle(tuple(pattern))


def repeat_elements(x, rep, axis):
    return T.repeat(x, rep, axis=axis)


def repeat(x, n):
    """``(examples, features)`` becomes ``(examples, n, features)``."""
    return T.extra_ops.repeat(x.dimshuffle((0, "x", 1)), n, axis=1)


def arange(start, stop=None, step=1, dtype="int32"):
    return T.arange(start, stop=stop, step=step, dtype=dtype)


def tile(x, n):
    return T.tile(x, n)


def flatten(x):
    return T.flatten(x)


def batch_flatten(x):
    return T.reshape(x, (x.shape[0], T.prod(x.shape) // x.shape[0]))


def expand_dims(x, axis=-1):
    pattern = list(range(x.type.ndim))
    pattern.insert(axis if axis >= 0 else axis % (x.type.ndim + 1), "x")
    return x.dimshuffle(pattern)


def squeeze(x, axis):
    return T.addbroadcast(x, axis).dimshuffle([k for k in range(x.ndim) if k != axis])


def temporal_padding(x, padding=(1, 1)):
    """Zeros before and after the steps of ``(examples, steps, features)``."""
    left, right = padding
    steps = x.shape[1]
    out = T.zeros((x.shape[0], steps + left + right, x.shape[2]), dtype=x.dtype)
    return T.set_subtensor(out[:, left : steps + left, :], x)


def spatial_padding(x, padding=((1, 1), (1, 1))):
    (top, bottom), (left, right) = padding
    n, channels, rows, cols = x.shape
    out = T.zeros((n, channels, rows + top + bottom, cols + left + right), dtype=x.dtype)
    index = (slice(None), slice(None), slice(top, rows + top), slice(left, cols + left))
    return T.set_subtensor(out[index], x)


def stack(tensors, axis=0):
    return T.stack(tensors, axis=axis)


def one_hot(indices, classes):
    """The integers of any shape, with a last axis of length ``classes``."""
    shape = tuple(indices.shape[k] for k in range(indices.ndim))
    flat = T.extra_ops.to_one_hot(T.flatten(indices), nb_class=classes)
    return T.reshape(flat, shape + (classes,))


def reverse(x, axes):
    axes = [axes] if isinstance(axes, int) else axes
    return x[tuple(slice(None, None, -1) if k in axes else slice(None) for k in range(x.ndim))]


def slice_rows(x, start, stop):
    return x[start:stop]


# --- functions and control --------------------------------------------------------------------------------------------


class Function:
    def __init__(self, inputs, outputs, updates=(), **keywords):
        seen = []
        for pair in updates:
            if pair[0] not in [old for old, _ in seen]:
                seen.append(pair)
        self.function = ss.function(
            inputs, outputs, updates=seen, allow_input_downcast=True, on_unused_input="ignore", **keywords
        )

    def __call__(self, inputs):
        return self.function(*inputs)


def function(inputs, outputs, updates=(), **keywords):
    return Function(inputs, outputs, updates=updates, **keywords)


def gradients(loss, variables):
    return T.grad(loss, variables)


def stop_gradient(variables):
    if isinstance(variables, (list, tuple)):
        return [ss.gradient.disconnected_grad(v) for v in variables]
    return ss.gradient.disconnected_grad(variables)


def switch(condition, then, otherwise):
    """The branch that ``condition`` chooses: a whole one if it is a scalar, else element by element."""
    if condition.ndim == 0:
        return ss.ifelse(condition, then, otherwise)
    missing = then.ndim - condition.ndim
    return T.switch(T.shape_padright(condition, missing) if missing else condition, then, otherwise)


def in_train_phase(x, alt):
    return ss.ifelse(T.cast(_LEARNING_PHASE, "bool"), x, alt)


def rnn(step, inputs, initial_states, go_backwards=False, mask=None, constants=()):
    """``step(row, states) -> output, new states`` over axis 1 of ``(examples, steps, features)``.

    Where ``mask`` (examples, steps) is 0, output and states are those of the step before. Gives the last output, all
    outputs ``(examples, steps, ...)`` and the last states.
    """
    constants = list(constants)
    inputs = inputs.dimshuffle([1, 0, *range(2, inputs.ndim)])
    if mask is None:

        def masked(row, *rest):
            output, states = step(row, list(rest))
            return [output, *states]

        results, _ = ss.scan(
            masked,
            sequences=inputs,
            outputs_info=[None, *initial_states],
            non_sequences=constants,
            go_backwards=go_backwards,
        )
    else:
        mask = T.cast(mask, "bool").dimshuffle(1, 0)
        zero = T.zeros_like(step(inputs[0], [*initial_states, *constants])[0])

        def masked(row, keep, output_before, *rest):
            before = list(rest[: len(initial_states)])
            output, states = step(row, list(rest))
            keep = T.shape_padright(keep)
            return [T.switch(keep, n, o) for n, o in zip([output, *states], [output_before, *before], strict=True)]

        results, _ = ss.scan(
            masked,
            sequences=[inputs, mask],
            outputs_info=[zero, *initial_states],
            non_sequences=constants,
            go_backwards=go_backwards,
        )
    results = results if isinstance(results, list) else [results]
    outputs, states = results[0], [state[-1] for state in results[1:]]
    return outputs[-1], outputs.dimshuffle([1, 0, *range(2, outputs.ndim)]), states


def foldl(fn, elements, initializer):
    return ss.foldl(lambda x, accumulated: fn(accumulated, x), elements, initializer)[0]


def foldr(fn, elements, initializer):
    return ss.foldr(lambda x, accumulated: fn(accumulated, x), elements, initializer)[0]


def map_fn(fn, elements):
    return ss.map(fn, elements)[0]


# --- networks ---------------------------------------------------------------------------------------------------------


def relu(x, alpha=0.0, max_value=None):
    x = T.nnet.relu(x, alpha)
    return x if max_value is None else T.minimum(x, max_value)


def elu(x, alpha=1.0):
    return T.nnet.elu(x, alpha)


def softmax(x):
    return T.nnet.softmax(x) if x.ndim == 2 else T.exp(x - logsumexp(x, -1, True))


def softplus(x):
    return T.nnet.softplus(x)


def softsign(x):
    return x / (1 + abs(x))


def sigmoid(x):
    return T.nnet.sigmoid(x)


def hard_sigmoid(x):
    return T.nnet.hard_sigmoid(x)


def tanh(x):
    return T.tanh(x)


def bias_add(x, bias):
    return x + reshape(bias, (1,) * (x.ndim - 1) + (bias.shape[0],)) if x.ndim > 2 else x + bias


def categorical_crossentropy(target, output, from_logits=False):
    output = T.nnet.softmax(output) if from_logits else output / output.sum(axis=-1, keepdims=True)
    output = T.clip(output, EPSILON, 1.0 - EPSILON)
    return T.nnet.categorical_crossentropy(output, target)


def sparse_categorical_crossentropy(target, output, from_logits=False):
    target = T.extra_ops.to_one_hot(T.cast(T.flatten(target), "int32"), nb_class=output.shape[-1])
    return categorical_crossentropy(reshape(target, shape(output)), output, from_logits)


def binary_crossentropy(target, output, from_logits=False):
    output = T.nnet.sigmoid(output) if from_logits else output
    return T.nnet.binary_crossentropy(T.clip(output, EPSILON, 1.0 - EPSILON), target)


def dropout(x, level, noise_shape=None, seed=1):
    keep = 1.0 - level
    streams = ss.MRG_RandomStreams(seed=seed)
    if noise_shape is None:
        return x * streams.binomial(x.shape, p=keep, dtype=x.dtype) / keep
    mask = streams.binomial(noise_shape, p=keep, dtype=x.dtype)
    return x * T.patternbroadcast(mask, [n == 1 for n in noise_shape]) / keep


def l2_normalize(x, axis):
    square_sum = T.sum(T.square(x), axis=axis, keepdims=True)
    return x / T.sqrt(T.maximum(square_sum, EPSILON))


def in_top_k(predictions, targets, k):
    chosen = predictions[T.arange(targets.shape[0]), targets]
    return T.lt(T.sum(T.gt(predictions, chosen.dimshuffle(0, "x")), axis=1), k)


def normalize_batch_in_training(x, gamma, beta, axes, epsilon=1e-3):
    mean, std = x.mean(axes, keepdims=True), T.sqrt(x.var(axes, keepdims=True) + epsilon)
    pattern = [("x" if k in axes else list(set(range(x.ndim)) - set(axes)).index(k)) for k in range(x.ndim)]
    normed = (x - mean) / std * gamma.dimshuffle(pattern) + beta.dimshuffle(pattern)
    kept = [k for k in range(x.ndim) if k not in axes]
    return normed, mean.dimshuffle(kept), T.inv(std).dimshuffle(kept)


def random_normal(shape, mean=0.0, std=1.0, dtype=None, seed=1):
    return ss.MRG_RandomStreams(seed=seed).normal(size=shape, avg=mean, std=std, dtype=dtype or floatx())


def random_uniform(shape, low=0.0, high=1.0, dtype=None, seed=1):
    return ss.MRG_RandomStreams(seed=seed).uniform(shape, low=low, high=high, dtype=dtype or floatx())


def random_binomial(shape, p=0.0, dtype=None, seed=1):
    return ss.MRG_RandomStreams(seed=seed).binomial(shape, p=p, dtype=dtype or floatx())


def ctc_free_path(x):
    """The best class of every step, without repeats and blanks (the last class): greedy decoding."""
    best = T.argmax(x, axis=-1)
    first = T.concatenate([T.ones_like(best[:1]), T.neq(best[1:], best[:-1])])
    return best[T.and_(first, T.neq(best, x.shape[-1] - 1)).nonzero()]
