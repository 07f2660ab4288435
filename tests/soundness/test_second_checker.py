"""proofcheck against the second checker (tests/second_checker/README.md): the corpus, random small models, and broken copies of either."""

from __future__ import annotations

import json
import random
import re
import struct
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import mpmath
import pytest
from models import test_published_max_of_2 as published_max_of_2
from soundness import transformer_attacks

import proofcheck
from proofcheck.catalogue import BUILT_IN
from proofcheck.kinds import read_fields
from strategies.max_of_k.registry import STRATEGIES
from strategies.max_of_k.strategy import Problem
from strategies.write import packed
from tests.second_checker import alphabet_tasks, both
from tests.second_checker import check as check_module
from tests.second_checker.block_numbers import added, affine, cut, exact_matrix, exact_row, inner, relu, scaled, times
from tests.second_checker.both import Comparison, compare, compare_claims
from tests.second_checker.compare import float_comparisons, mid_size_comparisons, random_comparisons
from tests.second_checker.drafts import write_certificate, write_whole_boxes
from tests.second_checker.facts import Context, ProvedClasses
from tests.second_checker.intervals import enclose, ends_of, exp, sqrt
from tests.second_checker.positive_definite import positive_semidefinite
from tests.second_checker.random_evaluations import WRONG, evaluations, refusals
from tests.second_checker.random_models import encode, write_model
from tests.second_checker.random_transformers import document as random_document
from tests.second_checker.random_transformers import read as read_random_task
from tests.second_checker.random_transformers import refused_transformers, task_with_alphabets, transformers
from tests.second_checker.real_functions import gelu_new_factor, logistic, normal_distribution, root_ends
from tests.second_checker.rules import RULES
from tests.second_checker.tasks import FIELDS
from tests.second_checker.transformer import SIZES, read_options
from tests.second_checker.transformer import WORDS as OPTION_WORDS
from tests.second_checker.weights import DECODERS
from tests.shipped import shipped, stem_of

CERTIFICATES = Path(__file__).parents[2] / "certificates"
BUDGET = 1_000_000
ONLY_OURS = {"windows-exact-too-few-expansions.json"}  # a number of steps that the hint allows; the second checker counts none
MODELS = 4


def tally(comparisons: Iterable[Comparison]) -> Counter[str]:
    """Kinds of comparison; fails on the disagreements, all of them named."""
    found = list(comparisons)
    wrong = [str(comparison) for comparison in found if not comparison.agree]
    assert not wrong, "\n".join(wrong)
    assert all(comparison.pinned >= {"published", "unexplained dimension"} for comparison in found if comparison.counted)
    counts = Counter(comparison.kind for comparison in found)
    counts["counted"] = sum(comparison.counted for comparison in found)
    counts["weaker"] = sum(comparison.weaker for comparison in found)
    return counts


def test_reject_corpus() -> None:
    found = [(path, compare(path, BUDGET)) for path in sorted((CERTIFICATES / "reject").rglob("*.json"))]
    counts = tally(comparison for _, comparison in found)
    print(dict(counts))
    assert counts["agree"] >= 453
    beyond = [path for path, comparison in found if comparison.kind != "agree" and path.name not in ONLY_OURS]
    assert {path.parent.name for path in beyond} <= {"limit-exceeded", "out-of-range"}


def test_accept_corpus() -> None:
    counts = tally(compare(path, BUDGET) for path in small_certificates())
    print(dict(counts))
    assert counts["counted"] >= 3 + 5


def small_certificates() -> list[Path]:
    """Certificates that the budget may allow. The others would only load their weights to be too large."""
    return [
        path
        for path in shipped("accept")
        if path.name.startswith(("max-of-3-d-vocab-16", "counterexample")) or stem_of(path).endswith("--evaluation")
    ]


def test_random_models(tmp_path: Path) -> None:
    strategies = [name for name in STRATEGIES if not name.startswith("subcubic--")]
    found = list(random_comparisons(tmp_path, range(MODELS), strategies))
    counts = tally(found)
    print(dict(counts))
    assert counts["counted"] >= 200 * MODELS
    assert sum(comparison.equal and comparison.count > 0 for comparison in found) >= 120 * MODELS
    assert sum(comparison.claimed > 0 and comparison.counted for comparison in found) >= 60 * MODELS
    assert sum(comparison.first == ("REJECTED", "not-proved") for comparison in found) >= 100 * MODELS
    for name, least in {"wrong": 2, "exact": 1, "published": 20}.items():  # not only zeros are compared
        positive = sum(comparison.numbers.get(name, 0) > 0 and name in comparison.pinned for comparison in found)
        assert positive >= least * MODELS, name


def test_random_models_with_claims_about_a_margin(tmp_path: Path) -> None:
    found = list(random_comparisons(tmp_path, range(3, 4), ["separable-minimum", "cubic", "windows"], margins=True))
    counts = tally(found)
    assert counts["counted"] >= 200
    assert sum(comparison.equal and comparison.count > 0 for comparison in found) >= 20


def test_random_models_with_claims_about_floats(tmp_path: Path) -> None:
    found = list(float_comparisons(tmp_path, range(12)))
    counts = tally(found)
    assert counts["counted"] >= 40
    assert sum(comparison.equal and comparison.count > 0 for comparison in found) >= 20


def test_whole_boxes(tmp_path: Path) -> None:
    """Undecided inputs are counted alike, alone and beside wrong ones."""
    found = []
    for seed in range(12):
        weights, path = tmp_path / f"{seed}.safetensors", tmp_path / f"{seed}.json"
        write_model(weights, seed)
        write_whole_boxes(Problem(weights), path)
        found += compare_claims(path)
    assert tally(found)["counted"] == 24
    undecided = [comparison for comparison in found if comparison.numbers.get("undecided", 0) > 0 and "undecided" in comparison.pinned]
    assert len(undecided) >= 6
    assert sum(comparison.numbers["wrong"] > 0 for comparison in undecided) >= 4


def test_random_models_with_balls_alone(tmp_path: Path) -> None:
    strategies = [name for name in STRATEGIES if not name.startswith("subcubic--")]
    found = list(random_comparisons(tmp_path, range(MODELS, MODELS + 1), strategies, backend="arb"))
    assert tally(found)["counted"] >= 100
    assert not any(comparison.weaker for comparison in found)


def test_mid_size_separable_certificates(tmp_path: Path) -> None:
    """n_ctx = 4, d_vocab = 16; one of nineteen hinted blocks, so that it takes seconds. `compare --mid-size N` has whole certificates.
    `exact` includes `separable-minimum` and `separable-enumeration`."""
    strategies = ("separable-early-maximum", "separable-counting", "exact")
    found = list(mid_size_comparisons(tmp_path, range(1), 10**8, 19, strategies))
    assert tally(found)["counted"] == 2 * len(strategies) and len(found) == 3 * len(strategies)
    assert all(comparison.count > 0 for comparison in found if comparison.counted)
    assert any(comparison.numbers["wrong"] > 0 for comparison in found if comparison.counted)
    spans = [comparison.bounds["proved"] for comparison in found if comparison.counted]
    assert all(most - least <= most // 50 for least, most in spans)  # the bounds on the counts are near each other


def test_random_tasks_and_architectures(tmp_path: Path) -> None:
    """Rule `evaluation` on both architectures with tasks drawn from all; three claims each."""
    found = [comparison for path in evaluations(tmp_path, range(12)) for comparison in compare_claims(path)]
    counts = tally(found)
    print(dict(counts))
    assert counts["counted"] == 2 * 48 and len(found) == 3 * 48
    assert sum(comparison.equal and comparison.count > 0 for comparison in found) >= 60
    assert sum(comparison.numbers.get("wrong", 0) > 0 and "wrong" in comparison.pinned for comparison in found) >= 60


def test_random_tasks_with_balls_alone(tmp_path: Path) -> None:
    found = [comparison for path in evaluations(tmp_path, range(20, 23)) for comparison in compare_claims(path, backend="arb")]
    assert tally(found)["counted"] == 2 * 12


def test_refused_tasks_and_architectures(tmp_path: Path) -> None:
    """Each of some fifty changes of a right certificate ends in the same code in both checkers."""
    found = [compare(path) for path in refusals(tmp_path, range(2))]
    tally(found)
    assert len(found) >= 2 * 4 * (len(WRONG) - 1)
    verified = [comparison for comparison in found if comparison.first == ("VERIFIED", "")]
    assert all("rule-cubic" in comparison.name for comparison in verified)  # right, where the task is max-of-k
    assert len({comparison.first for comparison in found}) >= 18


def test_random_transformers(tmp_path: Path) -> None:
    """Every option of the architecture `transformer` and every task, three claims each; near ties, wide scores, constant columns."""
    found = [comparison for path in transformers(tmp_path, range(120)) for comparison in compare_claims(path)]
    counts = tally(found)
    print(dict(counts))
    assert counts["counted"] >= 2 * 110
    assert sum(comparison.equal and comparison.count > 0 for comparison in found) >= 70
    for name, least in {"wrong": 100, "undecided": 25}.items():
        assert sum(comparison.numbers.get(name, 0) > 0 for comparison in found) >= least, name
    assert sum("proved" in comparison.pinned for comparison in found) >= 150


def test_random_transformers_with_margins(tmp_path: Path) -> None:
    """Claims that the right logit leads by more than a margin."""
    found = []
    for seed, path in enumerate(transformers(tmp_path, range(400, 440))):
        content = json.loads(path.read_text())
        content["claim"]["accuracy_at_least"]["margin"] = ("1/3", "1/1", "1/1000000", "5/2")[seed % 4]
        path.write_text(json.dumps(content))
        found.append(compare(path))
    counts = tally(found)
    assert counts["counted"] >= 36
    assert sum(comparison.count > 0 for comparison in found) >= 8
    assert sum(comparison.numbers.get("wrong", 0) > 0 for comparison in found) >= 20


def test_random_transformers_cover_every_option(tmp_path: Path) -> None:
    seen: dict[str, set[str]] = {}
    for path in transformers(tmp_path, range(120)):
        content = json.loads(path.read_text())
        seen.setdefault("task", set()).add(content["task"]["name"])
        for name, value in content["model"]["options"].items():
            seen.setdefault(name, set()).add(str(value))
        for name, value in content["model"]["dimensions"].items():
            seen.setdefault(name, set()).add(str(value))
    assert seen["task"] == set(FIELDS)
    assert all(seen[name] == set(words) for name, words in OPTION_WORDS.items())
    assert {"last", "sum", "0", "1"} <= seen["readout"] and "1/sqrt(d_head)" in seen["scale"] and "0/1" in seen["scale"]
    assert {"0", "1", "2"} <= seen["n_layers"] & seen["n_heads"] and "1" in seen["d_model"] and "1" in seen["n_ctx"]
    assert {"[]"} < seen["head"] and "0" in seen["n_positions"]


def test_random_transformers_with_balls_alone(tmp_path: Path) -> None:
    found = [comparison for path in transformers(tmp_path, range(200, 230)) for comparison in compare_claims(path, backend="arb")]
    assert tally(found)["counted"] >= 2 * 28


def test_tasks_list_the_same_inputs() -> None:
    """Inputs, answers, totals, blocks and the number of answers: machines and their pieces against definitions."""
    seen = Counter[str]()
    for seed in range(400):
        rng = random.Random(f"tasks {seed}")
        n, d = rng.randint(1, 5), rng.randint(2, 5)
        if d**n > 700:
            continue
        fields = task_with_alphabets(rng, n, d)
        theirs = read_random_task(fields)
        document = random_document(Path(__file__), dict.fromkeys(SIZES, 1), {}, fields, 1)
        named = proofcheck.decode_certificate(json.dumps(document).encode(), proofcheck.Limits()).task
        kind = BUILT_IN.tasks[named.name]
        task = kind.build(**read_fields(named.fields, kind.fields, "$.task", proofcheck.Limits()))
        size, found = rng.choice((1, 3, 7, 1000)), Counter[tuple[tuple[int, ...], int]]()
        for piece in task.pieces(size, 256):
            for tokens, answers in task.listed(piece, size):
                found.update(zip(map(tuple, tokens.tolist()), answers.tolist(), strict=True))
        assert found == Counter((x, theirs.answer(x)) for x in theirs.inputs()), fields
        assert task.total() == theirs.total == sum(found.values())
        sizes = {(q, y): task.block_size(q, y) for q in range(d) for y in range(task.answers)}
        assert {block: number for block, number in sizes.items() if number} == theirs.block_sizes()
        assert task.answers == theirs.answers()
        seen[named.name] += 1
    assert seen.keys() == alphabet_tasks.FIELDS.keys() and min(seen.values()) >= 15


LOSS_STEPS = [
    {"id": "blocks", "rule": "evaluation-losses", "premises": [], "hints": {}},
    {"id": "sum", "rule": "sum-losses", "premises": ["blocks"], "hints": {}},
]


def test_losses_of_random_transformers(tmp_path: Path) -> None:
    """Claims a millionth above and below what the second checker encloses: true ones verify, false ones do not."""
    verified = refused = 0
    for path in transformers(tmp_path, range(300, 340)):
        content = json.loads(path.read_text())
        total = content["claim"]["accuracy_at_least"]["total"]
        content |= {"steps": LOSS_STEPS, "claim": {"mean_loss_at_most": {"nats": "0/1", "total": total}}, "arithmetic": {"precision": 128}}
        path.write_text(json.dumps(content))
        found = re.search(r"steps prove (\S+) to (\S+)", check_module.check(path, BUDGET).detail)
        if found is None or not float(found[2]) < 100:
            continue  # an exponential too large for one of the two
        low, high = float(found[1]), float(found[2])
        assert high - low < 1e-9
        for kind, nats, true in (
            ("mean_loss_at_most", high + 1e-6, True),
            ("mean_loss_at_most", low - 1e-6, False),
            ("mean_loss_at_least", low - 1e-6, True),
            ("mean_loss_at_least", high + 1e-6, False),
        ):
            if nats <= 0:
                continue
            bound = Fraction(nats)
            content["claim"] = {kind: {"nats": f"{bound.numerator}/{bound.denominator}", "total": total}}
            path.write_text(json.dumps(content))
            first, second = proofcheck.verify(path), check_module.check(path, BUDGET)
            if first.error is not None and first.error.code is proofcheck.Reason.OUT_OF_RANGE:
                continue
            assert (first.verdict.name, second.verdict) == (("VERIFIED",) * 2 if true else ("REJECTED",) * 2), path
            verified, refused = verified + true, refused + (not true)
    assert verified >= 40 and refused >= 40


def test_refused_transformers(tmp_path: Path) -> None:
    """Each of over a hundred changes of a right certificate ends in the same code in both checkers, or in the same count."""
    found = [compare(path) for path in refused_transformers(tmp_path, range(9, 15))]
    tally(found)
    assert len(found) >= 6 * 60
    assert len({comparison.first for comparison in found}) >= 11


def test_a_published_network_with_layer_norm(tmp_path: Path) -> None:
    """4,077 of 4,096 (tests/data/README.md). Shipped networks take minutes: `compare --budget 4000000000 CERT`."""
    path = tmp_path / "layernorm.safetensors"
    path.write_bytes((published_max_of_2.FOLDER / "layernorm.safetensors").read_bytes())
    certificate = tmp_path / "layernorm.json"
    certificate.write_bytes(proofcheck.encode_certificate(published_max_of_2.certificate("layernorm", path.read_bytes())))
    comparison = compare(certificate, 10**9)
    assert comparison.agree and comparison.equal and comparison.bounds["proved"] == (4077, 4077)


@pytest.mark.parametrize("name", sorted(transformer_attacks.DISGUISES))
def test_another_option_in_one_checker_alone_is_noticed(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The networks of the reject corpus on which two options differ."""
    path = CERTIFICATES / "reject" / f"twin-transformer-{name}.json"
    assert compare(path).agree
    other = {**transformer_attacks.OPTIONS, **transformer_attacks.DISGUISES[name].other}
    monkeypatch.setattr(check_module, "read_options", lambda options: read_options(other))
    assert not compare(path).agree


def test_searched_subcubic(tmp_path: Path) -> None:
    weights = tmp_path / "0.safetensors"
    write_model(weights, 0)
    comparisons = []
    for name in sorted(name for name in STRATEGIES if name.startswith("subcubic--"))[::37]:
        path = tmp_path / f"{name}.json"
        write_certificate(Problem(weights), name, path)
        comparisons.append(compare(path))
    assert tally(comparisons)["counted"] == len(comparisons) == 3


def test_a_broken_rule_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    weights, path = tmp_path / "0.safetensors", tmp_path / "0.json"
    write_model(weights, 0)
    write_certificate(Problem(weights), "cubic", path)
    right = compare(path)
    assert right.agree and right.count > 0

    def proves_nothing(context: Context, tables: object) -> ProvedClasses:
        return ProvedClasses({block: [-1] * context.network.n_ctx for block in context.blocks()})

    monkeypatch.setitem(RULES, "cubic", replace(RULES["cubic"], replay=proves_nothing))
    assert not compare(path).agree


@pytest.mark.parametrize("name", ["proved", "wrong", "undecided", "exact", "published", "unexplained dimension"])
def test_every_derived_number_is_compared(name: str, tmp_path: Path) -> None:
    """One more or one less than the second checker allows is a disagreement."""
    weights, path = tmp_path / "0.safetensors", tmp_path / "0.json"
    write_model(weights, 0)
    write_certificate(Problem(weights), "brute-force", path)
    right = compare(path)
    assert right.agree and right.counted and name in right.pinned
    for changed in (right.numbers[name] - 1, right.numbers[name] + 1):
        false = replace(right, numbers={**right.numbers, name: changed})
        assert not false.agree and false.outside == [name] and name in str(false)


def test_claims_are_compared_with_what_is_proved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A checker whose last step compared with ≥ in place of >, or the other way round, would be noticed."""
    weights, path = tmp_path / "0.safetensors", tmp_path / "0.json"
    write_model(weights, 0)
    write_certificate(Problem(weights), "brute-force", path)
    found = compare_claims(path)
    assert [comparison.claimed for comparison in found] == [0, found[0].count, found[0].count + 1]
    assert all(comparison.agree for comparison in found)
    for shift in (-1, 1):

        def shifted(file: Path, backend: str, shift: int = shift) -> tuple[proofcheck.Report, int]:
            claim = proofcheck.decode_certificate(file.read_bytes(), proofcheck.Limits())
            return proofcheck.verify(claim.claiming(correct=max(0, claim.claim.fields["correct"] + shift)), model=weights), 0

        monkeypatch.setattr(both, "replay", shifted)
        assert not all(comparison.agree for comparison in compare_claims(path))


def test_every_rule_is_covered() -> None:
    listed = subprocess.run([sys.executable, "-I", "-m", "proofcheck", "rules"], capture_output=True, text=True, check=True).stdout
    names = {line.split()[0] for line in listed.splitlines() if line and not line.startswith(("c ", " "))}
    assert names == set(RULES)


def test_imports_nothing_of_proofcheck() -> None:
    program = (
        "import sys; import tests.second_checker.check; "
        "print([name for name in sys.modules if name.partition('.')[0] in "
        "('proofcheck', 'strategies', 'flint', 'numpy', 'safetensors', 'torch')])"
    )
    root = Path(__file__).parents[2]
    clean = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=root)
    assert clean.stdout.strip() == "[]"
    dirty = program.replace("second_checker.check;", "second_checker.both;")
    assert "proofcheck" in subprocess.run([sys.executable, "-c", dirty], capture_output=True, text=True, check=True, cwd=root).stdout


@pytest.mark.parametrize("x", [Fraction(1, 7), Fraction(-3), Fraction(21, 2), Fraction(-30), Fraction(39), Fraction(-50), Fraction(10**6)])
def test_functions_of_the_real_line_enclose(x: Fraction) -> None:
    """Against mpmath's own, at 2,000 bits: its functions err by some units in the last place, far below what is asked."""
    with mpmath.workprec(2_000 + 3 * int(min(x * x, 10_000))):
        z = mpmath.mpf(x.numerator) / x.denominator
        exact = {
            normal_distribution: mpmath.erfc(-z / mpmath.sqrt(2)) / 2,
            logistic: 1 / (1 + mpmath.exp(-z)),
            gelu_new_factor: 1 / (1 + mpmath.exp(-2 * mpmath.sqrt(2 / mpmath.pi) * (z + mpmath.mpf(44_715) / 1_000_000 * z**3))),
        }
        for function, value in exact.items():
            low, high = (mpmath.mpf(end.numerator) / end.denominator for end in function(x))
            assert low <= value <= high
            assert high - low <= mpmath.mpf(2) ** -240
            if abs(x) < 40:
                assert high - low <= (1 - value if x > 0 else value) * mpmath.mpf(2) ** -200 or high - low <= mpmath.mpf(2) ** -1000


@pytest.mark.parametrize("seed", range(20))
def test_block_numbers_enclose(seed: int) -> None:
    """Affine maps, sums, products and cuts to few bits, against exact rational numbers."""
    rng = random.Random(seed)

    def vector(size: int) -> list[Fraction]:
        return [Fraction(rng.randint(-(2**40), 2**40)) * Fraction(2) ** rng.randint(-90, 60) for _ in range(size)]

    bits, x, y, b = rng.choice((8, 20, 50)), vector(4), vector(3), vector(3)
    W = [vector(3) for _ in range(4)]
    mapped = affine(cut(exact_row(x), bits), exact_matrix(W), exact_row(b), bits)
    exact = [sum((a * w for a, w in zip(x, column, strict=True)), bias) for column, bias in zip(zip(*W, strict=True), b, strict=True)]
    for row, values in (
        (mapped, exact),
        (added(mapped, exact_row(y), bits), [p + q for p, q in zip(exact, y, strict=True)]),
        (times(mapped, cut(exact_row(y), bits), bits), [p * q for p, q in zip(exact, y, strict=True)]),
        (relu(mapped), [max(p, Fraction(0)) for p in exact]),
        (scaled(mapped, (Fraction(1, 3), Fraction(1, 3)), bits), [p / 3 for p in exact]),
    ):
        for i, value in enumerate(values):
            low, high = row.interval(i)
            assert low <= value <= high
    low, high = inner(mapped, exact_row(y))
    assert low <= sum((p * q for p, q in zip(exact, y, strict=True)), Fraction(0)) <= high
    root_low, root_high = root_ends(abs(x[0]) + 1, bits)
    assert root_low**2 <= abs(x[0]) + 1 < root_high**2


@pytest.mark.parametrize("x", [Fraction(0), Fraction(1, 3), Fraction(-7, 2), Fraction(5), Fraction(-1, 10**9)])
def test_exp_encloses(x: Fraction) -> None:
    """Against partial sums of the series at |x|/16 ≤ 1 with the remainder of Lagrange, to the 16th power."""
    y, term, partial = abs(x) / 16, Fraction(1), Fraction(0)
    for k in range(1, 80):
        partial += term
        term *= y / k
    low, high = partial**16, (partial + 3 * term) ** 16
    if x < 0:
        low, high = 1 / high, 1 / low
    found_low, found_high = ends_of(exp(enclose(x)))
    assert found_low <= high and low <= found_high  # the two enclosures meet
    assert found_high - found_low <= found_high * Fraction(1, 2**240)
    assert found_low <= low and high <= found_high  # and the series is the tighter one


def test_sqrt_encloses() -> None:
    for square in (2, 3, 32, 17):
        low, high = ends_of(sqrt(square))
        assert low**2 < square < high**2


@pytest.mark.parametrize(("dtype", "width"), [("F64", 8), ("F32", 4), ("F16", 2), ("BF16", 2)])
def test_decoded_bits(dtype: str, width: int) -> None:
    rng = random.Random(0)
    for value in [0.0, -0.0, 1.0, -2.5, 5e-5, *(rng.gauss(0, 1) for _ in range(200))]:
        raw = encode(value, dtype)
        padded = b"\0\0" + raw if dtype == "BF16" else raw
        expected = struct.unpack({"F64": "<d", "F32": "<f", "F16": "<e", "BF16": "<f"}[dtype], padded)[0]
        assert DECODERS[dtype](int.from_bytes(raw, "little")) == Fraction(expected)
    assert DECODERS[dtype](2 ** (8 * width - 1) - 1) is None  # NaN


@pytest.mark.parametrize("matrix", [[[2, 1], [1, 2]], [[1, 1], [1, 1]], [[0, 0], [0, 0]], [[0, 0], [0, 3]]])
def test_positive_semidefinite(matrix: list[list[int]]) -> None:
    assert positive_semidefinite([[Fraction(entry, 7) for entry in row] for row in matrix])


@pytest.mark.parametrize("matrix", [[[1, 2], [2, 1]], [[0, 1], [1, 5]], [[-1]], [[1, 1, 0], [1, 1, 1], [0, 1, 9]]])
def test_not_positive_semidefinite(matrix: list[list[int]]) -> None:
    assert not positive_semidefinite([[Fraction(entry, 7) for entry in row] for row in matrix])


def test_compressed_certificates_are_compared_as_well(tmp_path: Path) -> None:
    write_model(tmp_path / "model-0.safetensors", 0)
    write_certificate(Problem(tmp_path / "model-0.safetensors"), "cubic", tmp_path / "plain.json")
    (tmp_path / "small.json.gz").write_bytes(packed("small.json.gz", (tmp_path / "plain.json").read_bytes()))
    plain, small = (compare_claims(tmp_path / name) for name in ("plain.json", "small.json.gz"))
    assert tally(small) == tally(plain) == Counter(agree=3, counted=2, weaker=0)
    assert [comparison.numbers for comparison in small] == [comparison.numbers for comparison in plain]
    assert small[0].counted
