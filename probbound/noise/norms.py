"""Norms of a factored matrix that are never below the true ones, rounding included."""

from __future__ import annotations

import math
from functools import reduce

import numpy as np
from jaxtyping import Float

from probbound.arithmetic.factored import FactoredMatrix
from probbound.arithmetic.rounding import gamma, inflated

Vector = Float[np.ndarray, " m"]
_SCALAR_STEPS = 64
_KRYLOV, _SLACKS = 40, tuple(2.0**e for e in (-20, -14, -11, *range(-9, 2)))


def lengths_upper(rows: Float[np.ndarray, "m n"]) -> Vector:
    """‖·‖₂ of every row of a stored matrix, rounded up."""
    return inflated(np.sqrt(np.einsum("mn,mn->m", rows, rows)), rows.shape[1] + 1)


def stored_norm_upper(matrix: Float[np.ndarray, "m n"]) -> float:
    """‖·‖_F of a stored matrix, rounded up."""
    return inflated(float(np.linalg.norm(matrix)), matrix.size + 1)


def norm_product(matrix: FactoredMatrix) -> Vector:
    """‖A_i‖₂ · ‖B‖_F · ‖C‖_F … >= ‖N_i‖₂ for every row i (Theorem 3.8)."""
    first, *others = matrix.factors
    scale = math.prod(stored_norm_upper(factor) for factor in others)
    return inflated(lengths_upper(first) * scale, len(others))


def entry_product(matrix: FactoredMatrix) -> Vector:
    """‖A_i‖₂ · ‖B‖_F … · max_j ‖D_·j‖₂ >= max_j |N_ij| for every row i (Theorem 3.8)."""
    first, *middle, last = matrix.two_sided
    scale = math.prod(stored_norm_upper(factor) for factor in middle)
    scale *= float(lengths_upper(last.T).max())
    return inflated(lengths_upper(first) * scale, len(middle) + 1)


def norm_product_flops(matrix: FactoredMatrix) -> int:
    """Operations of `norm_product`: two for each stored number, four for each row."""
    return sum(2 * factor.size for factor in matrix.factors) + 4 * matrix.shape[0]


def entry_product_flops(matrix: FactoredMatrix) -> int:
    """Operations of `entry_product`."""
    m, n = matrix.shape
    return sum(2 * factor.size for factor in matrix.two_sided) + 4 * m + 3 * n


def row_errors(matrix: FactoredMatrix) -> Vector:
    """What rounding can add to ‖N_i‖₂ when the factors are multiplied out (Theorem 3.1)."""
    return inflated(gamma(matrix.roundings) * norm_product(matrix), 1)


def row_errors_flops(matrix: FactoredMatrix) -> int:
    """Operations of `row_errors`."""
    return norm_product_flops(matrix) + 2 * matrix.shape[0]


def row_norms_upper(matrix: FactoredMatrix) -> Vector:
    """‖N_i‖₂ of every row, by a Gram matrix, rounded up (Theorem 3.2)."""
    left, right = matrix.two_factor().factors
    squares = np.einsum("md,md->m", left @ (right @ right.T), left)
    scale = lengths_upper(left) * stored_norm_upper(right)
    error = gamma(right.shape[1] + 2 * left.shape[1]) * scale**2
    norms = np.sqrt(np.maximum(squares, 0.0) + error)
    return inflated(norms + row_errors(matrix), _SCALAR_STEPS)


def row_norms_upper_flops(matrix: FactoredMatrix) -> int:
    """Operations of `row_norms_upper`."""
    (m, n), d = matrix.shape, matrix.inner
    return matrix.row_norms_flops() + row_errors_flops(matrix) + 2 * (m + n) * d + 8 * m


def frobenius_upper(norms: Vector) -> float:
    """‖N‖_F from upper bounds on the norms of its rows."""
    return inflated(math.sqrt(float(np.vdot(norms, norms))), len(norms) + 1)


def spreads_upper(matrix: FactoredMatrix) -> Vector:
    """Row spreads, by √2 ‖·‖₂ of the rows less their means, rounded up (Theorem 3.7).

    What is subtracted is the same stored number in all columns of a row of the last factor, which
    moves no row spread; the rounding of the subtraction is the second summand.
    """
    *factors, last = matrix.two_sided
    centred = FactoredMatrix(*factors, last - last.mean(axis=1, keepdims=True))
    spreads = math.sqrt(2) * (row_norms_upper(centred) + gamma(2) * norm_product(centred))
    return inflated(spreads, _SCALAR_STEPS)


def spreads_upper_flops(matrix: FactoredMatrix) -> int:
    """Operations of `spreads_upper`."""
    sided = FactoredMatrix(*matrix.two_sided)
    last = sided.factors[-1]
    means = 2 * last.size + len(last)
    norms = row_norms_upper_flops(sided) + norm_product_flops(sided)
    return means + norms + 4 * matrix.shape[0]


def mean_upper(matrix: FactoredMatrix) -> float:
    """The mean of the entries by two products with vectors of ones, rounded up (Theorem 3.14)."""
    m, n = matrix.shape
    total = float(matrix.matvec(np.ones(n)).sum())
    weight = reduce(lambda value, factor: np.abs(factor) @ value, matrix.factors[::-1], np.ones(n))
    steps = sum(matrix.dimensions)
    error = gamma(steps + 1) * inflated(float(weight.sum()), steps)
    mean = (total + inflated(error, 1)) / (m * n)
    return mean + inflated(abs(mean) * gamma(3), 4)


def mean_flops(matrix: FactoredMatrix) -> int:
    """Operations of `mean_upper`."""
    sizes = sum(factor.size for factor in matrix.factors)
    return 2 * matrix.matvec_flops() + sizes + 2 * matrix.shape[0]


def spectral_upper(matrix: FactoredMatrix) -> float:
    """‖N‖₂ by the eigenvalues of two Gram matrices, rounded up (Theorem 3.9)."""
    left, right = matrix.two_factor().factors
    d = left.shape[1]
    gram_left, gram_right = left.T @ left, right @ right.T
    if not (np.isfinite(gram_left).all() and np.isfinite(gram_right).all()):
        return math.inf
    norm_left, norm_right = stored_norm_upper(gram_left), stored_norm_upper(gram_right)
    error_left = gamma(len(left)) * stored_norm_upper(left) ** 2
    error_right = gamma(right.shape[1]) * stored_norm_upper(right) ** 2
    values, vectors = np.linalg.eigh(gram_right)
    root = np.sqrt(np.maximum(values, 0.0))[:, None] * vectors.T
    root_square = stored_norm_upper(root) ** 2
    residual = stored_norm_upper(gram_right - root.T @ root)
    residual += gamma(d + 1) * (root_square + norm_right)
    core = root @ gram_left @ root.T
    square = (
        largest_eigenvalue_upper((core + core.T) / 2)
        + gamma(2 * d + 1) * root_square * norm_left
        + error_left * root_square
        + (error_right + residual) * (norm_left + error_left)
    )
    collapse = frobenius_upper(row_errors(matrix))
    return inflated(math.sqrt(inflated(square, _SCALAR_STEPS)) + collapse, _SCALAR_STEPS)


def spectral_upper_flops(matrix: FactoredMatrix) -> int:
    """Operations of `spectral_upper`, an eigendecomposition at 9 r³ (Golub and Van Loan, 8.3)."""
    (m, n), d = matrix.shape, matrix.inner
    grams = matrix.two_factor_flops() + 2 * (m + n) * d * d + 2 * (m + n) * d
    return grams + 30 * d**3 + 22 * d * d + row_errors_flops(matrix) + 2 * m


def largest_eigenvalue_upper(symmetric: Float[np.ndarray, "d d"]) -> float:
    """λ_max of a stored symmetric matrix, or 0 if that is negative, rounded up (Theorem 3.9)."""
    d = len(symmetric)
    _, vectors = np.linalg.eigh(symmetric)
    square = stored_norm_upper(vectors) ** 2
    diagonalised = np.abs(vectors.T @ symmetric @ vectors)
    off = np.abs(vectors.T @ vectors - np.eye(d)).sum(axis=1).max()
    off += gamma(2 * d + 4) * (math.sqrt(d) * square + 1)
    largest = max(diagonalised.sum(axis=0).max(), diagonalised.sum(axis=1).max())
    largest = inflated(float(largest), d)
    largest += gamma(2 * d + 2) * math.sqrt(d) * square * stored_norm_upper(symmetric)
    return inflated(largest / (1 - float(off)), _SCALAR_STEPS) if off < 1 else math.inf


def stored_spectral_upper(matrix: Float[np.ndarray, "m n"]) -> float:
    """‖W‖₂ of one stored matrix by a factor of α - WᵀW, rounded up (Theorem 9.8).

    Infinite if a number of it is not finite.
    """
    thin = matrix if matrix.shape[1] <= matrix.shape[0] else matrix.T
    largest = float(np.abs(thin).max())
    if largest == 0 or not math.isfinite(largest):
        return 0.0 if largest == 0 else math.inf
    exponent = math.frexp(largest)[1]
    scaled = np.ldexp(thin, -exponent)
    gram = scaled.T @ scaled
    symmetric = (gram + gram.T) / 2
    square = _above_all_eigenvalues(symmetric)
    square += gamma(len(thin) + 1) * stored_norm_upper(scaled) ** 2 + 2.0**-400
    root = inflated(math.sqrt(inflated(square, _SCALAR_STEPS)), _SCALAR_STEPS)
    with np.errstate(over="ignore"):
        return float(np.nextafter(np.ldexp(root, exponent), math.inf))


def _above_all_eigenvalues(symmetric: Float[np.ndarray, "d d"]) -> float:
    """α + ‖α - S - RᵀR‖_F, rounded up, with α a little above the largest eigenvalue (9.8)."""
    d, estimate = len(symmetric), _largest_nearly(symmetric)
    for slack in _SLACKS:
        above = estimate * (1 + slack)
        shifted = above * np.eye(d) - symmetric
        try:
            lower = np.linalg.cholesky(shifted)
        except np.linalg.LinAlgError:
            continue
        left = inflated(stored_norm_upper(shifted - lower @ lower.T), 3)
        return above + left + gamma(d + 1) * stored_norm_upper(lower) ** 2
    return stored_norm_upper(symmetric)


def _largest_nearly(symmetric: Float[np.ndarray, "d d"]) -> float:
    """The largest eigenvalue seen from a Krylov space: hardly below it, and nothing is proved."""
    d = len(symmetric)
    basis, size = np.zeros((min(d, _KRYLOV), d)), 0
    x = np.sin(np.arange(1.0, d + 1) ** 2)
    while size < len(basis):
        before, kept = np.linalg.norm(x), basis[:size]
        for _ in range(2):
            x = x - (kept @ x) @ kept
        length = np.linalg.norm(x)
        if length <= 2.0**-26 * before:
            break
        basis[size] = x / length
        x = symmetric @ basis[size]
        size += 1
    return float(np.linalg.eigvalsh(basis @ symmetric @ basis.T)[-1])


def stored_spectral_upper_flops(shape: tuple[int, int]) -> int:
    """Operations of `stored_spectral_upper` where the first α is large enough, as it mostly is."""
    d, long = sorted(shape)
    k = min(d, _KRYLOV)
    krylov = 6 * k * k * d + 4 * k * d * d + 3 * k * d + 4 * k**3 // 3
    factored = d**3 // 3 + 2 * d**3 + 9 * d * d
    return 2 * long * d * d + 5 * long * d + krylov + factored
