"""tools/float32_sweep.py finds errors that were planted: in either form, at one argument, of every kind."""

import importlib.util
import re
import shutil
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.c, pytest.mark.skipif(shutil.which("gcc") is None, reason="gcc is not on PATH")]
#: Every so-many-th float32: eleven blocks.
STRIDE = 100_001
#: Arguments that are among them, as bits.
POSITIVE, NEGATIVE = 0x3F800000 // STRIDE * STRIDE, (0xBF800000 // STRIDE + 1) * STRIDE


def load_sweep():
    name = "float32_sweep"
    spec = importlib.util.spec_from_file_location(name, Path(__file__).parents[1] / "tools" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


sweep = load_sweep()
original = sweep.snippets


def plant(monkeypatch, function, wrong, argument="x"):
    """Let the sweep see a function that returns the expression ``wrong`` of its result ``right`` and its argument."""

    def planted(names):
        text = original(names)
        head = re.search(rf"SYM_FN float {function}\((.*)\) {{", text)
        given = ", ".join(part.split()[-1].lstrip("*") for part in head[1].split(", "))
        text = text.replace(f"{function}(", f"good_{function}(")
        body = f"float right = good_{function}({given}); sym_u32 at = sym_bits_f32({argument}); return {wrong};"
        return f"{text}\nSYM_FN float {function}({head[1]}) {{ {body} }}\n"

    monkeypatch.setattr(sweep, "snippets", planted)


def worst(name, folder, stride=STRIDE):
    loop = sweep.build_loop(name, "SSE2", folder, name == "pow")
    return sweep.sweep_binary(name, loop, 1 << 14) if name == "pow" else sweep.sweep_unary(loop, stride)


def as_float(bits):
    return sweep.np.array(bits, sweep.np.uint32).view(sweep.np.float32)


@pytest.mark.parametrize("name", ["exp", "log10", "pow", "cosh"])
def test_functions_as_they_are(tmp_path, name):
    found = worst(name, tmp_path)
    assert 0.4 < found.ulp < 2.5
    assert found.where


@pytest.mark.parametrize("form", ["", "_usual"])
def test_one_wrong_result_in_either_form(monkeypatch, tmp_path, form):
    plant(monkeypatch, f"sym_log10{form}_f32", f"at == {POSITIVE}u ? right * 1.00001f : right")
    found = worst("log10", tmp_path)
    assert 80 < found.ulp < 170  # 1e-5 is 84 to 168 units in the last place
    assert sweep.np.float32(found.where) == as_float(POSITIVE)


@pytest.mark.parametrize(
    ("name", "at", "wrong"),
    [("exp", POSITIVE, "0.0f / 0.0f"), ("exp", POSITIVE, "__builtin_inff()"),
     ("log10", NEGATIVE, "1.0f"), ("arcsinh", 0, "-0.0f"), ("arcsinh", NEGATIVE, "0.0f")],
)  # fmt: skip
def test_a_wrong_special_value_is_more_than_any_error(monkeypatch, tmp_path, name, at, wrong):
    plant(monkeypatch, f"sym_{name}_f32", f"at == {at}u ? {wrong} : right")
    found = worst(name, tmp_path)
    assert found.ulp >= sweep.np.float32(1e30)
    assert sweep.np.float32(found.where) == as_float(at)


@pytest.mark.parametrize("name", ["exp", "log10"])
def test_what_a_usual_form_has_marked_is_not_judged(monkeypatch, tmp_path, name):
    limit = {"exp": "sym_abs_f32(x) > 87.0f", "log10": "!(x >= 1.17549435e-38f && x <= 3.40282347e+38f)"}[name]
    plant(monkeypatch, f"sym_{name}_usual_f32", f"(void)at, {limit} ? 1e9f : right")
    assert worst(name, tmp_path).ulp < 2.5


def test_a_wrong_result_of_a_pair(monkeypatch, tmp_path):
    plant(monkeypatch, "sym_pow_usual_f32", "(at >> 16) == 0x3fc0u ? right * 1.0001f : right")
    found = worst("pow", tmp_path)
    assert found.ulp > 800
    x, _ = map(float, found.where.split(", "))
    assert 1.5 <= x < 1.51


def test_other_strides_see_other_arguments(monkeypatch, tmp_path):
    plant(monkeypatch, "sym_exp_f32", f"at == {POSITIVE + 1}u ? 0.0f : right")
    assert worst("exp", tmp_path).ulp < 2.5
    assert worst("exp", tmp_path, stride=POSITIVE + 1).ulp > 1e6
