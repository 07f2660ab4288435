"""What happened to a mutant, and whether all that was proved on the way is true.

The judge reads the mutant with `json` and the interval forward passes of `truth.py`; nothing of the checker is used to decide. Refused
mutants are judged, too: every count of a block or class that a step derived before the refusal must be true, so that a false fact cannot
hide behind a claim that other facts do not reach.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from math import comb
from pathlib import Path
from time import process_time

from soundness import truth
from soundness.mutation_seeds import WEIGHTS_FILE, Seed

import proofcheck
from proofcheck import Verdict
from proofcheck.rules.attention_only.facts import ProvedClasses
from proofcheck.rules.counting.facts import ProvedBlocks

UNEXPLAINED = "UNEXPLAINED"
_BITS = (220, 4_000)


@dataclass(frozen=True)
class Mutant:
    """The bytes of a certificate and of the weight file beside it."""

    kind: str
    seed: Seed
    text: bytes
    weights: bytes


@dataclass(frozen=True)
class Judgement:
    """outcome: VERIFIED, or the reason code of the refusal. facts: how many tables of blocks and classes were compared with the truth.

    seconds: processor time of `verify`.

    explanation: why a survivor is true; "" for refusals; UNEXPLAINED and why if the claim, or a fact of a refused mutant, is false.
    """

    mutant: Mutant
    outcome: str
    facts: int
    seconds: float
    explanation: str = ""

    @property
    def survived(self) -> bool:
        return self.outcome == str(Verdict.VERIFIED)

    @property
    def unexplained(self) -> bool:
        return self.explanation.startswith(UNEXPLAINED)


class Judge:
    """Verifies mutants in a folder; remembers the truth about weight files. Every fifth mutant is verified in balls alone."""

    def __init__(self, folder: Path) -> None:
        self._judged = 0
        self._certificate = folder / "certificate.json"
        self._weights = folder / WEIGHTS_FILE
        self._written = b""
        self._truths: dict[str, truth.Truth] = {}

    def __call__(self, mutant: Mutant) -> Judgement:
        """Any exception that `verify` lets through is a bug of the checker: it is not caught here."""
        self._certificate.write_bytes(mutant.text)
        if mutant.weights != self._written:
            self._weights.write_bytes(mutant.weights)
            self._written = mutant.weights
        self._judged += 1
        start = process_time()
        facts: list[object] = []  # those before a refusal included
        checker = proofcheck.Checker("fast" if self._judged % 5 else "arb")
        report = checker.verify(self._certificate, observe=lambda step, fact: facts.append(fact))
        seconds = process_time() - start
        counted = [fact for fact in facts if isinstance(fact, (ProvedBlocks, ProvedClasses))]
        explanation = self._false_fact(mutant, counted)
        if report.verdict is not Verdict.VERIFIED:
            return Judgement(mutant, str(report.error.code) if report.error else "", len(counted), seconds, explanation)
        return Judgement(mutant, str(report.verdict), len(counted), seconds, explanation or self._explain(mutant, report))

    def _false_fact(self, mutant: Mutant, facts: list[ProvedBlocks | ProvedClasses]) -> str:
        if not facts:
            return ""
        known = self.truth(mutant.weights)
        return next((f"{UNEXPLAINED}: {type(fact).__name__} {why}" for fact in facts for why in falsehoods(fact, known)), "")

    def truth(self, weights: bytes) -> truth.Truth:
        """Interval forward passes of every sequence; with more bits where 220 leave a sign open."""
        digest = hashlib.sha256(weights).hexdigest()
        if digest not in self._truths:
            tensors = truth.read_tensors(weights)
            for bits in _BITS:
                self._truths[digest] = truth.ground_truth(tensors, bits)
                if self._truths[digest].undecided == 0:
                    break
        return self._truths[digest]

    def _explain(self, mutant: Mutant, report: proofcheck.Report) -> str:
        document = json.loads(mutant.text)
        claim = document["claim"]["accuracy_at_least"]
        known = self.truth(mutant.weights)
        demands = {
            "digest": document["model"]["weights"]["sha256"] == hashlib.sha256(mutant.weights).hexdigest(),
            "total": claim["total"] == known.total == report.total,
            "claim": claim["correct"] <= known.correct and claim["correct"] == report.claimed,
            "proved": claim["correct"] <= report.proved <= known.correct,
            "wrong": report.wrong <= known.total - known.correct - known.undecided,
        }
        failed = [name for name, holds in demands.items() if not holds]
        if failed:
            return f"{UNEXPLAINED}: {', '.join(failed)}: {report.line()}, proved {report.proved}, true {known.correct}"
        return _difference(mutant, document, claim["correct"])


def falsehoods(fact: ProvedBlocks | ProvedClasses, known: truth.Truth) -> Iterator[str]:
    """Every block or class of which the fact counts more right (or wrong) sequences than there are."""
    if isinstance(fact, ProvedBlocks):
        right = Counter((x[-1], max(x)) for x, answer in known.answers.items() if answer is True)
        wrong = Counter((x[-1], max(x)) for x, answer in known.answers.items() if answer is False)
        for table, true in ((fact.counts, right), (fact.wrong, wrong)):
            for q, row in enumerate(table):
                for m, count in enumerate(row):
                    if count > true[q, m]:
                        yield f"[{q}][{m}] counts {count}, true {true[q, m]}"
        return
    right = Counter((x[-1], max(x), sum(t != max(x) for t in x[:-1])) for x, answer in known.answers.items() if answer is True)
    others = len(next(iter(known.answers))) - 1
    for q, plane in enumerate(fact.choices):
        for m, row in enumerate(plane):
            for p, choices in enumerate(row):
                if choices >= 0 and comb(others, p) * choices**p > right[q, m, p]:
                    yield f"[{q}][{m}][{p}] chooses from {choices} tokens, true {right[q, m, p]}"


def _difference(mutant: Mutant, document: dict[str, object], correct: int) -> str:
    """What differs from the seed, the weightiest difference first. All of these claims are true by brute force."""
    original = mutant.seed.document()
    if mutant.weights != mutant.seed.weights:
        return "other weights, of which the claim is true"
    if correct > mutant.seed.proved:
        return "a larger claim, which other steps or hints prove"
    if document["steps"] != original["steps"]:
        return "other steps or hints, which prove the claim"
    if correct < mutant.seed.proved:
        return "a smaller claim"
    if document != original:
        return "other precision, provenance or file name"
    return "other white space"
