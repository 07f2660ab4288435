"""Operations of the published QK-error bounds, in the convention of `published_flops`. Nothing here proves anything."""

from __future__ import annotations

from collections.abc import Sequence

from proofcheck.models import Dimensions
from strategies.metrics.published_flops import matmul, mean, ranges

Shape = tuple[int, int]


def qk_error(s: Dimensions, name: str) -> int:
    """The rule `qk-error-<name>`: embeddings, scores, low-rank split and error bound."""
    n, d, D, H = s.n_ctx, s.d_vocab, s.d_model, s.d_head
    positions = 2 * mean(n, D) + n * D + 2 * d * D + matmul(H, D, n) + matmul(D, H, n) + matmul(d, D, n)
    if name.startswith("exact"):
        zero = sum(3 * entries - 1 for entries in (d * D, D * H, H * D, D * n))  # the remainder is compared with zero
        return positions + matmul(d, D, H) + matmul(H, D, d) + matmul(d, H, d) + d * d + zero
    if "subproduct" in name:
        factors = ((d, D), (D, H), (H, D), (D, d))
        error = _recursive(name, factors) if name.endswith("recursive") else _best_split(name, factors)
        return positions + _peel_off(s) + error
    left, right, product = _product(((d, D), (D, H), (H, D), (D, d)))
    split = product + _svd_of_product(left, right) + _peel(*left) + _peel(right[1], right[0])
    split += matmul(1, left[1], 1) + d + 2 * d * d  # the rank-one scores
    return positions + split + _svd_error(name, left, right)


def _svd_error(name: str, left: Shape, right: Shape) -> int:
    d, k = left
    if name == "svd":
        return _svd_of_product(left, right) + 1
    if name == "max-diff-exact":
        return matmul(d, k, right[1]) + ranges(d, right[1])
    return _split_bound(left, right, average=name.startswith("mean"))


def _split_bound(left: Shape, right: Shape, *, average: bool) -> int:
    """Σ_k |left[q, k]| · range right[k], on the mean row apart if `average`."""
    (a, b), c = left, right[1]
    bound = ranges(b, c) + a * b + matmul(a, b, 1)
    return bound + (mean(a, b) + matmul(1, b, c) + ranges(1, c) + a * b + a if average else 0)


def _best_split(name: str, factors: Sequence[Shape]) -> int:
    total, average = 0, name.startswith("mean")
    last = len(factors) - 1
    for k in range(1, last):  # partial products from both ends
        total += matmul(factors[0][0], factors[k][0], factors[k][1]) + matmul(factors[k][0], factors[k][1], factors[last][1])
    for k in range(1, len(factors)):
        total += _split_bound((factors[0][0], factors[k][0]), (factors[k][0], factors[last][1]), average=average)
    return total + factors[0][0] * (last - 1)


def _recursive(name: str, factors: Sequence[Shape]) -> int:
    means = len(factors) - 1 if name.startswith("mean-recursive") else 1 if name.startswith("mean") else 0
    total = ranges(*factors[-1])
    for level, (a, b) in enumerate(factors[:-1]):
        total += a * b + matmul(a, b, 1) + a
        if level < means:
            total += mean(a, b) + a * b + sum(matmul(1, *shape) for shape in factors[level + 1 :]) + ranges(1, factors[-1][1])
    return total


def _peel(rows: int, columns: int) -> int:
    """Project [rows, columns] on a vector of its rows and subtract."""
    return 3 * rows - 1 + matmul(columns, rows, 1) + 2 * rows * columns


def _peel_off(s: Dimensions) -> int:
    """The nine low-rank terms of the subproduct split, their sum, and the unused Frobenius norms."""
    d, D, H = s.d_vocab, s.d_model, s.d_head
    both = matmul(1, D, H) + matmul(H, D, 1) + matmul(1, H, 1) + d
    query_side = matmul(1, D, H) + matmul(1, H, D) + matmul(1, D, d)
    key_side = matmul(H, D, 1) + matmul(D, H, 1) + matmul(d, D, 1)
    first = matmul(d, D, 1) + matmul(1, D, d) + matmul(1, H, 1) + d
    crossed = matmul(d, D, 1) + matmul(1, H, D) + matmul(1, D, d) + matmul(1, D, d) + matmul(D, H, 1) + matmul(d, D, 1)
    peeled = 4 * _peel(d, D) + 2 * _peel(D, H)
    norms = 2 * (2 * d * D + 2 * D * H) + 4
    sums = 2 * d * d * 8 + 4 * d * d  # eight terms added; the first term formed twice, added, copied
    return peeled + 2 * (both + query_side + key_side) + first + crossed + norms + sums


def _product(shapes: Sequence[Shape]) -> tuple[Shape, Shape, int]:
    """Two factors of a chain of matrices, multiplied where the inner dimension is not the smaller one, and the operations."""
    left, right, total = shapes[0], shapes[1], 0
    for after in shapes[2:]:
        if right[1] > left[1]:
            total += matmul(*right, after[1])
            right = (right[0], after[1])
        else:
            total += matmul(*left, right[1])
            left, right = (left[0], right[1]), after
    return left, right, total


def _svd_of_product(left: Shape, right: Shape) -> int:
    """Singular value decompositions of both factors and of their middle."""
    (a, b), c = left, right[1]
    p, q = min(a, b), min(b, c)
    middle = p * b + matmul(p, b, q) + p * q
    return _svd(a, b) + _svd(b, c) + middle + _svd(p, q) + matmul(a, p, min(p, q)) + matmul(c, q, min(p, q))


def _svd(rows: int, columns: int) -> int:
    """The check that U·diag(S)·V is the matrix and that U and V are orthogonal."""
    k = min(rows, columns)
    scaled = rows * k if rows <= columns else k * columns
    orthogonal = rows * k + k * columns + matmul(k, rows, k) + matmul(k, columns, k) + 2 * k * k
    return scaled + matmul(rows, k, columns) + orthogonal + 3 * (rows * columns + 2 * k * k)
