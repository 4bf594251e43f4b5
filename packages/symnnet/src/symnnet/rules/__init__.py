"""The rewriting rules of this package: ``RULES`` is their set, found through its entry point."""

from symnnet.rules.catalog import RULES
