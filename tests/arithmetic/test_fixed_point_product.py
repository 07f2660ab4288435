"""`fixed_point_product` encloses exact products, and `smallest_sums` is the exact minimum of exact sums."""

from fractions import Fraction
from itertools import product
from typing import Any

import numpy as np
import pytest

from proofcheck.arithmetic import Arithmetic, DyadicArray, float_intervals, smallest_sums
from proofcheck.arithmetic.float_intervals import FloatIntervals

BACKENDS = ("fast", "arb")


def _random(rng: np.random.Generator, shape: tuple[int, ...], spread: int, *, positive: bool = False) -> np.ndarray:
    values = np.ldexp(rng.standard_normal(shape), rng.integers(-spread, spread + 1, shape))
    values[rng.random(shape) < 0.1] = 0.0
    return np.abs(values) if positive else values


def _check_enclosed(fixed, exact: np.ndarray) -> None:
    """One positive scale, a power of two, must explain every entry of each index of axis 0."""
    for a in range(exact.shape[0]):
        low, high = fixed.lower[a].ravel().tolist(), [x + fixed.width for x in fixed.lower[a].ravel().tolist()]
        values = exact[a].ravel().tolist()
        assert any(
            all(lo <= Fraction(2) ** k * x <= hi for lo, x, hi in zip(low, values, high, strict=True)) for k in range(-1100, 1100)
        ), f"no scale fits row {a}"
    assert int(np.abs(fixed.lower.astype(np.int64)).max()) <= 2**fixed.bits


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("spread", [0, 3, 40])
@pytest.mark.parametrize("bits", [8, 20, 29])
def test_products_of_exact_values_are_enclosed(backend: str, spread: int, bits: int) -> None:
    arithmetic = Arithmetic(backend, 128)
    rng = np.random.default_rng(spread * 100 + bits)
    for _ in range(4):
        exact = [
            DyadicArray.from_floats(values)
            for values in (_random(rng, (3, 2, 1, 4), spread), _random(rng, (2, 5, 4), spread), _random(rng, (3, 1, 5, 1), spread))
        ]
        weights, first, second = (arithmetic.enclose(x) for x in exact)
        fixed = weights.fixed_point_product(first, second, bits)
        truth = exact[0].fractions() * (exact[1].fractions() + exact[2].fractions())
        _check_enclosed(fixed, truth)


def test_any_point_of_the_intervals_is_enclosed() -> None:
    rng = np.random.default_rng(1)
    for trial in range(60):
        parts, points = [], []
        for shape in ((2, 1, 1, 3), (1, 2, 3), (2, 1, 2, 1)):
            lo = _random(rng, shape, 2)
            hi = lo + np.ldexp(np.abs(rng.standard_normal(shape)), int(rng.integers(-50, -5)))
            pick = rng.integers(0, 3, shape)
            points.append(np.where(pick == 0, lo, np.where(pick == 1, hi, np.clip((lo + hi) / 2, lo, hi))))
            parts.append(FloatIntervals(lo, hi))
        fixed = parts[0].fixed_point_product(parts[1], parts[2], 20 if trial % 2 else 29)
        exact = [DyadicArray.from_floats(point).fractions() for point in points]
        _check_enclosed(fixed, exact[0] * (exact[1] + exact[2]))


@pytest.mark.parametrize("size", [2.0**-1074, 2.0**-1022, 2.0**-600, 2.0**500, 2.0**990])
def test_extreme_sizes_are_enclosed_or_refused(size: float) -> None:
    rng = np.random.default_rng(2)
    one = np.abs(rng.standard_normal((2, 1, 1, 3)))
    tiny = np.floor(rng.standard_normal((1, 2, 3)) * 4)
    exact = (DyadicArray.from_floats(one), DyadicArray.from_floats(tiny * size), DyadicArray.from_floats(np.zeros((2, 1, 2, 1))))
    weights, first, second = (FloatIntervals.from_dyadic(x) for x in exact)
    fixed = weights.fixed_point_product(first, second, 27)
    _check_enclosed(fixed, exact[0].fractions() * (exact[1].fractions() + exact[2].fractions()))


def test_values_that_are_all_rounding_error_are_enclosed() -> None:
    radius = np.full((1, 2, 3), 2.0**-52)
    one, zero = (FloatIntervals(np.full(shape, x), np.full(shape, x)) for shape, x in (((2, 1, 1, 3), 1.0), ((2, 1, 2, 1), 0.0)))
    fixed = one.fixed_point_product(FloatIntervals(-radius, radius), zero, 27)
    for point in (-1, 0, 1):
        _check_enclosed(fixed, np.full((2, 1, 2, 3), Fraction(point, 2**52)))
    assert fixed.width > 2**10


@pytest.mark.parametrize("bad", [np.inf, -np.inf, np.nan, 1e308])
@pytest.mark.parametrize("where", [0, 1, 2])
@pytest.mark.parametrize("end", ["lo", "hi"])
def test_values_out_of_range_are_refused(bad: float, where: int, end: str) -> None:
    parts = [FloatIntervals(np.ones(shape), np.ones(shape)) for shape in ((2, 1, 1, 3), (1, 2, 3), (2, 1, 2, 1))]
    parts[0].fixed_point_product(parts[1], parts[2], 20)  # the twin that is accepted
    lo, hi = parts[where].lo.copy(), parts[where].hi.copy()
    (lo if end == "lo" else hi).flat[0] = bad
    parts[where] = FloatIntervals(lo, hi)
    with pytest.raises(ArithmeticError):
        parts[0].fixed_point_product(parts[1], parts[2], 20)


@pytest.mark.parametrize("sizes", [(), (3,), (3, 4), (40, 2, 50), (5, 4, 3, 2), (7, 0, 2), (20, 40, 30)])
def test_smallest_sums_are_the_exact_minima(sizes: tuple[int, ...]) -> None:
    rng = np.random.default_rng(3)
    most = (2**31 - 1) // (len(sizes) + 1)
    base = rng.integers(-most, most, (2, 3), endpoint=True)
    terms = [rng.integers(-most, most, (2, 3, size), endpoint=True) for size in sizes]
    total = int(np.prod(sizes, dtype=np.int64))
    found = np.full((2, total), 2**40)
    covered = 0
    for start, block in smallest_sums(base, terms):
        assert start == covered
        covered += block.shape[1]
        found[:, start:covered] = block
    assert covered == total
    for index, tokens in enumerate(product(*(range(size) for size in sizes))):
        if index % 97 and total > 200:
            continue
        for a in range(2):
            sums = [int(base[a, j]) + sum(int(term[a, j, t]) for term, t in zip(terms, tokens, strict=True)) for j in range(3)]
            assert found[a, index] == min(sums)


def test_sums_that_could_overflow_are_refused() -> None:
    at_limit = np.full((1, 1), (2**31 - 1) // 2)
    next(smallest_sums(at_limit, [at_limit[:, :, None]]))  # the twin that is accepted
    with pytest.raises(OverflowError):
        next(smallest_sums(at_limit + 1, [at_limit[:, :, None]]))


def scale_violations(rng: np.random.Generator, bits: int) -> int:
    """How many rows break a statement of `_product_scale`, in exact rational arithmetic without any tolerance."""
    rows = 200
    sizes = [np.ldexp(0.5 + rng.random(rows) / 2, rng.integers(-40, 41, rows)) for _ in range(3)]
    radii = [size * np.ldexp(rng.random(rows), int(rng.integers(-60, -8))) * (rng.random() < 0.8) for size in sizes]
    k, error = float_intervals._product_scale(*zip(sizes, radii, strict=True), bits)
    broken = 0
    for a in range(rows):
        (W, U, V), (r_w, r_u, r_v) = ([Fraction(float(part[a])) for part in parts] for parts in (sizes, radii))
        M, power, e = U + V, Fraction(2) ** int(k[a]), Fraction(float(error[a]))
        least = power * (M * r_w + W * (r_u + r_v + M / 2**52)) + Fraction(1, 2**20)
        broken += not (least <= e <= 2 ** (bits - 2) and power * W * M < 2 ** (bits - 1))
    return broken


@pytest.mark.parametrize("bits", [8, 20, 29])
def test_the_scale_and_the_error_are_those_of_the_lemma_to_the_last_bit(bits: int) -> None:
    rng = np.random.default_rng(bits)
    assert sum(scale_violations(rng, bits) for _ in range(12)) == 0


@pytest.mark.parametrize("bits", [8, 20, 29])
def test_the_scale_uses_the_bits_it_has(bits: int) -> None:
    """Exact operands: the largest product has at least an eighth of 2^bits, and the error is below 2."""
    rng = np.random.default_rng(bits)
    for _ in range(20):
        W, U, V = (np.ldexp(0.5 + rng.random(5) / 2, rng.integers(-40, 41, 5)) for _ in range(3))
        k, error = float_intervals._product_scale((W, 0 * W), (U, 0 * U), (V, 0 * V), bits)
        assert (np.ldexp(W * (U + V), k) >= 2.0 ** (bits - 3)).all()
        assert (error < 2.0**-19).all()


def test_scales_end_with_their_range() -> None:
    one, zero = np.ones(2), np.zeros(2)
    for bits in (8, 29):
        float_intervals._product_scale((one, zero), (one, zero), (one, zero), bits)
    for bits in (7, 30):
        with pytest.raises(ArithmeticError):
            float_intervals._product_scale((one, zero), (one, zero), (one, zero), bits)
    float_intervals._product_scale((one, zero), (one * 2.0**998, zero), (one * 2.0**998, zero), 20)
    for sum_of_halves in (2.0**999, np.inf, np.nan):
        for place in (0, 1):
            half = one.copy()
            half[place] = sum_of_halves
            with pytest.raises(ArithmeticError):
                float_intervals._product_scale((one, zero), (half, zero), (half, zero), 20)
    with pytest.raises(ArithmeticError):  # W·M overflows in one row
        float_intervals._product_scale((np.array([1.0, 2.0**1000]), zero), (one * 2.0**90, zero), (zero, zero), 20)


def test_weights_that_leave_the_range_are_refused() -> None:
    """Sums that are all zero give the largest power, which takes large weights out of range; one of two rows is enough."""
    zero = [FloatIntervals(np.zeros(shape), np.zeros(shape)) for shape in ((1, 2, 3), (2, 1, 2, 1))]
    for rows, refused in (((1.0, 1.0), False), ((2.0**200, 1.0), True), ((1.0, -(2.0**200)), True), ((2.0**200, 2.0**200), True)):
        weights = np.array(rows).reshape(2, 1, 1, 1) * np.ones((2, 1, 1, 3))
        product_of = FloatIntervals(weights, weights)
        if refused:
            with pytest.raises(ArithmeticError, match="left the range"):
                product_of.fixed_point_product(*zero, 20)
        else:
            _check_enclosed(product_of.fixed_point_product(*zero, 20), np.full((2, 1, 2, 3), Fraction(0)))


@pytest.mark.parametrize("backend", BACKENDS)
def test_products_over_nothing(backend: str) -> None:
    arithmetic = Arithmetic(backend, 64)  # type: ignore[arg-type]

    def zeros(shape: tuple[int, ...]) -> Any:
        return arithmetic.enclose(DyadicArray.zeros(shape))

    for first, second in (((2, 0, 3), (2, 1, 3)), ((2, 4, 0), (2, 4, 1))):
        fixed = zeros((2, 1, first[2] if first[2] == 0 else 1)).fixed_point_product(zeros(first), zeros(second), 20)
        assert fixed.lower.size == 0
        assert (fixed.width, fixed.bits) == (0, 20)


def test_axes_are_those_of_the_result() -> None:
    """An operand with fewer axes has no axis 0 of its own, even if its first axis is as long; the sum may lack axes of the weights."""
    weights = FloatIntervals(np.ones((2, 2, 3)), np.ones((2, 2, 3)))
    rows = np.array([[1.0], [2.0**20]]) * np.array([1.0, 1.5, 2.0])  # axis 1 of the result
    second = np.array([0.0, 2.0**-10]).reshape(2, 1, 1)
    for first in (rows, rows[None]):
        for other in (np.zeros((2, 1, 1)), second):
            fixed = weights.fixed_point_product(FloatIntervals(first, first), FloatIntervals(other, other), 24)
            _check_enclosed(fixed, np.vectorize(Fraction)(np.ones((2, 2, 3)) * (first + other)))
    steep = np.array([1.0, 7.0]).reshape(2, 1, 1) * np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    fixed = FloatIntervals(steep, steep).fixed_point_product(
        FloatIntervals(rows[:1], rows[:1]), FloatIntervals(np.zeros((1, 1)), np.zeros((1, 1))), 24
    )
    assert fixed.lower.shape == (2, 2, 3)
    _check_enclosed(fixed, np.vectorize(Fraction)(steep * rows[0]))


def test_magnitudes_and_radii_are_bounds_to_the_last_bit() -> None:
    rng = np.random.default_rng(5)
    for _ in range(200):
        lo, hi = np.sort(np.ldexp(rng.standard_normal((2, 3, 4)), rng.integers(-9, 10, (2, 3, 4))), axis=0)
        x = FloatIntervals(lo, hi)
        magnitude, radius = float_intervals._magnitude_and_radius(x, (3, 4))
        exact = [[(Fraction(float(a)), Fraction(float(b))) for a, b in zip(*rows, strict=True)] for rows in zip(lo, hi, strict=True)]
        for a, row in enumerate(exact):
            assert Fraction(float(magnitude[a])) == max(max(abs(low), abs(high)) for low, high in row)
            assert Fraction(float(radius[a])) >= max(high - low for low, high in row)
        whole, widest = float_intervals._magnitude_and_radius(x, (5, 3, 4))
        assert whole.tolist() == [magnitude.max()]
        assert widest.tolist() == [radius.max()]


def _check_below(lower: np.ndarray, exact: np.ndarray, bits: int, close: int) -> None:
    """One power of two for each index of axis 0 puts every entry at or below its value, and all of them near it."""
    for a in range(exact.shape[0]):
        found, values = lower[a].ravel().tolist(), exact[a].ravel().tolist()
        assert any(
            all(0 <= Fraction(2) ** k * x - low <= close for low, x in zip(found, values, strict=True)) for k in range(-1100, 1100)
        ), f"no scale fits row {a}"
    assert int(np.abs(lower.astype(np.int64)).max()) <= 2**bits


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("bits", [8, 20, 29])
def test_lower_products_are_below_exact_ones(backend: str, bits: int) -> None:
    arithmetic = Arithmetic(backend, 128)
    rng = np.random.default_rng(bits)
    for spread in (0, 3, 40):
        exact = [
            DyadicArray.from_floats(values)
            for values in (
                _random(rng, (3, 2, 1, 4), spread, positive=True),
                _random(rng, (2, 5, 4), spread),
                _random(rng, (3, 1, 5, 1), spread),
            )
        ]
        weights, first, second = (arithmetic.enclose(x) for x in exact)
        lower = weights.lower_product(first, second, bits)
        _check_below(np.asarray(lower), exact[0].fractions() * (exact[1].fractions() + exact[2].fractions()), bits, 4)


def test_lower_products_are_below_every_point_and_reach_the_least_one() -> None:
    rng = np.random.default_rng(3)
    for trial in range(80):
        parts = []
        for place, shape in enumerate(((2, 1, 1, 3), (1, 2, 3), (2, 1, 2, 1))):
            lo = _random(rng, shape, 2, positive=place == 0)
            hi = lo + np.ldexp(np.abs(rng.standard_normal(shape)), int(rng.integers(-50, 2)))
            parts.append(FloatIntervals(lo, hi))
        low, high, one, other = (DyadicArray.from_floats(x).fractions() for x in (parts[0].lo, parts[0].hi, parts[1].lo, parts[2].lo))
        least = np.minimum(low * (one + other), high * (one + other))
        bits = 20 if trial % 2 else 29
        _check_below(np.asarray(parts[0].lower_product(parts[1], parts[2], bits)), least, bits, 4)


@pytest.mark.parametrize("size", [2.0**-1074, 2.0**-1022, 2.0**-600, 2.0**500, 2.0**990])
def test_lower_products_of_extreme_sizes(size: float) -> None:
    rng = np.random.default_rng(4)
    one = np.abs(rng.standard_normal((2, 1, 1, 3)))
    tiny = np.floor(rng.standard_normal((1, 2, 3)) * 4)
    exact = (DyadicArray.from_floats(one), DyadicArray.from_floats(tiny * size), DyadicArray.from_floats(np.zeros((2, 1, 2, 1))))
    weights, first, second = (FloatIntervals.from_dyadic(x) for x in exact)
    found = np.asarray(weights.lower_product(first, second, 27))
    _check_below(found, exact[0].fractions() * (exact[1].fractions() + exact[2].fractions()), 27, 2**28)
    below_zero = FloatIntervals(-weights.hi, weights.hi).lower_product(first, second, 27)  # by fixed_point
    assert (np.asarray(below_zero) <= 0).all()
    with pytest.raises(ArithmeticError):
        weights.lower_product(FloatIntervals(np.full((1, 2, 3), -np.inf), first.hi), second, 27)
