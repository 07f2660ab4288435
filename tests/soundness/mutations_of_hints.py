"""Mutations of hints: entries of gap tables, directions, tau, bounds on work; their dtypes, shapes and encodings."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

import numpy as np
from soundness.mutation_seeds import Seed
from soundness.mutation_sites import Array, Changed, Operator, arrays, choose, decoded, encoded, entry, render

Change = Callable[[random.Random, Array], "Array | None"]


def changed_array(change: Change) -> Operator:
    """The operator that applies `change` to one hinted array."""

    def operator(generator: random.Random, seed: Seed, pool: Sequence[Seed]) -> Changed:
        document = seed.document()
        place = choose(generator, arrays(document))
        if place is None:
            return None
        hints, name = place
        array = decoded(hints[name])
        if array.size == 0:
            return None
        with np.errstate(all="ignore"):
            result = change(generator, array)
        if result is None:
            return None
        hints[name] = encoded(result)
        return render(document), seed.weights

    return operator


def one_ulp(generator: random.Random, array: Array) -> Array | None:
    if array.dtype.kind != "f":
        return None
    k = entry(generator, array)
    array[k] = np.nextafter(array[k], array.dtype.type(generator.choice((-np.inf, np.inf))))
    return array


def other_float(generator: random.Random, array: Array) -> Array | None:
    if array.dtype.kind != "f":
        return None
    k = entry(generator, array)
    x = array[k]
    largest, least = np.finfo(array.dtype).max, np.finfo(array.dtype).smallest_subnormal
    array[k] = generator.choice((0.0, -0.0, -x, 2 * x, x / 2, x + 1, 1e10 * x, largest, -largest, least, np.float32(x), 1e-300))
    return array


def not_finite(generator: random.Random, array: Array) -> Array | None:
    if array.dtype.kind != "f":
        return None
    array[entry(generator, array)] = generator.choice((np.nan, np.inf, -np.inf))
    return array


def float_array(generator: random.Random, array: Array) -> Array | None:
    """A whole array of floats: scaled, turned round, zero, or noise."""
    if array.dtype.kind != "f":
        return None
    noise = np.array([generator.gauss(0, 1) for _ in range(array.size)]).reshape(array.shape)
    changed = generator.choice(
        (array * 0.5, array * 0.999, array * 1.001, -array, 0 * array, array * 2.0**40, array[::-1], noise, noise * 1e-30)
    )
    return np.asarray(changed, dtype=array.dtype)


def integer_entry_by_one(generator: random.Random, array: Array) -> Array | None:
    if array.dtype.kind != "i":
        return None
    array[entry(generator, array)] += generator.choice((-1, 1))
    return array


def other_integer_entry(generator: random.Random, array: Array) -> Array | None:
    if array.dtype.kind != "i":
        return None
    k = entry(generator, array)
    array[k] = generator.choice((0, 1, -1, -4, -array[k], array.max(), array.max() + 1, 2**31, 2**62, -(2**63), 2**63 - 1))
    return array


def integer_array(generator: random.Random, array: Array) -> Array | None:
    """A whole array of integers: shifted, constant, negated, or random."""
    if array.dtype.kind != "i":
        return None
    high = int(array.max()) + 2
    random_entries = np.array([generator.randint(-1, high) for _ in range(array.size)], dtype=np.int64).reshape(array.shape)
    ones = np.ones_like(array)
    changed = generator.choice(
        (array - 1, array + 1, array - 2, ones, 2 * ones, 0 * ones, -ones, -array, np.maximum(array - 1, 1), random_entries)
    )
    return np.asarray(changed, dtype=np.int64)


def bit_flipped(generator: random.Random, array: Array) -> Array | None:
    data = bytearray(array.tobytes())
    data[generator.randrange(len(data))] ^= 1 << generator.randrange(8)
    return np.frombuffer(bytes(data), dtype=array.dtype).reshape(array.shape)


def entries_swapped(generator: random.Random, array: Array) -> Array | None:
    j, k = entry(generator, array), entry(generator, array)
    array[j], array[k] = array[k].copy(), array[j].copy()
    return array


def rows_moved(generator: random.Random, array: Array) -> Array | None:
    """Rolled, reversed, a row repeated, a row missing."""
    repeated = np.concatenate([array, array[:1]])
    over = array.copy()
    over[-1] = over[0]
    return np.asarray(generator.choice((np.roll(array, 1, axis=0), array[::-1], repeated, array[1:], over)))


def reshaped(generator: random.Random, array: Array) -> Array | None:
    shapes = (
        (array.size,),
        (1, *array.shape),
        (*array.shape, 1),
        array.shape[::-1],
        (array.size, 1),
        (0, array.size),
        array.shape + (1,) * 7,
    )
    shape = generator.choice(shapes)
    return np.zeros(shape, dtype=array.dtype) if 0 in shape else array.reshape(shape)


def other_dtype(generator: random.Random, array: Array) -> Array | None:
    kinds = [kind for kind in ("<f4", "<f8", "<i8") if kind != array.dtype.str]
    return array.astype(generator.choice(kinds))


def description(generator: random.Random, seed: Seed, pool: Sequence[Seed]) -> Changed:
    """dtype, shape or data of an array changed without the other two."""
    document = seed.document()
    place = choose(generator, arrays(document))
    if place is None:
        return None
    hint = place[0][place[1]]
    field = generator.choice(("dtype", "shape", "data"))
    if field == "dtype":
        hint[field] = generator.choice(("f32", "f64", "i64", "f16", "<f8", "F64", "u64", "object"))
    elif field == "shape":
        hint[field] = generator.choice(([], [1], hint[field][::-1], hint[field][1:], [*hint[field], 1], [-1], [2**40, 0], [2**40]))
    else:
        text = hint[field]
        hint[field] = generator.choice(
            (text[:-4], text + "AAAA", text.rstrip("="), text.replace("A", "-"), "\n" + text, text[:-1] + "B", "")
        )
    return render(document), seed.weights


def hints_exchanged(generator: random.Random, seed: Seed, pool: Sequence[Seed]) -> Changed:
    """An array of another certificate about the same model, or another array of this one."""
    document = seed.document()
    place = choose(generator, arrays(document))
    other = choose(generator, arrays(generator.choice(pool).document() if generator.random() < 0.5 else document))
    if place is None or other is None:
        return None
    place[0][place[1]] = other[0][other[1]]
    return render(document), seed.weights


_CHANGES: dict[str, Change] = {
    "hint: float by one ulp": one_ulp,
    "hint: float to another": other_float,
    "hint: NaN or infinity": not_finite,
    "hint: whole float array": float_array,
    "hint: integer by one": integer_entry_by_one,
    "hint: integer to another": other_integer_entry,
    "hint: whole integer array": integer_array,
    "hint: bit flipped": bit_flipped,
    "hint: entries swapped": entries_swapped,
    "hint: rows moved": rows_moved,
    "hint: reshaped": reshaped,
    "hint: another dtype": other_dtype,
}
OPERATORS: dict[str, Operator] = {
    **{name: changed_array(change) for name, change in _CHANGES.items()},
    "hint: dtype, shape or data alone": description,
    "hint: exchanged": hints_exchanged,
}
