"""C text of linear algebra by LAPACK, whose functions are handed over as addresses.

Matrices are copied into scratch as they stand in C order, which LAPACK takes for their transposes: one reads the other
triangle, or solves the transposed system, and what is written back stands in C order again. Failures come before the
first result is written.
"""

from typing import Any

import numpy as np

from symcodegen.cnames import c_type
from symcodegen.kernels.walk import ENTRY

#: Function of LAPACK -> its parameters behind which nothing is hidden. ``{T}``: of the matrix.
_TYPES = {
    "potrf": "char *, int *, {T} *, int *, int *",
    "getrf": "int *, int *, {T} *, int *, int *, int *",
    "getrs": "char *, int *, int *, {T} *, int *, int *, {T} *, int *, int *",
    "getri": "int *, {T} *, int *, int *, {T} *, int *, int *",
    "trtrs": "char *, char *, char *, int *, int *, {T} *, int *, {T} *, int *, int *",
}
#: Marks texts that need addresses of LAPACK.
MARK = "SYM_LAPACK"
_LETTERS = {"float32": "s", "float64": "d", "complex64": "c", "complex128": "z"}

_BEGIN = """
    /* %(mark)s */
    enum { A = %(a)d };
    const i64 size = d[A];
    if (d[A + 1] != size)
        return ctx->fail(ctx, SYM_LINALG, "a square matrix is needed, got one of shape (%%lld, %%lld).", size,
                         d[A + 1]);
    if (size >> 30) return ctx->fail(ctx, SYM_VALUE, "%%lld rows do not fit LAPACK's 32-bit integers.", size);
    int n = (int)size, info = 0;
"""
#: Room for the matrix, for ``right`` more numbers of its type, and for the pivots.
_ROOM = """
    %(T)s *a = (%(T)s *)ctx->reserve(ctx, (size * size + %(right)s) * (i64)sizeof(%(T)s) + (size + 1) * 8);
    if (!a) return ctx->fail(ctx, SYM_MEMORY, "no memory for a copy of the matrix.");
    %(T)s *more = a + size * size;
    int *pivot = (int *)(more + (%(right)s));
    (void)more; (void)pivot;
    for (i64 i = 0; i < size; i++)
        for (i64 j = %(from)s; j < %(to)s; j++) a[i * size + j] = *(const %(T)s *)(p[%(x)d] + i * s[A] + j * s[A + 1]);
"""
_CHOLESKY = """
    for (i64 i = 0; i < size; i++)
        for (i64 j = %(zero_from)s; j < %(zero_to)s; j++) a[i * size + j] = 0;
    if (n) %(potrf)s("%(uplo)s", &n, a, &n, &info);
    if (info) { %(failed)s }
    for (i64 i = 0; i < size; i++)
        for (i64 j = 0; j < size; j++) *(%(T)s *)(p[0] + i * s[0] + j * s[1]) = %(store)s;
    return 0;
}
"""
_FACTOR = """
    if (n) %(getrf)s(&n, &n, a, &n, pivot, &info);
"""
#: LAPACK has seen the transpose. Where that has no solution the matrix itself may have one, as NumPy asks: an infinite
#: element that is a pivot of the one and none of the other leaves a zero beside it.
_AGAIN = """
    const int again = info > 0;
    if (again) {
        for (i64 i = 0; i < size; i++)
            for (i64 j = 0; j < size; j++) a[j * size + i] = *(const %(T)s *)(p[%(x)d] + i * s[A] + j * s[A + 1]);
        %(getrf)s(&n, &n, a, &n, pivot, &info);
    }
"""
_INVERSE = """
    int room = (int)(32 * size);
    if (info) return ctx->fail(ctx, SYM_LINALG, "the matrix is singular: it has no inverse.");
    if (n) %(getri)s(&n, a, &n, pivot, more, &room, &info);
    for (i64 i = 0; i < size; i++)
        for (i64 j = 0; j < size; j++)
            *(%(T)s *)(p[0] + i * s[0] + j * s[1]) = a[again ? j * size + i : i * size + j];
    return 0;
}
"""
_RIGHT_SIDE = """
    enum { B = A + 2, M = %(columns)d };
    const i64 columns = M ? d[B + M] : 1, cy = M ? s[M] : 0, cb = M ? s[B + M] : 0;
    int wide = (int)columns;
    if (d[B] != size)
        return ctx->fail(ctx, SYM_LINALG, "a matrix of %%lld rows does not fit a right-hand side of %%lld.", size,
                         d[B]);
    if (columns >> 30) return ctx->fail(ctx, SYM_VALUE, "%%lld columns do not fit LAPACK's 32-bit integers.", columns);
"""
_COPY_RIGHT = """
    for (i64 k = 0; k < columns; k++)
        for (i64 i = 0; i < size; i++) more[k * size + i] = *(const %(T)s *)(p[2] + i * s[B] + k * cb);
"""
_SOLVE = """
    if (info) return ctx->fail(ctx, SYM_LINALG, "the matrix is singular: the system has no solution, or many.");
    if (n && wide) %(getrs)s(again ? "N" : "T", &n, &wide, a, &n, pivot, more, &n, &info);
"""
_TRIANGULAR = """
    if (n && wide) %(trtrs)s("%(uplo)s", "%(trans)s", "%(diag)s", &n, &wide, a, &n, more, &n, &info);
    if (info > 0) return ctx->fail(ctx, SYM_LINALG, "the matrix is singular: its diagonal is zero at %%d.", info - 1);
"""
_WRITE_RIGHT = """
    for (i64 k = 0; k < columns; k++)
        for (i64 i = 0; i < size; i++) *(%(T)s *)(p[0] + i * s[0] + k * cy) = more[k * size + i];
    return 0;
}
"""
#: Brings a number between 2^-256 and 2^256; returns by which power of 2^256 it was divided.
_SCALE = """
static int SYM_KERNEL_scale(double *re, double *im) {
    int powers = 0;
    for (;;) {
        const double a = __builtin_fabs(*re), b = __builtin_fabs(*im), m = a > b ? a : b;
        const int up = m < 0x1p-256 && m > 0, down = m > 0x1p256 && m < __builtin_inf();
        if (!up && !down) return powers;
        const double by = up ? 0x1p256 : 0x1p-256;
        *re *= by;
        *im *= by;
        powers += down - up;
    }
}
"""
#: The product is kept between 2^-256 and 2^256, and so many powers of 2^256 taken away are put back at the end.
_DETERMINANT = """
    double re = 1, im = 0;
    int powers = 0;
    for (i64 i = 0; i < size; i++) {
        const %(T)s u = a[i * size + i];
        double x = pivot[i] != (int)i + 1 ? -(double)__real__ u : (double)__real__ u;
        double y = pivot[i] != (int)i + 1 ? -(double)__imag__ u : (double)__imag__ u;
        powers += SYM_KERNEL_scale(&x, &y);
        %(multiply)s
        powers += SYM_KERNEL_scale(&re, &im);
    }
    for (; powers > 0; powers--) { re *= 0x1p256; im *= 0x1p256; if (powers > 8) powers = 8; }
    for (; powers < 0; powers++) { re *= 0x1p-256; im *= 0x1p-256; if (powers < -8) powers = -8; }
    *(%(T)s *)p[0] = %(value)s;
    return 0;
}
"""
_LOGARITHM = """
    double re = 1, im = 0, total = 0;
    for (i64 i = 0; i < size; i++) {
        const %(T)s u = a[i * size + i];
        const double turn = pivot[i] != (int)i + 1 ? -1.0 : 1.0, x = turn * (double)__real__ u;
        const double y = turn * (double)__imag__ u, p2 = __builtin_fabs(x), q2 = __builtin_fabs(y);
        const double m = p2 > q2 ? p2 : q2, t = m > 0 ? (p2 > q2 ? q2 : p2) / m : 0, r = m * __builtin_sqrt(1 + t * t);
        const double c = r > 0 ? x / r : x * 0, e = r > 0 ? y / r : y * 0, f = re * c - im * e;
        im = re * e + im * c;
        re = f;
        total += sym_log_f64(r);
    }
    *(%(T)s *)p[0] = %(value)s;
    *(%(R)s *)p[1] = (%(R)s)total;
    return 0;
}
"""


def functions_of(names: tuple[str, ...], dtype: np.dtype[Any]) -> list[str]:
    """Return the names of LAPACK's functions for a dtype: ``dpotrf`` of ``potrf``."""
    return [_LETTERS[dtype.name] + name for name in names]


def is_known(dtype: np.dtype[Any]) -> bool:
    """Tell whether LAPACK works in a dtype."""
    return dtype.name in _LETTERS


def _words(dtype: np.dtype[Any], names: tuple[str, ...], first: int, outputs_rank: int, x: int) -> dict[str, Any]:
    t = c_type(dtype)
    half = c_type(np.dtype(f"f{dtype.itemsize // 2}")) if dtype.kind == "c" else t
    value = f"__builtin_complex(({half})re, ({half})im)" if dtype.kind == "c" else f"({t})re"
    product = "const double r = re * x - im * y; im = re * y + im * x; re = r;" if dtype.kind == "c" else "re *= x;"
    words: dict[str, Any] = {
        "T": t, "multiply": product, "R": half,
        "a": outputs_rank, "x": x, "from": "0", "to": "size", "right": "0", "value": value,
        "mark": MARK,
    }  # fmt: skip
    for k, name in enumerate(names):
        words[name] = f"(*(void (**)({_TYPES[name].format(T=t)}))p[{first + k}])"
    return words


def cholesky_kernel(dtype: np.dtype[Any], lower: bool, nan: bool) -> str:
    """Return the C text of a ``full`` kernel. Operands: the factor, the matrix, the address of ``potrf``. ``nan``: a
    matrix that is not positive definite gives NaN."""
    words = _words(dtype, ("potrf",), 2, 2, 1)
    words |= {"from": "0" if lower else "i", "to": "i + 1" if lower else "size", "uplo": "U" if lower else "L"}
    words |= {"zero_from": "i + 1" if lower else "0", "zero_to": "size" if lower else "i"}
    nothing = f"({words['R']})__builtin_nan(\"\")"
    nothing = f"__builtin_complex({nothing}, ({words['R']})0)" if dtype.kind == "c" else nothing
    words["failed"] = "" if nan else 'return ctx->fail(ctx, SYM_LINALG, "the matrix is not positive definite.");'
    words["store"] = f"info ? {nothing} : a[i * size + j]" if nan else "a[i * size + j]"
    return ENTRY + (_BEGIN + _ROOM + _CHOLESKY) % words


def inverse_kernel(dtype: np.dtype[Any]) -> str:
    """Return the C text of a ``full`` kernel. Operands: the inverse, the matrix, addresses of ``getrf``, ``getri``."""
    words = _words(dtype, ("getrf", "getri"), 2, 2, 1) | {"right": "32 * size"}
    return ENTRY + (_BEGIN + _ROOM + _FACTOR + _AGAIN + _INVERSE) % words


def solve_kernel(dtype: np.dtype[Any], columns: bool) -> str:
    """Return the C text of a ``full`` kernel. Operands: the solution, the matrix, the right-hand side (a matrix if
    ``columns``), addresses of ``getrf`` and ``getrs``."""
    words = _words(dtype, ("getrf", "getrs"), 3, 1 + columns, 1) | {"right": "size * columns", "columns": int(columns)}
    return ENTRY + (_BEGIN + _RIGHT_SIDE + _ROOM + _COPY_RIGHT + _FACTOR + _AGAIN + _SOLVE + _WRITE_RIGHT) % words


def triangular_kernel(dtype: np.dtype[Any], columns: bool, lower: bool, transposed: bool, unit: bool) -> str:
    """Return the C text of a ``full`` kernel. Operands as of ``solve_kernel``, with the address of ``trtrs``."""
    words = _words(dtype, ("trtrs",), 3, 1 + columns, 1) | {
        "right": "size * columns", "columns": int(columns), "from": "0" if lower else "i",
        "to": "i + 1" if lower else "size", "uplo": "U" if lower else "L", "trans": "N" if transposed else "T",
        "diag": "U" if unit else "N",
    }  # fmt: skip
    return ENTRY + (_BEGIN + _RIGHT_SIDE + _ROOM + _COPY_RIGHT + _TRIANGULAR + _WRITE_RIGHT) % words


def determinant_kernel(dtype: np.dtype[Any]) -> str:
    """Return the C text of a ``full`` kernel. Operands: the determinant, the matrix, the address of ``getrf``."""
    return _SCALE + ENTRY + (_BEGIN + _ROOM + _FACTOR + _DETERMINANT) % _words(dtype, ("getrf",), 2, 0, 1)


def log_determinant_kernel(dtype: np.dtype[Any]) -> str:
    """Return the C text of a ``full`` kernel: sign and logarithm, then as of ``determinant_kernel``."""
    return ENTRY + (_BEGIN + _ROOM + _FACTOR + _LOGARITHM) % _words(dtype, ("getrf",), 3, 0, 2)
