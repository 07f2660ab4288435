"""Maps of float64 columns against the same maps in balls, of vectors anywhere within the radius."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flint import arb, ctx
from process.float_modes import flush_helper, flushing, rounding, rounding_modes

from proofcheck.arithmetic import DyadicArray, Scale, exclusive_precision, float_columns
from proofcheck.arithmetic.ball_columns import BallColumnArithmetic, BallColumns
from proofcheck.arithmetic.float_bounds import HUGE, TINY
from proofcheck.arithmetic.float_columns import FloatColumnArithmetic, FloatColumns, capped_like

Values = np.ndarray[Any, Any]


def exact(values: Values) -> DyadicArray:
    return DyadicArray.from_floats(np.asarray(values, dtype=np.float64))


def as_balls(values: Values) -> BallColumns:
    entries = np.empty(values.size, dtype=object)
    entries[:] = [arb(value) for value in values.ravel().tolist()]
    return BallColumns(entries.reshape(values.shape))


def within(rng: np.random.Generator, values: Values, radius: Values) -> BallColumns:
    """Vectors at distances up to the radius, exactly: random directions, single axes, towards and away from 0."""
    k, width = values.shape
    directions = rng.normal(size=values.shape)
    kind = rng.integers(4, size=width)
    directions[:, kind == 1] = np.eye(k)[:, rng.integers(k, size=int((kind == 1).sum()))]
    directions[:, kind == 2] = values[:, kind == 2] + 1e-300
    directions[:, kind == 3] = -values[:, kind == 3] - 1e-300
    directions /= np.linalg.norm(directions, axis=0)
    return as_balls(values) + as_balls(directions * radius * (1 - 1e-9))


def assert_contains(found: FloatColumns, truth: BallColumns) -> None:
    assert np.isfinite(found.radius).all()
    for b in range(found.width):
        square = sum(((arb(x) - y) ** 2 for x, y in zip(found.values[:, b].tolist(), truth.entries[:, b].tolist(), strict=True)), arb(0))
        assert not square > arb(found.radius[b]) ** 2


def columns(rng: np.random.Generator, k: int, width: int) -> tuple[FloatColumns, BallColumns]:
    values = rng.normal(size=(k, width)) * np.ldexp(1.0, rng.integers(-20, 6, width))
    radius = np.ldexp(rng.uniform(0.5, 1, width), rng.integers(-60, 2, width))
    return FloatColumns(values, radius), within(rng, values, radius)


MAPS = ["affine", "affine without bias", "diagonal", "add", "relu", "gelu", "gelu_new", "silu", "LN", "RMS", "average", "take"]


@pytest.mark.parametrize("name", MAPS)
@pytest.mark.parametrize("seed", range(12))
def test_maps_contain(name: str, seed: int) -> None:
    rng = np.random.default_rng([seed, MAPS.index(name)])
    k, width, m = int(rng.integers(1, 9)), 40, int(rng.integers(1, 7))
    with exclusive_precision():
        ctx.prec = 200
        floats, balls = FloatColumnArithmetic(), BallColumnArithmetic()
        x, y = columns(rng, k, width)
        other, other_balls = columns(rng, k, width)
        W, b = exact(rng.normal(size=(k, m))), exact(rng.normal(size=m))
        w, c = exact(rng.normal(size=k)), exact(rng.normal(size=k))
        places = rng.integers(0, width, 25)
        maps: dict[str, Callable[[], tuple[Any, Any]]] = {
            "affine": lambda: (floats.affine(W, b)(x), balls.affine(W, b)(y)),
            "affine without bias": lambda: (floats.affine(W, None)(x), balls.affine(W, None)(y)),
            "diagonal": lambda: (floats.diagonal(w, c)(x), balls.diagonal(w, c)(y)),
            "add": lambda: (x + other, y + other_balls),
            "LN": lambda: tuple(z.normalized(Fraction(1, 1000), centred=True) for z in (x, y)),
            "RMS": lambda: tuple(z.normalized(Fraction(1, 10**9), centred=False) for z in (x, y)),
            "average": lambda: (
                floats.average([x, other, x], [None, places[:width], places[:width]][:1] * 3),
                balls.average([y, other_balls, y], [None] * 3),
            ),
            "take": lambda: (x.take(places), y.take(places)),
        }
        found, truth = maps[name]() if name in maps else (x.activated(name), y.activated(name))
        assert_contains(found, truth)


@pytest.mark.parametrize("seed", range(40))
def test_attention_contains(seed: int) -> None:
    rng = np.random.default_rng(seed)
    heads, d_head, width, m = int(rng.integers(1, 4)), int(rng.integers(1, 5)), 25, int(rng.integers(1, 5))
    scale = [Scale(Fraction(1), d_head), Scale(Fraction(5, 3), 1), Scale(Fraction(40), 1)][seed % 3]
    with exclusive_precision():
        ctx.prec = 200
        found = [taken(rng, heads * d_head, width) for _ in range(m + 1)]
        places = [place for _, place in found]
        pairs = [pair for pair, _ in found] + [columns(rng, heads * d_head, pair[0].width) for pair, _ in found[1:]]
        results = []
        for arithmetic, side in ((FloatColumnArithmetic(), 0), (BallColumnArithmetic(), 1)):
            query, *rest = [pair[side] for pair in pairs]
            results.append(arithmetic.attention(heads, scale)(query, places[0], rest[:m], rest[m:], places[1:]))
        assert_contains(*results)  # type: ignore[arg-type]


def taken(rng: np.random.Generator, k: int, width: int) -> tuple[tuple[FloatColumns, BallColumns], Any]:
    """Columns and places [width]: as they are, any of them, one of them only, or any of a few."""
    kind = int(rng.integers(4))
    these = columns(rng, k, 3 if kind == 3 else width)
    return these, [None, rng.integers(0, width, width), np.full(width, 2), rng.integers(0, 3, width)][kind]


@pytest.mark.parametrize("width", [1, 2, 9])
@pytest.mark.parametrize("part", ["query", "key", "value"])
def test_a_bad_column_out_of_few_touches_only_those_that_take_it(part: str, width: int) -> None:
    """The products of all pairs of few columns, and the sums of repeated ones, mix nothing."""
    rng = np.random.default_rng(0)
    attend = FloatColumnArithmetic().attention(2, Scale(Fraction(1), 2))
    bad, good = (FloatColumns(rng.normal(size=(4, 3)), np.full(3, 1e-9)) for _ in range(2))
    bad.values[3, 1], bad.radius[1] = np.nan, np.inf
    some, same = np.arange(width) % 3, np.zeros(width, dtype=np.int64)
    for at in (some, same, same + 1):
        query, at_query = (bad, at) if part == "query" else (good, some)
        keys, values = [good, bad if part == "key" else good], [good, bad if part == "value" else good]
        result = attend(query, at_query, keys, values, [same, some if part == "query" else at])
        assert (np.isfinite(result.radius) == (at != 1)).all()  # type: ignore[attr-defined]
        assert np.isfinite(result.values[:, at != 1]).all()  # type: ignore[attr-defined]


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e200])
@pytest.mark.parametrize("where", ["values", "radius"])
def test_what_is_not_finite_stays_so_and_touches_no_other_column(bad: float, where: str) -> None:
    rng = np.random.default_rng(0)
    floats = FloatColumnArithmetic()
    values, radius = rng.normal(size=(4, 3)), np.full(3, 1e-9)
    if where == "values":
        values[2, 1], radius[1] = bad, np.inf
    else:
        radius[1] = abs(bad)
    x, good = FloatColumns(values, radius), FloatColumns(rng.normal(size=(4, 3)), np.full(3, 1e-9))
    W, w = exact(rng.normal(size=(4, 4))), exact(rng.normal(size=4))
    attend = floats.attention(2, Scale(Fraction(1), 2))
    results = [
        floats.affine(W, None)(x),
        floats.diagonal(w, w)(x),
        x + good,
        good + x,
        *(x.activated(name) for name in ("relu", "gelu", "gelu_new", "silu")),
        *(x.normalized(Fraction(1, 9), centred=centred) for centred in (True, False)),
        floats.average([good, x], [None, None]),
        attend(x, None, [good, good], [good, good], [None, None]),
        attend(good, None, [good, x], [good, good], [None, None]),
        attend(good, None, [good, good], [x, good], [None, None]),
    ]
    for k, result in enumerate(results):
        assert isinstance(result, FloatColumns)
        assert np.isfinite(result.values[:, [0, 2]]).all() and (result.radius[[0, 2]] < 1e-3).all(), k
        bounded = where == "radius" and (bad == 1e200 or k in (11, 12))
        if bounded:  # a softmax bounds what a large radius of scores can do
            assert result.radius[1] >= 0.1 or k in (11, 12)
        else:
            assert not result.radius[1] < 1e100, k
        right, wrong = result.logits().decide(np.zeros(3, dtype=np.int64))
        if not np.isfinite(result.radius[1]):
            assert not right[1] and not wrong[1]


def test_modes_of_matrix_products_are_covered(tmp_path: Path) -> None:
    """Products in another rounding direction, or with subnormals flushed, as threads of a library may do, stay within the radius."""
    rng = np.random.default_rng(3)
    values = np.ldexp(rng.normal(size=(30, 20)), rng.integers(-1060, 10, (30, 20)))
    values[:, 0] = np.ldexp(rng.normal(size=30), -1030)
    W = rng.normal(size=(30, 9))
    W[:, :4] *= 2.0**-200
    floats = FloatColumnArithmetic()
    apply, x = floats.affine(exact(W), None), FloatColumns(values, np.full(20, 2.0**-300))
    x.norms()
    results = [apply(x)]
    for mode in rounding_modes().values():
        with rounding(mode):
            product = np.ascontiguousarray(W.T) @ values
        results.append(FloatColumns(product, results[0].radius))
    helper = flush_helper(tmp_path)
    if helper is not None:
        with flushing(helper, inputs=True, results=True):
            product = np.ascontiguousarray(W.T) @ values
        results.append(FloatColumns(product, results[0].radius))
        assert not np.array_equal(product, results[0].values)
    assert len({result.values.tobytes() for result in results}) > 1
    with exclusive_precision():
        ctx.prec = 3000
        truth = BallColumnArithmetic().affine(exact(W), None)(as_balls(values))
        for result in results:
            assert_contains(result, truth)  # type: ignore[arg-type]


def test_radii_are_at_least_tiny() -> None:
    """Also of zeros known to TINY: what underflows is covered by it."""
    zeros = FloatColumns(np.zeros((2, 3)), np.full(3, TINY))
    maps = FloatColumnArithmetic()
    found = [zeros + zeros, maps.average([zeros, zeros, zeros], [None] * 3)]
    found += [zeros.activated(name) for name in ("relu", "gelu", "gelu_new", "silu")]
    found += [zeros.normalized(Fraction(10**30), centred=centred) for centred in (False, True)]
    for b in (None, exact(np.zeros(2))):
        found += [maps.affine(exact(np.zeros((2, 2))), b)(zeros), maps.diagonal(exact(np.zeros(2)), b)(zeros)]
    found += [maps.attention(heads, Scale(Fraction(0), 1))(zeros, None, [zeros] * 2, [zeros] * 2, [None] * 2) for heads in (1, 2)]
    for number, columns in enumerate(found):
        assert isinstance(columns, FloatColumns)
        assert (columns.radius >= TINY).all(), number


def test_columns_of_another_arithmetic_are_refused() -> None:
    balls = as_balls(np.ones((2, 1)))
    with pytest.raises(TypeError, match="another arithmetic"):
        FloatColumnArithmetic().average([balls], [None])


def test_norms_by_head_are_those_of_the_heads_that_are_asked_for() -> None:
    columns = FloatColumns(np.array([[3.0], [4.0], [0.0], [1.0]]), np.full(1, TINY))
    for heads, expected in ((2, [5.0, 1.0]), (4, [3.0, 4.0, 0.0, 1.0]), (2, [5.0, 1.0]), (1, [np.sqrt(26)])):
        assert columns.norms_by_head(heads)[:, 0] == pytest.approx(expected)


def test_nothing_is_known_about_norms_from_huge_on() -> None:
    norms = np.array([1.0, np.nextafter(HUGE, 0), HUGE, np.inf, np.nan])
    assert capped_like(np.ones(5), norms).tolist() == [1.0, 1.0, np.inf, np.inf, np.inf]


def test_products_are_sampled_at_the_sizes_of_the_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    """With as many columns as the larger of both sizes, where both are above what the fixed samples have."""
    sampled: list[tuple[int, int, int]] = []
    monkeypatch.setattr(float_columns, "product_failures", lambda *shape: sampled.append(shape) or [])
    maps = FloatColumnArithmetic()
    for inputs, outputs in ((257, 300), (300, 257), (256, 400), (400, 256)):
        maps.affine(exact(np.ones((inputs, outputs))), None)
    assert sampled == [(300, 257, 300), (257, 300, 300)]


def test_relu_moves_nothing_further_apart() -> None:
    columns = FloatColumns(np.array([[3.0, -1.0], [-4.0, 2.0]]), np.array([0.1, 1.0]))
    found = columns.activated("relu")
    assert found.values.tolist() == [[3.0, 0.0], [0.0, 2.0]]
    assert found.radius.tolist() == [0.1, 1.0]


@pytest.mark.parametrize(("query", "key"), [(0.0, 0.0), (0.5, 0.0), (0.0, 0.5), (0.25, 0.25)])
@pytest.mark.parametrize("r", [0.5, 0.125, 2.0**-10])
def test_scores_move_by_the_product_of_both_radii_as_well(query: float, key: float, r: float) -> None:
    """One feature, keys that move apart and a query that grows, all within r; values 1 and −1 show the weights."""
    maps = FloatColumnArithmetic()

    def known(value: float, radius: float) -> FloatColumns:
        return FloatColumns(np.array([[value]]), np.full(1, radius))

    found = maps.attention(1, Scale(Fraction(1), 1))(
        known(query, r), None, [known(key, r), known(-key, r)], [known(1.0, TINY), known(-1.0, TINY)], [None, None]
    )
    assert isinstance(found, FloatColumns)
    farthest = np.tanh((query + r) * (key + r))  # weights e^±s/(e^s + e^−s)
    assert abs(farthest - found.values[0, 0]) <= found.radius[0] <= 4 * (r * (query + key + r)) + 1e-12


@pytest.mark.parametrize("seed", range(20))
def test_centring_rounds_also_where_the_mean_is_nearly_zero(seed: int) -> None:
    """Then x and what is left of it have one norm, and differ by roundings of the size of both."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((5, 40))
    x -= x.mean(axis=0)
    x += rng.choice([0.0, 2.0**-53, 2.0**-51], 40) * rng.standard_normal(40)
    found = FloatColumns(x, np.full(40, TINY)).centre(centred=True).c
    for b in range(40):
        exact = [Fraction(value) for value in x[:, b].tolist()]
        mean = sum(exact) / 5
        away = [Fraction(value) - (e - mean) for value, e in zip(found.values[:, b].tolist(), exact, strict=True)]
        assert sum(a * a for a in away) <= Fraction(float(found.radius[b])) ** 2


def test_a_scale_of_attention_from_huge_on_is_refused() -> None:
    arithmetic = FloatColumnArithmetic()
    arithmetic.attention(1, Scale(Fraction(2**299), 1))
    with pytest.raises(ArithmeticError, match="the attention scale is too large"):
        arithmetic.attention(1, Scale(Fraction(2**300), 1))


def test_the_spread_of_scores_is_the_largest_less_the_least() -> None:
    """What errors of exponentials that grow with their argument are multiplied with."""
    query, *keys = (FloatColumns(np.array([[value]]), np.array([TINY])) for value in (2.0, 1.0, -3.0, 0.0))
    attended = float_columns.FloatAttention(1, Scale(Fraction(1, 2), 1))(query, None, keys, keys, [None] * 3)
    assert attended.spread.tolist() == [[4.0]]
