"""Certificates and weights made to cost time or memory, each with the reason code in which it must end. `measure_attacks.py` runs them.

ATTACKS are refused, or cheap. MOST are the largest works that the default limits let through: minutes each.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from soundness.small_models import (
    BRUTE_FORCE,
    CUBIC,
    TABLES,
    Shape,
    about,
    certificate,
    random_model,
    raw_safetensors,
    safetensors_bytes,
    shapes,
)

from proofcheck import Certificate, Step, encode_certificate

VERIFIED = "VERIFIED"  # in place of a reason code: the attack is cheap, and what it proves is true
TINY = Shape(2, 3, 3, 2)
Arguments = list[str | Path]
Make = Callable[[Path], Arguments]
CERTIFICATE, WEIGHTS = "certificate.json", "weights.safetensors"


@dataclass(frozen=True)
class Attack:
    """make(folder) writes the files into an empty folder and returns the arguments of `proofcheck verify`."""

    name: str
    code: str
    make: Make


def write(folder: Path, found: Certificate | bytes, weights: bytes) -> Arguments:
    """Both files."""
    (folder / WEIGHTS).write_bytes(weights)
    (folder / CERTIFICATE).write_bytes(found if isinstance(found, bytes) else encode_certificate(found))
    return [folder / CERTIFICATE]


def tiny() -> bytes:
    """The weights of most attacks."""
    return safetensors_bytes(random_model(TINY, 0))


def sized(shape: Shape, proof: tuple[Step, ...], total: int | None = None) -> Make:
    """A certificate about larger dimensions than its weights have: refused before the weights are looked at."""

    def make(folder: Path) -> Arguments:
        return write(folder, about(certificate(tiny(), TINY, proof), shape, total), tiny())

    return make


def steps(*proof: Step) -> Make:
    return lambda folder: write(folder, certificate(tiny(), TINY, proof), tiny())


def text(data: bytes, times: int) -> Make:
    """A text in place of the certificate."""
    return lambda folder: write(folder, data * times, tiny())


def field(path: str, before: str, times: tuple[bytes, int], after: str) -> Make:
    """A good certificate with the value at a path (keys between dots) replaced by a long literal."""

    def make(folder: Path) -> Arguments:
        document = json.loads(encode_certificate(certificate(tiny(), TINY, BRUTE_FORCE)))
        *parents, last = path.split(".")
        place = document
        for key in parents:
            place = place[key]
        place[last] = "the literal"
        literal = before.encode() + times[0] * times[1] + after.encode()
        return write(folder, json.dumps(document, ensure_ascii=False).encode().replace(b'"the literal"', literal), tiny())

    return make


def model(weights: Callable[[], bytes], shape: Shape = TINY, proof: tuple[Step, ...] = CUBIC) -> Make:
    """A good certificate about bad weights."""

    def make(folder: Path) -> Arguments:
        data = weights()
        return write(folder, certificate(data, shape, proof), data)

    return make


def random(shape: Shape) -> Callable[[], bytes]:
    return lambda: safetensors_bytes(random_model(shape, 0, scale=0.1))


def zero(shape: Shape) -> Callable[[], bytes]:
    """Every sequence is a tie."""
    return lambda: safetensors_bytes({name: 0 * array for name, array in random_model(shape, 0).items()})


def changed(*changes: tuple[str, float]) -> Callable[[], bytes]:
    """The tiny network in float64 with the first entries of some tensors set."""

    def make() -> bytes:
        tensors = random_model(TINY, 0, dtype="<f8")
        for k, (name, value) in enumerate(changes):
            tensors[name].ravel()[k] = value
        return safetensors_bytes(tensors)

    return make


def wild(shape: Shape, lowest: int, highest: int, dtype: str) -> Callable[[], bytes]:
    """Every weight of random sign, with a random exponent in the range."""

    def make() -> bytes:
        generator = np.random.default_rng(0)
        tensors = {}
        for name in random_model(shape, 0):
            size = shapes(shape)[name]
            signs = generator.choice((-1.0, 1.0), size) * generator.uniform(1, 2, size)
            tensors[name] = np.ldexp(signs, generator.integers(lowest, highest, size)).astype(dtype)
        return safetensors_bytes(tensors)

    return make


def headed(entries: Callable[[], dict[str, Any] | bytes], size: int = 0) -> Callable[[], bytes]:
    """A safetensors file with this header and so many bytes of zeros."""
    return lambda: raw_safetensors(entries(), b"\0" * size)


def entry(dtype: str, shape: list[int], start: int, end: int) -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": [start, end]}


def svd(query: float, key: float, tau: float) -> tuple[Step, ...]:
    """A sub-cubic proof by qk-error-svd, with directions of one repeated value."""
    hints = {"query_direction": np.full(TINY.d_vocab, query), "key_direction": np.full(TINY.d_vocab, key), "tau": np.array([tau])}
    return (TABLES, Step("scores", "qk-error-svd", ("tables",), hints), *_from_scores(1))


def gaps(gap: int) -> tuple[Step, ...]:
    """A sub-cubic proof with one value for all gaps."""
    return (TABLES, Step("scores", "qk-error-exact-EQKE+max-diff-exact", ("tables",)), *_from_scores(gap))


def _from_scores(gap: int) -> tuple[Step, ...]:
    every_gap = np.full((TINY.d_vocab, TINY.d_vocab, TINY.n_ctx), gap, dtype=np.int64)
    return (
        Step("direct", "direct-path-max-diff-exact", ("tables",)),
        Step("attention", "attention-bounds", ("tables", "scores"), {"gaps": every_gap}),
        Step("classes", "margin-drop-average-query-per-output-logit-reasoning", ("tables", "direct", "attention")),
        *CUBIC[2:],
    )


def repeated(step: Step, times: int) -> tuple[Step, ...]:
    """The same step many times over, all of them used."""
    many = tuple(replace(step, id=f"{step.id}{k}") for k in range(times))
    return (TABLES, *many, Step("count", "sum-blocks", tuple(one.id for one in many)))


def hole(name: str, size: int) -> Make:
    """A sparse file of that size as the certificate or as the weights."""

    def make(folder: Path) -> Arguments:
        arguments = write(folder, certificate(tiny(), TINY, CUBIC), tiny())
        with (folder / name).open("r+b") as file:
            file.truncate(size)
        return arguments

    return make


def instead(name: str, place: Callable[[Path], Any]) -> Make:
    """Something that is no regular file as the certificate or as the weights."""

    def make(folder: Path) -> Arguments:
        arguments = write(folder, certificate(tiny(), TINY, CUBIC), tiny())
        (folder / name).unlink()
        place(folder / name)
        return arguments

    return make


def link(target: str) -> Callable[[Path], None]:
    return lambda path: path.symlink_to(target)


def with_arguments(*more: str, make: Make | None = None) -> Make:
    return lambda folder: [*(make or steps(*CUBIC))(folder), *more]


LIMIT = "limit-exceeded"
NO_FILE = "not-a-regular-file"
MILLION = 10**6
COUNT = BRUTE_FORCE[2]
SEARCH = Step("blocks", "separable-enumeration", ("tables",), {"blocks": np.array([[0, 1]]), "expansions": 1 << 48})
BLOCKS = np.zeros((3 * MILLION, 2), dtype=np.int64)
GROUPS = {"blocks": np.array([[0, 1, 64]]), "groups": np.zeros((2 * MILLION, 3), dtype=np.int64), "additions": 10**6}
MANY_PREMISES = (*CUBIC[:3], Step("count", "sum-blocks", ("blocks",) * 400_000))
MIDDLE, WIDE, LARGE = Shape(2, 64, 64, 32), Shape(2, 1024, 2, 1), Shape(2, 1024, 1024, 1024)
LESS_LARGE = Shape(2, 480, 1024, 1024)

ATTACKS = (
    # dimensions and work
    Attack("n_ctx of 10^18", LIMIT, sized(Shape(10**18, 3), CUBIC, total=1)),
    Attack("d_vocab of 10^18", LIMIT, sized(Shape(2, 10**18), CUBIC)),
    Attack("a total of 3083 digits", LIMIT, sized(Shape(1024, 1024), CUBIC, total=1)),
    Attack("enumeration of 64^6 sequences", LIMIT, sized(Shape(6, 64), BRUTE_FORCE)),
    Attack("cubic of d_vocab 1024 at 600 positions", LIMIT, sized(Shape(600, 1024), CUBIC)),
    Attack("a search of 2^48 nodes", LIMIT, steps(TABLES, SEARCH, COUNT)),
    Attack("998 enumerations of 32^4 sequences", LIMIT, sized(Shape(4, 32), repeated(BRUTE_FORCE[1], 998))),
    Attack("one block as 400,000 premises", LIMIT, sized(Shape(1, 1000, 1, 1), MANY_PREMISES)),
    Attack("elimination of a 1024 × 1024 matrix of balls", LIMIT, sized(Shape(2, 3, 1024, 1), svd(1.0, 1.0, 1.0))),
    Attack("cubic of d_vocab 512, in balls", LIMIT, with_arguments("--backend", "arb", make=sized(Shape(4, 512), CUBIC))),
    # text
    Attack("10^6 steps", LIMIT, field("steps", "[", (b'{"id":"a","rule":"b","premises":[],"hints":{}},', MILLION), "{}]")),
    Attack("1001 steps", LIMIT, steps(*(replace(TABLES, id=f"t{k}") for k in range(1001)))),
    Attack("60 MB of open brackets", LIMIT, text(b"[", 60 * MILLION)),
    Attack("60 MB of digits in one integer", LIMIT, field("claim.accuracy_at_least.correct", "", (b"9", 60 * MILLION), "")),
    Attack("30,000 integers of 2000 digits", "wrong-type", field("provenance", "[", (b"9" * 2000 + b",", 30_000), "1]")),
    Attack("a string of 60 MB", LIMIT, field("provenance", '{"strategy":"', (b"a", 60 * MILLION), '"}')),
    Attack("a string of 60 MB, one character above U+FFFF", LIMIT, field("provenance", '{"strategy":"😀', (b"a", 60 * MILLION), '"}')),
    Attack("60 MB of letters and spaces", LIMIT, text(b"a ", 30 * MILLION)),
    Attack("60 MB of escapes", "malformed-json", field("provenance", '{"strategy":"', (b"\\n", 30 * MILLION), '"}')),
    Attack("an array of 2^59 entries beside an empty axis", LIMIT, steps(replace(TABLES, hints={"a": np.zeros((0, 1 << 59))}))),
    Attack("precision of 10^9 bits", LIMIT, field("arithmetic.precision", "1", (b"0", 9), "")),
    Attack("--precision of 10^9 bits", LIMIT, with_arguments("--precision", "1" + "0" * 9)),
    Attack("--precision of 10^4000 bits", LIMIT, with_arguments("--precision", "1" + "0" * 4000)),
    # hints
    Attack("directions of 1e308", LIMIT, steps(*svd(1e308, 1e308, 1.0))),
    Attack("directions of 5e-324", LIMIT, steps(*svd(5e-324, 5e-324, 1.0))),
    Attack("tau of 1e308", LIMIT, steps(*svd(1.0, 1.0, 1e308))),
    Attack("directions of 1e77, nearly the largest allowed", "bad-hint", steps(*svd(1e77, 1e77, 1.0))),
    Attack("3 million blocks", "bad-hint", steps(TABLES, replace(SEARCH, hints={"blocks": BLOCKS, "expansions": 1}), COUNT)),
    Attack("2 million rows of groups", "bad-hint", steps(TABLES, Step("blocks", "separable-counting", ("tables",), GROUPS), COUNT)),
    Attack("gaps of −2^63", "bad-hint", steps(*gaps(-(2**63)))),
    Attack("gaps of 2^63 − 1", "bad-hint", steps(*gaps(2**63 - 1))),
    # weights
    Attack("1e308 and 5e-324 in one tensor", LIMIT, model(changed(("embed.W_E", 1e308), ("embed.W_E", 5e-324)))),
    Attack("float64 exponents from −1074 to 1023", LIMIT, model(wild(TINY, -1074, 1023, "<f8"))),
    Attack("float64 exponents from −255 to 255", "out-of-range", model(wild(MIDDLE, -255, 255, "<f8"), MIDDLE)),
    Attack("float32 exponents from −149 to 127", "out-of-range", model(wild(MIDDLE, -149, 127, "<f4"), MIDDLE)),
    Attack("float32 exponents from −149 to 127, tables of 1024 × 1024", LIMIT, model(wild(WIDE, -149, 127, "<f4"), WIDE)),
    Attack("scores of 1e300", LIMIT, model(changed(("blocks.0.attn.W_Q", 1e300)))),
    Attack("scores of 1e70", "out-of-range", model(changed(("blocks.0.attn.W_Q", 1e70)))),
    Attack("a query weight of 2^36: exponentials beyond 2^(10^10)", VERIFIED, model(changed(("blocks.0.attn.W_Q", 2.0**36)))),
    Attack("logits of 1e70", VERIFIED, model(changed(("unembed.W_U", 1e70)))),
    Attack("every sequence a tie: 12^4 of them", VERIFIED, model(zero(Shape(4, 12)), Shape(4, 12), BRUTE_FORCE)),
    Attack("a header that claims 10 GB", "bad-weights", model(lambda: (10**10).to_bytes(8, "little") + b"{}")),
    Attack("a tensor that claims 10 GB", "bad-weights", model(headed(lambda: {"embed.W_E": entry("F32", [2500, MILLION], 0, 10**10)}))),
    Attack("a shape whose product overflows", "bad-weights", model(headed(lambda: {"embed.W_E": entry("F32", [2**32, 2**32], 0, 4)}, 4))),
    Attack("500,000 empty tensors", LIMIT, model(headed(lambda: {f"t{k}": entry("F32", [0], 0, 0) for k in range(500_000)}))),
    Attack("two tensors over the same bytes", "bad-weights", model(headed(lambda: dict.fromkeys("ab", entry("F32", [2], 0, 8)), 8))),
    Attack("30 million weights", LIMIT, model(headed(lambda: {"embed.W_E": entry("F16", [30_000, 1000], 0, 60 * MILLION)}, 60 * MILLION))),
    Attack("a tensor of 20,001 axes", "bad-weights", model(headed(lambda: {"embed.W_E": entry("F32", [1] * 20_001, 0, 4)}, 4))),
    # files
    Attack("a certificate of 10 GB (sparse)", LIMIT, hole(CERTIFICATE, 10 * 2**30)),
    Attack("weights of 10 GB (sparse)", LIMIT, hole(WEIGHTS, 10 * 2**30)),
    Attack("a certificate with 64 MB of zero bytes (sparse)", "malformed-json", hole(CERTIFICATE, 64 * 2**20)),
    Attack("weights with 64 MB of zero bytes (sparse)", "digest-mismatch", hole(WEIGHTS, 64 * 2**20)),
    Attack("a FIFO as certificate", NO_FILE, instead(CERTIFICATE, os.mkfifo)),
    Attack("a FIFO as weights", NO_FILE, instead(WEIGHTS, os.mkfifo)),
    Attack("/dev/zero as certificate", NO_FILE, lambda folder: ["/dev/zero"]),
    Attack("/dev/zero as --model", NO_FILE, with_arguments("--model", "/dev/zero")),
    Attack("/dev/stdin (a pipe) as certificate", NO_FILE, lambda folder: ["/dev/stdin"]),
    Attack("a link to /dev/zero as certificate", NO_FILE, instead(CERTIFICATE, link("/dev/zero"))),
    Attack("a link to /dev/zero as weights", NO_FILE, instead(WEIGHTS, link("/dev/zero"))),
    Attack("a link to itself as certificate", "unreadable-file", instead(CERTIFICATE, link(CERTIFICATE))),
    Attack("a file larger than its size (/proc/self/maps)", "unreadable-file", lambda folder: ["/proc/self/maps"]),
    Attack("the memory of the process (/proc/self/mem)", "unreadable-file", lambda folder: ["/proc/self/mem"]),
)

MOST = (
    Attack("enumeration of 2^36 sequences", VERIFIED, model(random(Shape(36, 2, 1, 1)), Shape(36, 2, 1, 1), BRUTE_FORCE)),
    Attack("cubic, d_vocab 512 at 40 positions", VERIFIED, model(random(Shape(40, 512, 1, 1)), Shape(40, 512, 1, 1))),
    Attack("cubic, d_vocab 180 at 850 positions", VERIFIED, model(random(Shape(850, 180, 1, 1)), Shape(850, 180, 1, 1))),
    Attack(
        "cubic in balls, d_vocab 200 at 4 positions",
        VERIFIED,
        with_arguments("--backend", "arb", make=model(random(Shape(4, 200, 1, 1)), Shape(4, 200, 1, 1))),
    ),
    Attack("tables of 1024 × 1024 matrices", "no-conclusion", model(random(LARGE), LARGE, (TABLES,))),
    Attack(
        "tables of 480 × 480 matrices, float64 exponents from −255 to 255",
        "no-conclusion",
        model(wild(LESS_LARGE, -255, 255, "<f8"), LESS_LARGE, (TABLES,)),
    ),
    Attack(
        "elimination of a 400 × 400 matrix of balls",
        "bad-hint",
        model(random(Shape(2, 3, 400, 1)), Shape(2, 3, 400, 1), svd(1.0, 1.0, 1e-9)),
    ),
    Attack("every sequence a tie: 64^4 of them", VERIFIED, model(zero(Shape(4, 64, 1, 1)), Shape(4, 64, 1, 1), BRUTE_FORCE)),
)
