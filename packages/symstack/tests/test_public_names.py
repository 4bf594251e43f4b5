"""Every public name exists, is what its package defines, and one that is not built yet says so when it is called."""

import subprocess
import sys

import pytest

import symstack as ss
from symstack import absent
from symstack import gradient as gradient_module
from symstack import tensor as T


def words(text):
    return text.split()


TOP = words("""
    function shared grad clone scan until ifelse In Out Mode get_mode config as_op Op Apply OpFromGraph jit gradient
    printing RandomStreams MRG_RandomStreams PhiloxStreams pp debugprint Variable Constant Type FunctionGraph
    Rop Lop map reduce foldl foldr tensor scan_module vectorize_graph SharedVariable OrderedUpdates NanGuardMode
    MonitorMode change_flags compat dot graph
""")
GRADIENT = words("""
    grad Rop Lop jacobian hessian verify_grad consider_constant zero_grad disconnected_grad grad_clip grad_scale
    grad_undefined grad_not_implemented subgraph_grad numeric_grad DisconnectedType DisconnectedInputError
    NullTypeGradError GradientError
""")
PRINTING = words("debugprint pp pprint pydotprint dot_text min_informative_str var_descriptor Print Assert")
GRAPH = words("""
    Apply Constant FunctionGraph MissingInputError Op SharedVariable TestValueError Type Variable ancestors clone
    clone_get_equiv debug_assert debug_error_message equal_computations explicit_inputs get_debug_values get_test_value
    inputs io_toposort is_same_graph ops toposort variables_and_orphans walk
""")
TENSOR = words("""
    nnet signal sparse grad Rop Lop jacobian hessian consider_constant
    scalar vector matrix row col tensor3 tensor4 tensor5 fvector dmatrix ivector lvector bscalar wvector zmatrix
    iscalars dmatrices vectors tensor TensorType as_tensor as_tensor_variable constant
    add sub mul true_div int_div floor_div mod pow neg abs abs_ sgn sqr sqrt exp exp2 expm1 log log2 log10 log1p sin
    cos tan arcsin arccos arctan arctan2 sinh cosh tanh arcsinh arccosh arctanh ceil floor trunc round iround maximum
    minimum clip switch where eq neq lt le gt ge and_ or_ xor invert isnan isinf isclose allclose cast sigmoid
    softplus reciprocal inv square sum prod mean var std max min argmax argmin max_and_argmax all any ptp norm
    dot matmul tensordot batched_dot outer
    dimshuffle reshape flatten transpose swapaxes squeeze expand_dims shape_padleft shape_padright shape_padaxis
    addbroadcast unbroadcast patternbroadcast specify_shape shape size
    concatenate join stack split set_subtensor inc_subtensor take nonzero
    Elemwise DimShuffle TensorVariable TensorConstant shared_randomstreams raw_random sharedvar
    get_scalar_constant_value NotScalarConstantError largest smallest tensor_copy advanced_set_subtensor1
    zeros ones zeros_like ones_like full_like eye identity_like alloc arange fill second
""")
NNET = words("""
    sigmoid hard_sigmoid ultra_fast_sigmoid softplus softsign relu elu selu softmax logsoftmax log_softmax
    softmax_with_bias binary_crossentropy sigmoid_binary_crossentropy categorical_crossentropy
    crossentropy_categorical_1hot conv2d
""")

# name -> (package named in the message, a call that uses the name)
NOT_BUILT = {
    "T.signal": ("symnnet", lambda: T.signal.conv2d(1, 2)),
    "T.nnet.conv2d": ("symnnet", lambda: T.nnet.conv2d(T.tensor4(), T.tensor4())),
}


@pytest.mark.parametrize("name", TOP)
def test_top_level_name(name):
    assert getattr(ss, name) is not None
    assert name in dir(ss)
    assert name in ss.__all__


@pytest.mark.parametrize("name", GRADIENT)
def test_name_of_gradient(name):
    assert getattr(ss.gradient, name) is not None
    assert name in dir(ss.gradient)


@pytest.mark.parametrize("name", PRINTING)
def test_name_of_printing(name):
    assert callable(getattr(ss.printing, name))
    assert name in dir(ss.printing)


@pytest.mark.parametrize("name", GRAPH)
def test_name_of_the_graph_tools(name):
    assert callable(getattr(ss.graph, name))
    assert name in dir(ss.graph)


@pytest.mark.parametrize("name", TENSOR)
def test_name_of_the_tensor_language(name):
    assert getattr(T, name) is not None
    assert name in dir(T)


@pytest.mark.parametrize("name", NNET)
def test_name_of_nnet(name):
    assert callable(getattr(T.nnet, name))


@pytest.mark.parametrize("name", NOT_BUILT)
def test_a_name_that_is_not_built_names_its_package_when_called(name):
    package, call = NOT_BUILT[name]
    with pytest.raises(NotImplementedError, match=rf"\b{package}\b"):
        call()


def test_every_absent_name_is_public_and_in_the_table_above():
    assert set(absent.ABSENT) <= set(ss.__all__)
    assert {f"ss.{name}" for name in absent.ABSENT} <= set(NOT_BUILT)


@pytest.mark.parametrize("module", [ss, gradient_module, T], ids=["symstack", "gradient", "tensor"])
def test_an_unknown_name_is_an_attribute_error_that_names_the_module(module):
    with pytest.raises(AttributeError, match="no_such_name"):
        module.no_such_name  # noqa: B018


def test_names_are_those_of_the_packages_that_own_them():
    import symcore
    import symcore.tensor
    import symopt
    import symscan

    assert ss.grad is T.grad is ss.gradient.grad is symcore.grad
    assert ss.shared is symcore.shared
    assert ss.config is symcore.config
    assert ss.Mode is symopt.Mode
    assert ss.scan is symscan.scan
    assert T.exp is symcore.tensor.exp


def test_older_modules_hand_on_the_same_names():
    from symcore.random import raw

    assert T.shared_randomstreams.RandomStreams is ss.RandomStreams
    assert T.raw_random.uniform is raw.uniform
    assert T.sharedvar.SharedVariable is ss.SharedVariable is ss.graph.SharedVariable
    assert isinstance(ss.shared(1.0), T.sharedvar.TensorSharedVariable)


def test_flags_change_in_a_block_and_around_a_function():
    with ss.change_flags({"int_division": "int"}, floatX="float32"):
        assert (ss.config.int_division, T.scalar().dtype) == ("int", "float32")

    @ss.config.change_flags(floatX="float16")
    def inside():
        return T.scalar().dtype

    assert (ss.config.int_division, T.scalar().dtype, inside()) == ("floatX", "float64", "float16")
    with pytest.raises(AttributeError, match="floatY"), ss.change_flags(floatY="float32"):
        pass


@pytest.mark.default_mode
def test_the_tensor_module_is_its_own_and_patches_nothing():
    code = (
        "import symcore.tensor as core; before = dict(vars(core))\n"
        "from symstack import tensor as T; T.grad, T.nnet, T.signal, T.sparse, T.jacobian\n"
        "assert T is not core and not hasattr(core, 'grad') and not hasattr(core, 'sparse')\n"
        "assert all(vars(core)[name] is value for name, value in before.items())\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


@pytest.mark.default_mode
def test_eval_compiles_as_functions_do():
    """In a process that has used nothing but ``eval``: a rule that makes log(1 + x) right for tiny x has applied."""
    code = "from symstack import tensor as T; x = T.dscalar('x'); assert T.log(1 + x).eval({x: 1e-20}) == 1e-20"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


def test_a_name_added_to_the_language_later_is_found(monkeypatch):
    import symcore.tensor

    marker = object()
    monkeypatch.setattr(symcore.tensor, "added_later", marker, raising=False)
    assert T.added_later is marker


@pytest.mark.parametrize(
    "module", ["scipy", "matplotlib", "sklearn", "rich", "symgpu", "symscan", "importlib.metadata"]
)
def test_importing_symstack_does_not_import(module):
    code = (
        "import sys, symstack as ss\nfrom symstack import tensor as T\nss.config, ss.shared, ss.grad, T.exp\n"
        f"sys.exit({module!r} in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], timeout=60, check=False).returncode == 0


def test_a_name_that_stands_in_another_module():
    with pytest.raises(AttributeError, match=r"'symstack.tensor' has no attribute 'relu'; there is T\.nnet\.relu$"):
        _ = T.relu
    with pytest.raises(AttributeError, match="has no attribute 'relooo'$"):
        _ = T.relooo
    assert not hasattr(T, "__wrapped__")
