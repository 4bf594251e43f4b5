"""What the scalar functions are, in a line each: the text of their docstrings.

Kept beside the table of functions, where a function stays one line. ``scalar`` puts line and dtype rule together.
"""

#: Name -> what the function gives. ``x``, ``y``, ``z`` are its inputs.
LINES = {
    "add": "``x + y``, of any number of inputs; of truth values their *or*.",
    "mul": "``x * y``, of any number of inputs; of truth values their *and*.",
    "sub": "``x - y``.",
    "neg": "``-x``.",
    "true_div": "``x / y``. Division by zero gives infinity or NaN.",
    "int_div": "``x // y``, rounded towards minus infinity.",
    "mod": "``x % y``, the remainder of ``x // y``: it has the sign of ``y``.",
    "pow": "``x ** y``. Raises ``ValueError`` where an integer is raised to a negative integer.",
    "sqr": "The square ``x * x``.",
    "sqrt": "The square root; NaN below 0.",
    "cbrt": "The cube root; of negative numbers the negative one.",
    "reciprocal": "``1 / x``.",
    "abs": "The absolute value ``|x|``; of complex numbers a real one.",
    "sgn": "The sign: -1, 0 or 1; NaN of NaN.",
    "maximum": "The larger of ``x`` and ``y``; NaN if one is NaN.",
    "minimum": "The smaller of ``x`` and ``y``; NaN if one is NaN.",
    "clip": "``x``, limited to the interval from ``y`` to ``z``.",
    "exp": "``e ** x``.",
    "exp2": "``2 ** x``.",
    "expm1": "``exp(x) - 1``, exact near 0.",
    "log": "The natural logarithm; NaN below 0, minus infinity at 0.",
    "log2": "The logarithm to the base 2.",
    "log10": "The logarithm to the base 10.",
    "log1p": "``log(1 + x)``, exact near 0.",
    "sigmoid": "``1 / (1 + exp(-x))``, without overflow.",
    "softplus": "``log(1 + exp(x))``, without overflow.",
    "sin": "The sine, of radians.",
    "cos": "The cosine, of radians.",
    "tan": "The tangent, of radians.",
    "arcsin": "The angle in radians whose sine is ``x``; NaN outside [-1, 1].",
    "arccos": "The angle in radians whose cosine is ``x``; NaN outside [-1, 1].",
    "arctan": "The angle in radians whose tangent is ``x``.",
    "arctan2": "The angle in radians of the point ``(y, x)``: ``arctan(x / y)`` in the right quadrant.",
    "sinh": "The hyperbolic sine.",
    "cosh": "The hyperbolic cosine.",
    "tanh": "The hyperbolic tangent.",
    "arcsinh": "The inverse of the hyperbolic sine.",
    "arccosh": "The inverse of the hyperbolic cosine; NaN below 1.",
    "arctanh": "The inverse of the hyperbolic tangent; NaN outside [-1, 1].",
    "deg2rad": "Degrees as radians.",
    "rad2deg": "Radians as degrees.",
    "ceil": "The smallest integer that is not below ``x``.",
    "floor": "The largest integer that is not above ``x``.",
    "trunc": "``x`` without its digits behind the point.",
    "round_half_to_even": "The nearest integer; of two the even one.",
    "round_half_away_from_zero": "The nearest integer; of two the one farther from zero.",
    "lt": "Whether ``x < y``.",
    "le": "Whether ``x <= y``.",
    "gt": "Whether ``x > y``.",
    "ge": "Whether ``x >= y``.",
    "eq": "Whether the values are equal. NaN equals nothing. (``x == y`` compares variables.)",
    "neq": "Whether the values differ. NaN differs from all.",
    "isnan": "Whether ``x`` is NaN.",
    "isinf": "Whether ``x`` is infinite.",
    "and_": "Bit by bit ``x & y``; of truth values whether both are true.",
    "or_": "Bit by bit ``x | y``; of truth values whether one is true.",
    "xor": "Bit by bit ``x ^ y``; of truth values whether they differ.",
    "invert": "Bit by bit ``~x``; of truth values the opposite.",
    "switch": "``y`` where ``x`` is not zero, else ``z``. Gradients reach the chosen side only.",
    "identity": "``x`` itself.",
    "second": "``y``, broadcast to the shape of both.",
    "real": "The real part.",
    "imag": "The imaginary part; 0 of a real number.",
    "conj": "The complex conjugate.",
    "angle": "The angle in radians of a complex number.",
    "erf": "The error function.",
    "erfc": "``1 - erf(x)``, exact where that is small.",
    "erfcx": "``exp(x ** 2) * erfc(x)``, without underflow.",
    "erfinv": "The inverse of ``erf``; NaN outside [-1, 1].",
    "erfcinv": "The inverse of ``erfc``; NaN outside [0, 2].",
    "gamma": "The gamma function: ``(x - 1)!`` of whole numbers.",
    "gammaln": "The logarithm of the absolute value of the gamma function.",
    "psi": "The digamma function: the derivative of ``gammaln``.",
    "tri_gamma": "The derivative of the digamma function.",
    "polygamma": "The derivative of order ``x`` of the digamma function, at ``y``.",
    "gammainc": "The regularised lower incomplete gamma function of the parameter ``x``, up to ``y``.",
    "gammaincc": "The regularised upper incomplete gamma function of the parameter ``x``, from ``y``.",
    "jv": "The Bessel function of the first kind of order ``x``, at ``y``.",
    "iv": "The modified Bessel function of the first kind of order ``x``, at ``y``.",
    "j0": "The Bessel function of the first kind of order 0.",
    "j1": "The Bessel function of the first kind of order 1.",
    "i0": "The modified Bessel function of the first kind of order 0.",
    "i1": "The modified Bessel function of the first kind of order 1.",
    "xlogx": "``x log(x)``, 0 at 0.",
    "xlogy0": "``x log(y)``, 0 where ``x`` is 0 whatever ``y`` is.",
    "sinc": "``sin(pi x) / (pi x)``, 1 at 0, as ``numpy.sinc``.",
}

#: Name of a dtype rule -> what dtypes it takes and gives.
RULES = {
    "_same": "The result has the common dtype of the inputs.",
    "_number": "The result has the common dtype of the inputs. Raises ``TypeError`` for truth values.",
    "_int8_of_bool": "The result has the common dtype of the inputs; of truth values it is int8.",
    "_float": "Truth values and integers of up to 16 bits give float32, longer ones float64.",
    "_real_float": (
        "Truth values and integers of up to 16 bits give float32, longer ones float64; computed by SciPy or in C. "
        "Raises ``TypeError`` for complex numbers."
    ),
    "_compare": "The result is a truth value. Integers of different dtypes compare exactly.",
    "_bits": "The result has the common dtype. Raises ``TypeError`` for what is neither integers nor truth values.",
    "_divide": "Integers give ``config.floatX``; otherwise the result has the common dtype.",
    "_real": "Complex numbers give the float dtype of their parts; other dtypes stay.",
    "_second": "The result has the dtype of ``y``.",
    "_switch": "The result has the common dtype of ``y`` and ``z``.",
}


def describe(name: str, rule: str, real: bool) -> str:
    """Return the docstring of a function of the table; empty for one that is not described here."""
    line = LINES.get(name)
    if line is None:
        return ""
    refuses = " Raises ``TypeError`` for complex numbers." if real else ""
    return f"{line}\n\nElementwise, broadcast over tensors of any shapes. {RULES.get(rule, '')}{refuses}".rstrip()
