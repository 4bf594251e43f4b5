"""The kernels of this package. Only the C backend imports it, through its entry point; each module registers its
kernels once a graph has one of its Ops."""

from symcodegen.dispatch import c_impl

c_impl.later(
    "symnnet.c.crossentropy",
    "symnnet.crossentropy.CrossentropyCategorical1Hot",
    "symnnet.crossentropy.CrossentropyCategorical1HotGrad",
    "symnnet.crossentropy.CrossentropySoftmax1hot",
    "symnnet.crossentropy.CrossentropySoftmax1hotGrad",
    "symnnet.crossentropy.CrossentropySoftmax1hotWithGrad",
)
c_impl.later(
    "symnnet.c.softmax",
    "symnnet.softmax.LogSoftmax",
    "symnnet.softmax.LogSoftmaxGrad",
    "symnnet.softmax.Softmax",
    "symnnet.softmax.SoftmaxGrad",
)
