"""Functions of neural networks that are not built yet: each exists, and raises ``NotImplementedError`` when called."""

from collections.abc import Callable
from typing import Any, NoReturn

#: Name -> what to do meanwhile.
ABSENT: dict[str, str] = {
    **dict.fromkeys(
        (
            "conv2d", "conv3d", "conv2d_transpose", "conv2d_grad_wrt_inputs", "conv2d_grad_wrt_weights",
            "conv3d_grad_wrt_inputs", "conv3d_grad_wrt_weights", "separable_conv2d", "separable_conv3d",
            "causal_conv1d", "bilinear_upsampling", "frac_bilinear_upsampling", "get_conv_output_shape",
            "pool_2d", "pool_3d", "max_pool_2d_same_size", "images2neibs", "neibs2images", "sparse_block_dot", "ctc",
            "confusion_matrix",
        ),
        "",
    ),
    **dict.fromkeys(
        ("batch_normalization", "batch_normalization_train", "batch_normalization_test"),
        "Write it with x.mean and x.var over the batch axis.",
    ),
    "h_softmax": "Use softmax over all classes.",
}  # fmt: skip


def not_built(name: str, meanwhile: str = "") -> Callable[..., NoReturn]:
    """Return a function of that name that raises ``NotImplementedError``, naming symnnet and what to do meanwhile."""
    message = f"symnnet.nnet.{name} was called, but symnnet does not build it yet (version 0.1). {meanwhile}".rstrip()

    def refuse(*arguments: Any, **options: Any) -> NoReturn:
        raise NotImplementedError(message)

    refuse.__name__ = refuse.__qualname__ = name
    refuse.__doc__ = f"Not built yet: raises ``NotImplementedError``. {meanwhile}".rstrip()
    return refuse


FUNCTIONS: dict[str, Callable[..., NoReturn]] = {name: not_built(name, hint) for name, hint in ABSENT.items()}
