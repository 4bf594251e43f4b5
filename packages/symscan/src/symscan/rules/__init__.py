"""The rewriting rules of this package: ``RULES`` is their set, found through its entry point."""

from symscan.rules.catalog import RULES
