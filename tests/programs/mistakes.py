"""Programs with one mistake each, as people write them in their first weeks, and what the error must tell."""

import pickle
from functools import partial

import numpy as np

import symstack as ss
from symcore.errors import ConfigError, DisconnectedInputError, InconsistentGraphError, MissingInputError
from symstack import tensor as T

MISTAKES = {}


def mistake(error, *words, line=None):
    """Note a program: the type of its error, words that must be told, and a piece of the line to be named."""

    def note(program):
        MISTAKES[program.__name__] = (program, error, words, line)
        return program

    return note


def weights(*shape, dtype="float64", name="W"):
    return ss.shared(np.ones(shape, dtype=dtype), name=name)


# --- Python on symbols ------------------------------------------------------------------------------------------------


@mistake(TypeError, "T.switch", "ifelse")
def an_if_on_a_symbolic_value():
    x = T.scalar("x")
    return x if x > 0 else -x


@mistake(TypeError, "T.switch", "ifelse")
def a_while_on_a_symbolic_value():
    x = T.scalar("x")
    while T.lt(x, 10):
        x = 2 * x


@mistake(TypeError, "T.and_", "&")
def and_between_comparisons():
    x = T.vector("x")
    return T.switch((x > 0) and (x < 1), x, 0)


@mistake(ValueError, "x", "scan")
def a_for_loop_over_a_tensor():
    x = T.vector("x")
    return sum(value for value in x)


@mistake(TypeError, "n", "T.arange")
def a_range_of_a_symbolic_number():
    n = T.iscalar("n")
    return list(range(n))


@mistake(TypeError, "x.shape[0]")
def the_len_of_a_tensor():
    return len(T.vector("x"))


@mistake(TypeError, "T.set_subtensor", "T.inc_subtensor")
def setting_an_element():
    x = T.vector("x")
    x[0] = 1


@mistake(TypeError, "T.set_subtensor", "T.inc_subtensor")
def adding_to_an_element():
    x = T.vector("x")
    x[0] += 1


@mistake(TypeError, "x", "eval()", "T")
def a_function_of_math():
    import math

    return math.exp(T.scalar("x"))


@mistake(TypeError, "x", "eval()")
def a_symbol_made_an_array():
    return np.asarray(T.vector("x"))


@mistake(AttributeError, "get_value", "shared", "eval()")
def the_value_of_an_expression():
    x = T.vector("x")
    return (x + 1).get_value()


@mistake(AttributeError, "relu", "T.nnet.relu")
def a_function_in_the_wrong_module():
    return T.relu(T.vector("x"))


# --- shapes -----------------------------------------------------------------------------------------------------------


@mistake(ValueError, "50", "40", "b", line="return ss.function([x], layer.sum())")
def a_bias_of_another_length():
    x, W, b = T.matrix("x"), weights(7, 50), weights(40, name="b")
    layer = T.tanh(T.dot(x, W) + b)
    return ss.function([x], layer.sum())(np.ones((5, 7)))


@mistake(ValueError, "(5, 50)", "(40, 10)", line="top = T.dot(")
def layers_that_do_not_meet():
    x, W, V = T.matrix("x"), weights(7, 50), weights(40, 10, name="V")
    top = T.dot(T.nnet.sigmoid(T.dot(x, W)), V)
    return ss.function([x], T.nnet.softmax(top))(np.ones((5, 7)))


@mistake(ValueError, "16", "(3, 5)", line="wrong = x.reshape(")
def a_reshape_of_another_size():
    x = T.matrix("x")
    wrong = x.reshape((3, 5))
    return ss.function([x], wrong)(np.ones((4, 4)))


@mistake(TypeError, "images", "2", "4", "dimensions")
def pictures_where_a_matrix_is_wanted():
    x = T.matrix("images")
    return ss.function([x], x + 1)(np.ones((2, 3, 8, 8)))


@mistake(TypeError, "matrix", "vector", "number of dimensions")
def joining_a_matrix_and_a_vector():
    return T.concatenate([T.matrix("a"), T.vector("b")], axis=1)


@mistake(ValueError, "ndim=")
def a_reshape_to_a_vector_of_unknown_length():
    return T.matrix("x").reshape(T.ivector("shape"))


# --- dtypes -----------------------------------------------------------------------------------------------------------


@mistake(TypeError, "an index must be an integer", "//", "astype")
def division_of_integers_in_an_index():
    x, n = T.vector("x"), T.iscalar("n")
    half = n / 2
    return x[:half]


@mistake(TypeError, "W", "float64", "float32", "astype('float32')", line="new = W - rate * W")
def a_float64_scalar_in_a_float32_program():
    W, rate = weights(3, dtype="float32"), T.dscalar("rate")
    new = W - rate * W
    return ss.function([rate], [], updates=[(W, new)])


@mistake(TypeError, "x", "float64", "float32", "allow_input_downcast")
def float64_data_in_a_float32_program():
    x = T.fmatrix("x")
    return ss.function([x], x * 2)(np.ones((2, 2)))


@mistake(TypeError, "y", "integer", "y.astype('int64')")
def float_targets_of_a_crossentropy():
    p, y = T.nnet.softmax(T.matrix("x")), T.vector("y")
    return T.nnet.categorical_crossentropy(p, y)


@mistake(TypeError, "y", "index", "y.astype('int64')")
def float_targets_as_an_index():
    p, y = T.nnet.softmax(T.matrix("x")), T.vector("y")
    return -T.mean(T.log(p)[T.arange(y.shape[0]), y])


@mistake(IndexError, "index 4", "size 4", "y", line="cost = -T.mean(")
def targets_that_start_at_one():
    x, y = T.matrix("x"), T.ivector("y")
    cost = -T.mean(T.log(T.nnet.softmax(x))[T.arange(y.shape[0]), y])
    return ss.function([x, y], cost)(np.ones((4, 4)), np.array([1, 2, 3, 4], "int32"))


@mistake(InconsistentGraphError, "givens", "y", "int32", "astype('int32')")
def float_labels_in_givens():
    index, y, labels = T.lscalar("index"), T.ivector("y"), weights(10, name="labels")
    return ss.function([index], y.sum(), givens={y: labels[index : index + 2]})


@mistake(TypeError, "flaot32", "float32")
def a_dtype_that_does_not_exist():
    return T.vector("x", dtype="flaot32")


@mistake(ConfigError, "floatx", "floatX")
def an_option_that_does_not_exist():
    ss.config.floatx = "float32"


# --- functions, updates, gradients ------------------------------------------------------------------------------------


@mistake(MissingInputError, "y", "givens", line="total = x + y")
def a_missing_input():
    x, y = T.vectors("xy")
    total = x + y
    return ss.function([x], total)


@mistake(TypeError, "shared", "TensorConstant", "shared(")
def an_update_of_a_constant():
    step = T.constant(np.zeros(3))
    return ss.function([], [], updates=[(step, step + 1)])


@mistake(TypeError, "W", "T.set_subtensor")
def an_update_of_a_row():
    W = weights(3, 3)
    return ss.function([], [], updates=[(W[0], W[0] + 1)])


@mistake(TypeError, "W", "vector", "matrix", line="new = W - 0.1 * x")
def an_update_of_another_rank():
    W, x = weights(3), T.matrix("x")
    new = W - 0.1 * x
    return ss.function([x], [], updates=[(W, new)])


@mistake(ValueError, "W", "twice")
def two_updates_of_one_variable():
    W = weights(3)
    return ss.function([], [], updates=[(W, W + 1), (W, W * 2)])


@mistake(TypeError, "x", "symbolic", "givens")
def a_function_called_with_a_symbol():
    x = T.vector("x")
    return ss.function([x], x + 1)(2 * x)


@mistake(TypeError, "scalar", "mean")
def the_gradient_of_a_vector():
    x = T.vector("x")
    return ss.grad(x**2, x)


@mistake(DisconnectedInputError, "Subtensor{0}", "this very variable")
def the_gradient_with_respect_to_a_row_made_anew():
    W = weights(4, 3)
    cost = (W**2).sum()
    return ss.grad(cost, W[0])


@mistake(TypeError, "outputs_info[0]", "float32", "int8")
def a_loop_with_a_state_of_integers():
    x = T.fvector("x")
    return ss.scan(lambda value, total: total + value, sequences=x, outputs_info=[T.constant(0)])


@mistake(TypeError, "2 arguments", "1 of sequences", "1 of outputs_info")
def a_step_that_takes_too_few_arguments():
    x = T.vector("x")
    return ss.scan(lambda value: 2 * value, sequences=x, outputs_info=[T.zeros(())])


@mistake(ValueError, "n_steps", "sequences")
def a_loop_without_an_end():
    return ss.scan(lambda total: total + 1, outputs_info=[T.zeros(())])


@mistake((AttributeError, pickle.PicklingError), "local object", "lambda")
def pickling_a_lambda():
    double = ss.as_op(itypes=[T.dvector], otypes=[T.dvector])(lambda v: 2 * v)
    x = T.dvector("x")
    return pickle.dumps(ss.function([x], double(x)))


@mistake(Exception, "NaN", "log", "x", line="energy = T.log(x)")
def nan_in_training():
    x = T.vector("x")
    energy = T.log(x)
    guard = partial(ss.NanGuardMode, nan_is_error=True, inf_is_error=True, big_is_error=True)
    return ss.function([x], (2 * energy).sum(), mode=guard())(np.array([1.0, -1.0]))
