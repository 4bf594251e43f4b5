"""The named errors of the language. Each derives from the built-in error that a caller would expect."""


class SymstackError(Exception):
    """Base class of all errors that have a name of their own here."""


class MissingInputError(SymstackError, ValueError):
    """A graph needs a variable that is neither an input, nor shared, nor a constant."""


class UnusedInputError(SymstackError, ValueError):
    """A function was given an input that none of its outputs depends on, or the same input twice."""


class DisconnectedInputError(SymstackError, ValueError):
    """The gradient was asked with respect to a variable that the cost does not depend on."""


class NullTypeGradError(SymstackError, TypeError):
    """The gradient is undefined, or not implemented, on the way to the variable asked for."""


class GradientError(SymstackError, AssertionError):
    """A symbolic gradient differs from the numeric one (raised by ``verify_grad``)."""


class ConfigError(SymstackError, AttributeError):
    """An option that does not exist, or a value that the option does not take."""


class TestValueError(SymstackError, AttributeError):
    """A variable has no test value, and one is needed (see ``config.compute_test_value``)."""

    __test__ = False  # its name is not that of a class of tests


class InconsistentGraphError(SymstackError, TypeError):
    """A replacement would change the type of a variable or make the graph cyclic."""
