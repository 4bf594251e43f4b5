"""Modes: choosing rules by name, tag and phase, and by configuration."""

import pickle
import subprocess
import sys

import pytest

from symcore.config import config
from symopt.mode import Mode, get_mode, register_mode
from symopt.rules import all_rules
from symopt.vm import PyLinker


def names(mode):
    return [rule.name for rule in mode.rules]


@pytest.mark.default_mode
def test_predefined_modes():
    assert names(get_mode("FAST_RUN")) == [rule.name for rule in all_rules()]
    quick = get_mode("FAST_COMPILE")
    assert 0 < len(quick.rules) < len(all_rules()) / 4
    assert all("fast_compile" in rule.tags for rule in quick.rules)
    assert isinstance(quick.make_linker(config.snapshot()), PyLinker)
    for spelling in ("DEBUG", "DEBUG_MODE", "DebugMode"):
        assert get_mode(spelling) is get_mode("DEBUG")


@pytest.mark.default_mode
def test_the_default_is_configured():
    assert get_mode() is get_mode("FAST_RUN")
    with config.override(mode="FAST_COMPILE"):
        assert get_mode() is get_mode("FAST_COMPILE")


@pytest.mark.default_mode
def test_excluding_including_requiring():
    mode = get_mode("FAST_RUN")
    without = mode.excluding("nan_changing", "fuse", "dot-to-blas")
    assert not {"cancel-product", "fuse-elemwise", "dot-to-blas"} & set(names(without))
    assert len(mode.rules) > len(without.rules)
    assert without.including("nan_changing", "fuse", "dot-to-blas").rules == mode.rules
    only = mode.requiring("stabilize", "nan_changing")
    assert {rule.name for rule in only.rules} >= {"exp-of-log"}
    assert all("stabilize" in r.phases and "nan_changing" in r.tags for r in only.rules)


@pytest.mark.default_mode
def test_configuration_applies_to_every_mode():
    with config.override(nan_safe=True, excluding="fuse:log-of-exp"):
        mode = get_mode("FAST_RUN")
        assert not any("nan_changing" in rule.tags for rule in mode.rules)
        assert not {"fuse-elemwise", "log-of-exp"} & set(names(mode))
        assert get_mode("FAST_RUN") is mode
        assert "exp-of-log" not in names(get_mode(Mode("own", all_rules())))
    with config.override(including="log-of-exp"):
        assert "log-of-exp" in names(get_mode("FAST_COMPILE"))


def test_bad_names():
    with pytest.raises(ValueError, match="no mode 'FAST'"):
        get_mode("FAST")
    with pytest.raises(ValueError, match="Did you mean 'nan_changing'"):
        get_mode().excluding("nan_chaning")
    with pytest.raises(TypeError, match="must be a RuleSet"):
        Mode("own", ["a"])
    with pytest.raises(ValueError, match="no linker 'fast'"):
        Mode("own", linker="fast").make_linker(config.snapshot())


@pytest.mark.default_mode
def test_modes_are_immutable_values():
    mode = get_mode("FAST_RUN")
    with pytest.raises(AttributeError, match="cannot be changed"):
        mode.rules = None
    assert pickle.loads(pickle.dumps(mode)) == mode
    assert mode.excluding("fuse") != mode
    assert mode.with_linker("py").linker == "py"


@pytest.mark.default_mode
def test_register_mode():
    mine = Mode("test_register_mode", all_rules().only("canonicalize"), "py")
    register_mode("test_register_mode", mine)
    assert get_mode("test_register_mode") is mine
    with pytest.raises(ValueError, match="already"):
        register_mode("test_register_mode", Mode("other"))
    with pytest.raises(ValueError, match="already"):
        register_mode("FAST_RUN", mine)


@pytest.mark.default_mode
def test_rules_about_loops_come_with_the_loops():
    pytest.importorskip("symscan")
    code = (
        "import sys, symopt\nfrom symcore.tensor import vector\nfrom symopt.mode import get_mode\n"
        "x = vector('x')\nsymopt.function([x], x + 1)\n"
        "mode = get_mode('FAST_RUN')\nbefore = mode.rules_in_use\n"
        "assert 'symscan' not in sys.modules and mode.rules_in_use is before\n"
        "import symscan\n"
        "assert mode.rules_in_use == mode.rules and len(mode.rules) > len(before)\n"
        "assert list(before) == [r for r in mode.rules if r in before]\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.default_mode
def test_graphs_as_ops_are_taken_apart_once_there_may_be_any():
    code = (
        "import sys\n"
        "from symopt.mode import get_mode\n"
        "mode = get_mode('FAST_RUN')\n"
        "before = mode.rules_in_use\n"
        "assert 'inline-graph' not in before and 'symcore.from_graph' not in sys.modules\n"
        "from symcore import OpFromGraph, tensor as T\n"
        "x = T.dvector('x')\n"
        "assert next(iter(mode.rules_in_use)).name == 'inline-graph'\n"
        "assert list(mode.rules_in_use)[1:] == list(before)\n"
        "assert OpFromGraph([x], [x + 1])(x).eval({x: [1.0]}).tolist() == [2.0]\n"
        "assert next(iter(mode.rules)).name == 'inline-graph'\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
