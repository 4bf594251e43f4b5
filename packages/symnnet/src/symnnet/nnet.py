"""The functions of neural networks as users call them: ``from symnnet import nnet``, or ``T.nnet`` in symstack."""

from symnnet import activations, losses
from symnnet.absent import FUNCTIONS
from symnnet.activations import *  # noqa: F403
from symnnet.losses import *  # noqa: F403

globals().update(FUNCTIONS)

__all__ = sorted([*activations.__all__, *losses.__all__, *FUNCTIONS])  # noqa: PLE0605
