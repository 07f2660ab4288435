"""The inputs that a network finds hardest: those whose right answer has the least lead over its best rival.

Few inputs: all are looked at. Many: a sample, and from its worst ones a descent that changes one token at a time. The search is in float64;
what is shown is decided again by the checker's own enclosures, so "wrong" is a fact and "undecided" is said.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from proofcheck import Certificate, Declined, Limits
from proofcheck.arithmetic import Arithmetic
from proofcheck.arithmetic.backend import exclusive_precision
from proofcheck.catalogue import BUILT_IN
from proofcheck.frame import read_frame
from proofcheck.models import decode_weights
from proofcheck.rules.counting.evaluation import decide
from proofcheck.tasks import Task
from strategies.report.network import FloatNetwork, Floats, Tokens

ALL_BELOW = 1 << 14  # inputs: up to so many are all looked at
SAMPLES = 1 << 12
STARTS, ROUNDS = 12, 5
FRESH = 1 << 12  # changed inputs of one round, at most
BATCH = 1 << 11


@dataclass(frozen=True)
class HardInput:
    """verdict: "right", "wrong" or "undecided" by enclosures ("" where they cannot be had). margin: in float64, of the logits.

    patterns: (head, weight of each position). best: (token, logit) by falling logit, the answer among them.
    """

    tokens: tuple[int, ...]
    answer: int
    margin: float
    verdict: str
    patterns: tuple[tuple[str, tuple[float, ...]], ...]
    best: tuple[tuple[int, float], ...]


def hard_inputs(certificate: Certificate, weights: bytes, network: FloatNetwork, most: int) -> tuple[list[HardInput], str]:
    """At most `most` inputs with the least margins, one for each block; and where they were looked for. Every run finds these."""
    task = read_frame(certificate, BUILT_IN, Limits()).task
    pool, words = _looked_at(task, network)
    chosen, blocks = [], set()
    for k in np.argsort(pool.margins, kind="stable").tolist():
        block = int(pool.tokens[k, -1]), int(pool.answers[k])
        if block not in blocks and len(chosen) < most:
            blocks.add(block)
            chosen.append(k)
    tokens, answers, margins = pool.tokens[chosen], pool.answers[chosen], pool.margins[chosen]
    verdicts = _decided(certificate, weights, tokens, answers)
    logits, patterns = network.run(tokens)
    return [
        HardInput(
            tuple(tokens[k].tolist()),
            int(answers[k]),
            float(margins[k]),
            verdicts[k],
            tuple(
                (_head(layer, head, patterns), tuple(pattern[k, head].tolist()))
                for layer, pattern in enumerate(patterns)
                for head in range(pattern.shape[1])
            ),
            _best(logits[k], int(answers[k])),
        )
        for k in range(len(tokens))
    ], words


@dataclass(frozen=True)
class _Pool:
    """Inputs with their answers and margins."""

    tokens: Tokens
    answers: Tokens
    margins: Floats

    def joined(self, other: _Pool) -> _Pool:
        return _Pool(*(np.concatenate([getattr(self, name), getattr(other, name)]) for name in ("tokens", "answers", "margins")))


def _looked_at(task: Task, network: FloatNetwork) -> tuple[_Pool, str]:
    if task.total() <= ALL_BELOW and task.d_vocab**task.n_ctx <= 1 << 20:
        parts = list(task.batches(ALL_BELOW))
        tokens, answers = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
        return _Pool(tokens, answers, _margins(network, tokens, answers)), f"all {task.total():,} inputs"
    generator = np.random.default_rng(0)
    letters = [np.array(sigma, dtype=np.int64) for sigma in _alphabets(task)]
    pool = _pool(task, network, np.unique(np.stack([generator.choice(sigma, SAMPLES) for sigma in letters], axis=1), axis=0))
    seen = {row.tobytes() for row in pool.tokens}
    for _ in range(ROUNDS):
        changed = []
        for start in pool.tokens[np.argsort(pool.margins, kind="stable")[:STARTS]]:
            for i, sigma in enumerate(letters):
                copies = np.tile(start, (len(sigma), 1))
                copies[:, i] = sigma
                changed.append(copies)
        rows = np.concatenate(changed)
        rows = rows if len(rows) <= FRESH else rows[generator.choice(len(rows), FRESH, replace=False)]
        fresh = {row.tobytes(): row for row in rows if row.tobytes() not in seen}
        if not fresh:
            break
        seen |= set(fresh)
        pool = pool.joined(_pool(task, network, np.stack(list(fresh.values()))))
    how = f"{SAMPLES:,} drawn at random, and from the worst of them on one token changed at a time"
    return pool, f"{len(pool.tokens):,} of {task.total():,} inputs: {how}"


def _pool(task: Task, network: FloatNetwork, words: Tokens) -> _Pool:
    """The inputs among these words."""
    found = [task.answer(tuple(word)) for word in words.tolist()]
    answers = np.array([-1 if answer is None else answer for answer in found], dtype=np.int64)
    tokens, answers = words[answers >= 0], answers[answers >= 0]
    return _Pool(tokens, answers, _margins(network, tokens, answers))


def _alphabets(task: Task) -> tuple[tuple[int, ...], ...]:
    """Of each position; all tokens where the task's machine is too large to be made."""
    try:
        return task.machine.alphabets
    except Declined:
        return (tuple(range(task.d_vocab)),) * task.n_ctx


def _margins(network: FloatNetwork, tokens: Tokens, answers: Tokens) -> Floats:
    """logit of the answer − largest other logit, float64 [B]."""
    parts = [np.zeros(0)]
    for start in range(0, len(tokens), BATCH):
        logits, _ = network.run(tokens[start : start + BATCH])
        rows, own = np.arange(len(logits)), answers[start : start + BATCH]
        right = logits[rows, own].copy()
        logits[rows, own] = -np.inf
        parts.append(right - logits.max(axis=1))
    return np.concatenate(parts)


def _decided(certificate: Certificate, weights: bytes, tokens: Tokens, answers: Tokens) -> list[str]:
    frame = read_frame(certificate, BUILT_IN, Limits())
    architecture = frame.architecture
    decoded = decode_weights(weights, architecture.tensors(frame.dimensions, frame.options), Limits())
    model = architecture.build(frame.dimensions, frame.options, decoded)
    with exclusive_precision():
        right, wrong = decide(model.evaluator(Arithmetic("arb", certificate.precision))(tokens), answers)
    return ["right" if a else "wrong" if b else "undecided" for a, b in zip(right.tolist(), wrong.tolist(), strict=True)]


def _head(layer: int, head: int, patterns: list[Floats]) -> str:
    several = sum(pattern.shape[1] for pattern in patterns) > 1
    return f"layer {layer} head {head}" if several else "attention"


def _best(logits: Floats, answer: int, most: int = 4) -> tuple[tuple[int, float], ...]:
    order = np.argsort(-logits, kind="stable")[:most].tolist()
    order = order if answer in order else [*order[:-1], answer]
    return tuple((token, float(logits[token])) for token in order)
