"""Mutations of a certificate as JSON and as text: every field, its value, its name and its place."""

from __future__ import annotations

import random
from collections.abc import Sequence

from soundness.mutation_seeds import Seed
from soundness.mutation_sites import Changed, Operator, choose, leaves, render, sites

_INTEGERS = (0, 1, -1, 2, 2**31, 2**63, -(2**63), 10**30)
_OTHER_TYPES = (None, True, False, 1.5, float("nan"), float("inf"), "1", "", [], {}, [1], {"dtype": "i64", "shape": [1], "data": "AAAA"})
_CHARACTERS = 'aZ09+/=_.-"\\ \x00é\u202e{}[],:'


def integer_by_one(generator: random.Random, seed: Seed, pool: Sequence[Seed]) -> Changed:
    document = seed.document()
    container, key = choose(generator, leaves(document, int))
    container[key] += generator.choice((-1, 1))
    return render(document), seed.weights


def integer_to_other(generator: random.Random, seed: Seed, pool: Sequence[Seed]) -> Changed:
    document = seed.document()
    places = leaves(document, int)
    container, key = choose(generator, places)
    other, place = choose(generator, places)
    value = container[key]
    container[key] = generator.choice((*_INTEGERS, -value, 2 * value, value**2, value << 64, other[place]))
    return render(document), seed.weights


def claim(generator: random.Random, seed: Seed, pool: Sequence[Seed]) -> Changed:
    """Any claim from 0 to beyond the number of inputs, any precision in range."""
    document = seed.document()
    accuracy = document["claim"]["accuracy_at_least"]
    if generator.random() < 0.3:
        document["arithmetic"]["precision"] = generator.randint(32, 1024)
    else:
        accuracy["correct"] = generator.randint(0, accuracy["total"] + 2)
    return render(document), seed.weights


def other_type(generator: random.Random, seed: Seed, pool: Sequence[Seed]) -> Changed:
    document = seed.document()
    container, key = choose(generator, list(sites(document)))
    container[key] = generator.choice(_OTHER_TYPES)
    return render(document), seed.weights


def string_edit(generator: random.Random, seed: Seed, pool: Sequence[Seed]) -> Changed:
    document = seed.document()
    container, key = choose(generator, leaves(document, str))
    text = container[key]
    place = generator.randint(0, len(text))
    removed = generator.choice((0, 0, 1, 2))
    container[key] = text[:place] + generator.choice(("", generator.choice(_CHARACTERS))) + text[place + removed :]
    return render(document), seed.weights


def strings_swapped(generator: random.Random, seed: Seed, pool: Sequence[Seed]) -> Changed:
    document = seed.document()
    (a, i), (b, j) = (choose(generator, leaves(document, str)) for _ in range(2))
    a[i], b[j] = b[j], a[i]
    return render(document), seed.weights


def field_dropped(generator: random.Random, seed: Seed, pool: Sequence[Seed]) -> Changed:
    document = seed.document()
    container, key = choose(generator, list(sites(document)))
    del container[key]
    return render(document), seed.weights


def field_added(generator: random.Random, seed: Seed, pool: Sequence[Seed]) -> Changed:
    document = seed.document()
    places = [document, *(container[key] for container, key in leaves(document, dict))]
    generator.choice(places)[generator.choice(("comment", "correct", "id", "proved", "hints"))] = generator.choice((0, 7, "x", []))
    return render(document), seed.weights


def fields_reordered(generator: random.Random, seed: Seed, pool: Sequence[Seed]) -> Changed:
    document = seed.document()
    places = [document, *(container[key] for container, key in leaves(document, dict))]
    place = generator.choice([p for p in places if len(p) > 1])
    items = list(place.items())
    generator.shuffle(items)
    place.clear()
    place.update(items)
    return render(document), seed.weights


def key_twice(generator: random.Random, seed: Seed, pool: Sequence[Seed]) -> Changed:
    """A field stands twice in the text, the second time with another value."""
    lines = seed.text.decode().split("\n")
    places = [k for k, line in enumerate(lines) if '": ' in line and not line.rstrip().endswith(("{", "["))]
    k = generator.choice(places)
    name = lines[k].split('": ')[0]
    lines.insert(k, f'{name}": {generator.choice(("0", "64", chr(34) + "x" + chr(34), "[]", "{}"))},')
    return "\n".join(lines).encode(), seed.weights


def white_space(generator: random.Random, seed: Seed, pool: Sequence[Seed]) -> Changed:
    place = generator.randint(0, len(seed.text))
    return seed.text[:place] + generator.choice((b" ", b"\n", b"\t\r\n  ", b"\x0c", b"\xc2\xa0")) + seed.text[place:], seed.weights


def byte_changed(generator: random.Random, seed: Seed, pool: Sequence[Seed]) -> Changed:
    text = bytearray(seed.text)
    for _ in range(generator.choice((1, 1, 1, 2, 5))):
        place = generator.randrange(len(text))
        text[place] = generator.choice((text[place] ^ (1 << generator.randrange(8)), generator.randrange(32, 127)))
    return bytes(text), seed.weights


def text_cut(generator: random.Random, seed: Seed, pool: Sequence[Seed]) -> Changed:
    start, end = sorted(generator.randint(0, len(seed.text)) for _ in range(2))
    return generator.choice((seed.text[:start], seed.text[start:], seed.text[:start] + seed.text[end:])), seed.weights


def text_added(generator: random.Random, seed: Seed, pool: Sequence[Seed]) -> Changed:
    end = generator.choice((b"{}", b"0", b"\0", seed.text, b"s VERIFIED accuracy >= 64/64 (1.000000)\n"))
    return generator.choice((seed.text + end, end + seed.text, b"\xef\xbb\xbf" + seed.text)), seed.weights


OPERATORS: dict[str, Operator] = {
    "integer by one": integer_by_one,
    "integer to another": integer_to_other,
    "claim or precision": claim,
    "value of another type": other_type,
    "string edited": string_edit,
    "strings swapped": strings_swapped,
    "field dropped": field_dropped,
    "field added": field_added,
    "fields reordered": fields_reordered,
    "key twice": key_twice,
    "white space": white_space,
    "bytes changed": byte_changed,
    "text cut": text_cut,
    "text added": text_added,
}
