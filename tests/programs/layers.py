"""A library of layers: layer objects, parameters with tags, and update rules that make ordered dictionaries."""

from collections import OrderedDict

import numpy as np

import symstack as ss
from symstack import tensor as T


def as_floatx(value):
    return np.asarray(value, dtype=ss.config.floatX)


class Layer:
    """A node of the network: its parameters are shared variables, each with a set of tags."""

    def __init__(self, incoming, name=None):
        many = incoming if isinstance(incoming, list) else [incoming]
        self.inputs, self.name, self.params = many, name, OrderedDict()
        self.output_shape = self.shape_for([layer.output_shape for layer in many])

    def add_param(self, value, name, **tags):
        wanted = {"trainable": True, "regularizable": True} | tags
        variable = ss.shared(as_floatx(value), name=f"{self.name}.{name}" if self.name else name)
        self.params[variable] = {tag for tag, on in wanted.items() if on}
        return variable

    def shape_for(self, shapes):
        return shapes[0]

    def output_for(self, inputs, deterministic):
        raise NotImplementedError


class InputLayer(Layer):
    def __init__(self, shape, variable=None, name=None):
        self.shape = shape
        super().__init__([], name)
        self.variable = T.TensorType(ss.config.floatX, [n == 1 for n in shape])(name) if variable is None else variable

    def shape_for(self, shapes):
        return self.shape


class DenseLayer(Layer):
    """``nonlinearity(dot(x, W) + b)``; what has more than two axes is flattened first."""

    def __init__(self, incoming, units, rng, nonlinearity=T.nnet.relu, bias=True, name=None):
        self.units, self.nonlinearity = units, nonlinearity
        super().__init__(incoming, name)
        wide = int(np.prod(incoming.output_shape[1:]))
        bound = np.sqrt(6.0 / (wide + units))
        self.W = self.add_param(rng.uniform(-bound, bound, (wide, units)), "W")
        self.b = self.add_param(np.zeros(units), "b", regularizable=False) if bias else None

    def shape_for(self, shapes):
        return (shapes[0][0], self.units)

    def output_for(self, inputs, deterministic):
        [x] = inputs
        if x.ndim > 2:
            x = x.flatten(2)
        activation = T.dot(x, self.W)
        if self.b is not None:
            activation = activation + self.b.dimshuffle("x", 0)
        return self.nonlinearity(activation)


class DropoutLayer(Layer):
    """Zeros with probability ``p``, and the rest larger; the mask comes from a stream of its own."""

    def __init__(self, incoming, p=0.5, seed=1, name=None):
        self.p, self.streams = p, ss.MRG_RandomStreams(seed)
        super().__init__(incoming, name)

    def output_for(self, inputs, deterministic):
        [x] = inputs
        if deterministic or self.p == 0:
            return x
        keep = T.constant(1) - self.p
        shape = [x.shape[k] if n is None else n for k, n in enumerate(self.output_shape)]
        return x / keep * self.streams.binomial(shape, p=1 - self.p, dtype=x.dtype)


class BatchNormLayer(Layer):
    """Rows made normal; running averages live in shared variables that every training function updates by default."""

    def __init__(self, incoming, alpha=0.1, epsilon=1e-4, name=None):
        self.alpha, self.epsilon = alpha, epsilon
        super().__init__(incoming, name)
        n = incoming.output_shape[1]
        self.beta = self.add_param(np.zeros(n), "beta", regularizable=False)
        self.gamma = self.add_param(np.ones(n), "gamma")
        self.mean = self.add_param(np.zeros(n), "mean", trainable=False, regularizable=False)
        self.inv_std = self.add_param(np.ones(n), "inv_std", trainable=False, regularizable=False)

    def output_for(self, inputs, deterministic):
        [x] = inputs
        if deterministic:
            mean, inv_std = self.mean, self.inv_std
        else:
            mean, inv_std = x.mean(0), T.inv(T.sqrt(x.var(0) + self.epsilon))
            # Copies of the running averages over the same storage: only the functions that hold them update them.
            running_mean = ss.clone(self.mean, share_inputs=False)
            running_inv_std = ss.clone(self.inv_std, share_inputs=False)
            running_mean.default_update = (1 - self.alpha) * running_mean + self.alpha * mean
            running_inv_std.default_update = (1 - self.alpha) * running_inv_std + self.alpha * inv_std
            mean = mean + 0 * running_mean
            inv_std = inv_std + 0 * running_inv_std
        pattern = ["x", 0]
        mean, inv_std, beta, gamma = (v.dimshuffle(pattern) for v in (mean, inv_std, self.beta, self.gamma))
        return (x - mean) * (gamma * inv_std) + beta


class EmbeddingLayer(Layer):
    """Rows of ``W`` by the integers of the input."""

    def __init__(self, incoming, words, size, rng, name=None):
        self.size = size
        super().__init__(incoming, name)
        self.W = self.add_param(rng.normal(0, 0.3, (words, size)), "W")

    def shape_for(self, shapes):
        return (*shapes[0], self.size)

    def output_for(self, inputs, deterministic):
        return self.W[inputs[0]]


class ReshapeLayer(Layer):
    """A new shape: ``[k]`` is the length of axis ``k`` of the input, -1 what is left."""

    def __init__(self, incoming, shape, name=None):
        self.shape = shape
        super().__init__(incoming, name)

    def shape_for(self, shapes):
        [old] = shapes
        new = [old[n[0]] if isinstance(n, list) else n for n in self.shape]
        if -1 in new and None not in old:
            new[new.index(-1)] = int(np.prod(old) // -np.prod(new))
        elif -1 in new and old[0] is None and new[0] is None:
            new[new.index(-1)] = int(np.prod(old[1:]) // -np.prod(new[1:]))
        return tuple(new)

    def output_for(self, inputs, deterministic):
        [x] = inputs
        return x.reshape(tuple(x.shape[n[0]] if isinstance(n, list) else n for n in self.shape))


class DimshuffleLayer(Layer):
    def __init__(self, incoming, pattern, name=None):
        self.pattern = pattern
        super().__init__(incoming, name)

    def shape_for(self, shapes):
        return tuple(1 if k == "x" else shapes[0][k] for k in self.pattern)

    def output_for(self, inputs, deterministic):
        return inputs[0].dimshuffle(*self.pattern)


class ConcatLayer(Layer):
    def shape_for(self, shapes):
        return (shapes[0][0], sum(shape[1] for shape in shapes))

    def output_for(self, inputs, deterministic):
        return T.concatenate(inputs, axis=1)


class FunctionLayer(Layer):
    """Any expression that keeps the shape."""

    def __init__(self, incoming, function, name=None):
        self.function = function
        super().__init__(incoming, name)

    def output_for(self, inputs, deterministic):
        return self.function(*inputs)


def get_all_layers(top):
    """Every layer under ``top``, the inputs first, each once."""
    found, seen = [], set()

    def visit(layer):
        if layer not in seen:
            seen.add(layer)
            for below in layer.inputs:
                visit(below)
            found.append(layer)

    visit(top)
    return found


def get_output(top, inputs=None, deterministic=False):
    """The expression of ``top``; ``inputs`` maps layers to variables that stand for their outputs."""
    values = dict(inputs or {})
    for layer in get_all_layers(top):
        if layer not in values:
            if isinstance(layer, InputLayer):
                values[layer] = layer.variable
            else:
                values[layer] = layer.output_for([values[below] for below in layer.inputs], deterministic)
    return values[top]


def get_all_params(top, **tags):
    """The shared variables of all layers that have, or have not, the given tags."""
    return [
        variable
        for layer in get_all_layers(top)
        for variable, of_variable in layer.params.items()
        if all((tag in of_variable) == wanted for tag, wanted in tags.items())
    ]


def get_all_param_values(top):
    return [variable.get_value() for variable in get_all_params(top)]


def set_all_param_values(top, values):
    for variable, value in zip(get_all_params(top), values, strict=True):
        if variable.get_value(borrow=True).shape != value.shape:
            raise ValueError(f"{variable} has shape {variable.get_value().shape}, the value {value.shape}")
        variable.set_value(value)


def l2(x):
    return T.sum(x**2)


def l1(x):
    return T.sum(abs(x))


def regularize_network_params(top, penalty):
    return sum(penalty(variable) for variable in get_all_params(top, regularizable=True))


# --- updates ----------------------------------------------------------------------------------------------------------


def zeros_of(variable):
    value = variable.get_value(borrow=True)
    return ss.shared(np.zeros(value.shape, dtype=value.dtype), broadcastable=variable.broadcastable)


def get_or_compute_grads(loss_or_grads, params):
    return loss_or_grads if isinstance(loss_or_grads, list) else ss.grad(loss_or_grads, params)


def sgd(loss_or_grads, params, learning_rate):
    updates = OrderedDict()
    for param, grad in zip(params, get_or_compute_grads(loss_or_grads, params), strict=True):
        updates[param] = param - learning_rate * grad
    return updates


def apply_momentum(updates, params, momentum):
    updates = OrderedDict(updates)
    for param in params:
        velocity = zeros_of(param)
        x = momentum * velocity + updates[param]
        updates[velocity] = x - param
        updates[param] = x
    return updates


def momentum(loss_or_grads, params, learning_rate, momentum=0.9):
    return apply_momentum(sgd(loss_or_grads, params, learning_rate), params, momentum)


def nesterov_momentum(loss_or_grads, params, learning_rate, momentum=0.9):
    updates = sgd(loss_or_grads, params, learning_rate)
    for param in params:
        velocity = zeros_of(param)
        x = momentum * velocity + updates[param] - param
        updates[velocity] = x
        updates[param] = momentum * x + updates[param]
    return updates


def adagrad(loss_or_grads, params, learning_rate=1.0, epsilon=1e-6):
    updates = ss.OrderedUpdates()
    for param, grad in zip(params, get_or_compute_grads(loss_or_grads, params), strict=True):
        total = zeros_of(param)
        updates[total] = total + grad**2
        updates[param] = param - learning_rate * grad / T.sqrt(updates[total] + epsilon)
    return updates


def rmsprop(loss_or_grads, params, learning_rate=1.0, rho=0.9, epsilon=1e-6):
    one, updates = T.constant(1), ss.OrderedUpdates()
    for param, grad in zip(params, get_or_compute_grads(loss_or_grads, params), strict=True):
        total = zeros_of(param)
        updates[total] = rho * total + (one - rho) * grad**2
        updates[param] = param - learning_rate * grad / T.sqrt(updates[total] + epsilon)
    return updates


def adadelta(loss_or_grads, params, learning_rate=1.0, rho=0.95, epsilon=1e-6):
    one, updates = T.constant(1), ss.OrderedUpdates()
    for param, grad in zip(params, get_or_compute_grads(loss_or_grads, params), strict=True):
        total, moved = zeros_of(param), zeros_of(param)
        total_new = rho * total + (one - rho) * grad**2
        step = grad * T.sqrt(moved + epsilon) / T.sqrt(total_new + epsilon)
        updates[total] = total_new
        updates[param] = param - learning_rate * step
        updates[moved] = rho * moved + (one - rho) * step**2
    return updates


def adam(loss_or_grads, params, learning_rate=0.001, beta1=0.9, beta2=0.999, epsilon=1e-8):
    t_prev = ss.shared(as_floatx(0.0))
    one, updates = T.constant(1), ss.OrderedUpdates()
    t = t_prev + 1
    rate = learning_rate * T.sqrt(one - beta2**t) / (one - beta1**t)
    for param, grad in zip(params, get_or_compute_grads(loss_or_grads, params), strict=True):
        m_prev, v_prev = zeros_of(param), zeros_of(param)
        m = beta1 * m_prev + (one - beta1) * grad
        v = beta2 * v_prev + (one - beta2) * grad**2
        updates[m_prev] = m
        updates[v_prev] = v
        updates[param] = param - rate * m / (T.sqrt(v) + epsilon)
    updates[t_prev] = t
    return updates


def total_norm_constraint(tensors, max_norm, epsilon=1e-7):
    norm = T.sqrt(sum(T.sum(tensor**2) for tensor in tensors))
    target = T.clip(norm, 0, max_norm)
    multiplier = target / (epsilon + norm)
    return [step * multiplier for step in tensors], norm
