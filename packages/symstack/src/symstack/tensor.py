"""The tensor language: ``from symstack import tensor as T``.

What :mod:`symcore.tensor` defines, and beside it the gradients (``T.grad``, ``T.Rop``, ``T.Lop``, ``T.jacobian``
...), the functions of neural networks (``T.nnet``), linear algebra (``T.nlinalg``, ``T.slinalg``), ``T.fft``,
``T.extra_ops``, ``T.signal``, ``T.sparse``, and random draws (``T.shared_randomstreams``, ``T.raw_random``). Handed on,
never changed: nothing here is put into another module.
"""

from typing import Any

import symcore.tensor as _language
from symcore.tensor import *  # noqa: F403
from symstack.lazy import lazy_names

_HOMES = {
    "DimShuffle": "symcore.tensor.shapes:DimShuffle",
    "Elemwise": "symcore.tensor.elemwise:Elemwise",
    "Lop": "symcore.gradient:Lop",
    "Rop": "symcore.gradient:Rop",
    "consider_constant": "symcore.gradient:consider_constant",
    "extra_ops": "symcore.tensor.extra_ops",
    "fft": "symcore.fft",
    "grad": "symcore.gradient:grad",
    "hessian": "symcore.gradient:hessian",
    "jacobian": "symcore.gradient:jacobian",
    "verify_grad": "symcore.gradient:verify_grad",
    "nlinalg": "symcore.linalg.nlinalg",
    "nnet": "symnnet.nnet",
    "raw_random": "symcore.random.raw",
    "shared_randomstreams": "symcore.random.streams",
    "sharedvar": "symcore.tensor.sharedvar",
    "signal": "symstack.absent:signal",
    "slinalg": "symcore.linalg.slinalg",
    "sparse": "symcore.sparse",
}

_beyond, _ = lazy_names(__name__, _HOMES)


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return _beyond(name)
    # What was added to the language after this module was imported.
    value = getattr(_language, name, _language)
    if value is not _language:
        return value
    hint = ""
    if not name.startswith("_"):
        homes = [home for home in ("nnet", "nlinalg", "slinalg") if hasattr(_beyond(home), name)]
        hint = f"; there is {' and '.join(f'T.{home}.{name}' for home in homes)}" if homes else ""
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}{hint}", name=name)


def __dir__() -> list[str]:
    return sorted({*(name for name in dir(_language) if not name.startswith("_")), *_HOMES})
