"""Inputs that a network answers wrongly: a search, and for each input found a proof that it is wrong.

Theorem (wrong input). For every `WrongInput` that `find_wrong_inputs` returns, with x its tokens: x is an input of the certificate's task
with right answer `answer`, and over the reals the certificate's network gives logit[given] ≥ logit[answer], given ≠ answer, and every
logit lies between its two bounds. Nothing is said about inputs that are not returned.
Proof: the frame, the digest and the weights pass the checks of the kernel. x is a word of the task's machine, which says its answer.
Its logits are enclosed in balls by the network's semantics, bounds are multiples below and above, and the difference of the two logits is
certainly at least 0.  ∎

The search is advice: it looks at blocks with inputs that the certificate does not prove right, at all of their inputs where that is
affordable, or else at some that are chosen at random.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from pathlib import Path

import numpy as np

from proofcheck.arithmetic import Arithmetic, Integers, Intervals, exclusive_precision
from proofcheck.blocks import Block
from proofcheck.certificate import Certificate
from proofcheck.frame import Frame, read_frame
from proofcheck.kernel import check_digest, decode_model, require_sound_platform
from proofcheck.models import Model
from proofcheck.report import Report, Verdict
from proofcheck.rules.counting.evaluation import decide
from proofcheck.tasks import Task
from proofcheck.tasks.automaton import BlockMachine
from proofcheck.verification import Checker

BITS = 24  # bounds of logits are multiples of 2^−24
MOST_TRIED = 1 << 17  # inputs, unless asked for more
_BATCH = 1 << 10
_POOL = 4  # candidates for each input asked for; the worst of them are returned
_LEAST_SAMPLE = 1 << 6
_MOST_TOKENS = 1 << 24

Place = str | Path


@dataclass(frozen=True, slots=True)
class WrongInput:
    """tokens, right answer, an answer whose logit is at least the right one's, and bounds of each logit (below, above)."""

    tokens: tuple[int, ...]
    answer: int
    given: int
    logits: tuple[tuple[Fraction, Fraction], ...]

    @property
    def margin(self) -> tuple[Fraction, Fraction]:
        """Bounds of logit[given] − logit[answer], which is at least 0."""
        (given_below, given_above), (below, above) = self.logits[self.given], self.logits[self.answer]
        return max(Fraction(0), given_below - above), given_above - below


@dataclass(frozen=True, slots=True)
class WrongInputs:
    """What a search found: the worst inputs first.

    tried: inputs that were evaluated; wrong: how many of them are certainly wrong. candidates: inputs of the blocks that are not proved
    right as a whole (without a proof over the reals, all inputs). report: of the certificate; it directed the search.
    """

    inputs: tuple[WrongInput, ...]
    tried: int
    wrong: int
    candidates: int
    report: Report

    @property
    def complete(self) -> bool:
        """No other input is wrong, but for those that were tried and undecided."""
        return self.tried == self.candidates


def find_wrong_inputs(
    checker: Checker,
    certificate: Place | Certificate,
    model: Place | Sequence[Place] | None = None,
    most: int = 10,
    tries: int = MOST_TRIED,
) -> WrongInputs:
    """At most `most` inputs that the certificate's network answers wrongly, out of at most `tries` that are evaluated.

    The certificate need not prove its claim. Raises Rejected or Declined where it cannot be read, or where network, task and weights do not
    fit together.
    """
    report = checker.verify(certificate, model)
    with exclusive_precision():
        require_sound_platform()
        decoded, weights = checker.read(certificate, model)
        check_digest(decoded, weights)
        frame = read_frame(decoded, checker.catalogue, checker.limits)
        network = decode_model(frame, weights, checker.limits)[0]
        search = _Search(frame, network, Arithmetic(checker.backend, decoded.precision), most, _affordable(checker, frame, tries))
        over_the_reals = frame.reading.floats is None  # right by a margin is right; right in floats may be wrong over the reals
        blocks = report.blocks if report.verdict is Verdict.VERIFIED and over_the_reals else None
        candidates = None if blocks is None else [block for block in blocks if block.right < block.size]
        search.run(candidates)
        found = _proved(network, Arithmetic("arb", decoded.precision), search.pool)
        require_sound_platform()
    found.sort(key=lambda wrong: wrong.margin[0], reverse=True)
    open_inputs = frame.task.total() if candidates is None else sum(block.size for block in candidates)
    return WrongInputs(tuple(found[:most]), search.tried, search.wrong, open_inputs, report)


def _affordable(checker: Checker, frame: Frame, tries: int) -> int:
    """Within the limit on work, and so many that their tokens fit into memory."""
    work = checker.limits.work // (10 * (frame.sizes.forward + frame.sizes.answers))
    return max(0, min(tries, work, _MOST_TOKENS // frame.task.n_ctx))


class _Search:
    """pool: wrong inputs (tokens, answer) that were found, a limited number; tried, wrong: how many were evaluated, and found wrong."""

    def __init__(self, frame: Frame, model: Model, arithmetic: Arithmetic, most: int, tries: int) -> None:
        self._task: Task = frame.task
        self._evaluate = model.evaluator(arithmetic)
        self._room = _POOL * most
        self._tries = tries
        self.pool: list[tuple[tuple[int, ...], int]] = []
        self.tried = self.wrong = 0

    def run(self, candidates: list[Block] | None) -> None:
        """candidates: the blocks that have inputs which are not proved right; None where nothing is proved."""
        if candidates is not None:
            self._try_blocks(candidates)
        elif self._task.total() <= self._tries:
            for tokens, answers in self._task.batches(_BATCH):
                self._try(tokens, answers, self._room)
        else:
            self._try_words()

    def _try_words(self) -> None:
        """Random words, of which some are inputs."""
        random, machine = np.random.default_rng(0), self._task.machine
        for start in range(0, self._tries, _BATCH):
            size = min(_BATCH, self._tries - start)
            columns = [np.array(letters)[random.integers(0, len(letters), size)] for letters in machine.alphabets]
            tokens = np.unique(np.stack(columns, axis=1), axis=0)
            answers = machine.answers(tokens)
            self._try(tokens[answers >= 0], answers[answers >= 0], self._room)

    def _try_blocks(self, candidates: list[Block]) -> None:
        """All, where that can be afforded; else each block its share: first where most is proved wrong, then where most is undecided."""
        random = np.random.default_rng(0)
        every = sum(block.size for block in candidates) <= self._tries
        candidates.sort(key=lambda block: (-Fraction(block.wrong, block.size), -Fraction(block.undecided, block.size)))
        for left, block in zip(range(len(candidates), 0, -1), candidates, strict=True):
            affordable = self._tries - self.tried
            if not every and (len(self.pool) >= self._room or affordable <= 0):
                return
            share = block.size if every else min(affordable, max(_LEAST_SAMPLE, affordable // left))
            words = words_of(self._task, block.query, block.answer, share, random)
            room = max(1, self._room // min(8, len(candidates)))  # some from each of several blocks
            for start in range(0, len(words), _BATCH):
                part = words[start : start + _BATCH]
                room -= self._try(part, self._task.machine.answers(part), room)
                if not (room or every):
                    break

    def _try(self, tokens: Integers, answers: Integers, room: int) -> int:
        """Evaluate inputs; at most `room` wrong ones go to the pool. Returns how many went."""
        if not len(tokens):
            return 0
        _, wrong = decide(self._evaluate(tokens), answers)
        places = np.flatnonzero(wrong)
        self.tried += len(tokens)
        self.wrong += len(places)
        kept = places[: min(room, self._room - len(self.pool))].tolist()
        self.pool += [(tuple(tokens[k].tolist()), int(answers[k])) for k in kept]
        return len(kept)


def words_of(task: Task, query: int, answer: int, most: int, random: np.random.Generator) -> Integers:
    """At most `most` different inputs of a block, all of them where there are so few: tokens [B, n_ctx].

    Chosen uniformly up to rounding and repetition; nothing is proved with that.
    """
    machine = task.machine
    block = machine.block(query, answer)
    places = [i for i in machine.reading_order if i != machine.n_ctx - 1]
    few = task.block_size(query, answer) <= most
    words = _all_words(block) if few else _random_words(block, most, random)
    tokens = np.full((len(words), machine.n_ctx), query, dtype=np.int64)
    tokens[:, places] = words
    return tokens


def _all_words(block: BlockMachine) -> Integers:
    words, states = np.zeros((1, 0), dtype=np.int64), np.array([block.start])
    for rows in block.levels:
        where, letters = np.nonzero(rows[states] >= 0)
        words = np.concatenate([words[where], letters[:, None]], axis=1)
        states = rows[states[where], letters]
    return words


def _random_words(block: BlockMachine, most: int, random: np.random.Generator) -> Integers:
    """Letters one after another, each as often as words continue after it."""
    shares: list[np.ndarray[tuple[int, int], np.dtype[np.float64]]] = []
    counts = [1]
    for rows in reversed(block.levels):
        ends = [[counts[end] if end >= 0 else 0 for end in row] for row in rows.tolist()]
        counts = [sum(row) for row in ends]
        shares.append(np.array([[float(Fraction(part, total)) for part in row] for row, total in zip(ends, counts, strict=True)]))
    words, states = np.zeros((most, len(block.levels)), dtype=np.int64), np.full(most, block.start)
    for k, (rows, share) in enumerate(zip(block.levels, reversed(shares), strict=True)):
        total = share.cumsum(axis=1)
        drawn = (random.random(most)[:, None] * total[states, -1:] >= total[states]).sum(axis=1)
        words[:, k] = np.minimum(drawn, rows.shape[1] - 1)
        states = rows[states, words[:, k]]
        kept = states >= 0
        words, states, most = words[kept], states[kept], int(kept.sum())
    return np.unique(words, axis=0)


def _proved(model: Model, arithmetic: Arithmetic, pool: Iterable[tuple[tuple[int, ...], int]]) -> list[WrongInput]:
    """Those of which balls prove it too, each once."""
    evaluate = model.evaluator(arithmetic)
    found = []
    for batch in _batches(dict.fromkeys(pool), 64):
        logits = evaluate(np.array([tokens for tokens, _ in batch], dtype=np.int64))
        if not isinstance(logits, Intervals):
            raise TypeError("balls are intervals")
        below, above = logits.multiples_below(BITS), logits.multiples_above(BITS)
        for k, (tokens, answer) in enumerate(batch):
            given = int(np.argmax(np.where(np.arange(logits.shape[1]) == answer, np.iinfo(np.int64).min, below[k])))
            if (logits[k, answer] - logits[k, given]).certainly_at_most_zero():
                bounds = zip(below[k].tolist(), above[k].tolist(), strict=True)
                found.append(
                    WrongInput(tokens, answer, given, tuple((Fraction(low, 1 << BITS), Fraction(high, 1 << BITS)) for low, high in bounds))
                )
    return found


def _batches(items: Iterable[tuple[tuple[int, ...], int]], size: int) -> Iterator[list[tuple[tuple[int, ...], int]]]:
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch
