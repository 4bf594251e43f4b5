"""The kernels of this package. Importing it registers them; only the C backend does so, through its entry point."""

from symnnet.c import crossentropy, softmax
