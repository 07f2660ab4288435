"""The margin terms of Theorem S in float64, for searches. Nothing here is trusted."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from proofcheck.models import AttentionOnly
from proofcheck.rules.attention_only.floats.forms import forms, weight_errors
from proofcheck.rules.attention_only.floats.stages import stage_errors
from proofcheck.rules.reading import FloatRun
from strategies.models.load import Model

Doubles = NDArray[np.float64]
SAFETY = 1e-5  # of the largest term: what is nearer to zero is left to a rule that decides single sequences
ROUNDING = 1e-13  # of the largest logit: float64 says nothing about smaller margins
CHUNK = 1 << 22  # entries of one working array


@dataclass(frozen=True, slots=True)
class Errors:
    """The error tables of `float-tables` or `float-stages`, scores divided by √d_head."""

    EUPU: Doubles
    EVOU: Doubles
    PVOU: Doubles
    EQKE: Doubles
    EQKP: Doubles


def float_errors(network: AttentionOnly, run: FloatRun) -> Errors:
    """As the checker computes them."""
    sizes = network.dimensions
    found = forms(network, run) if run.format.short is None else stage_errors(network, run, run.format.short).tables()
    tokens, positions = weight_errors(network.path_tables(), found, run, sizes.d_head)
    tables = [found.direct, found.tokens, found.positions]
    EUPU, EVOU, PVOU = (np.array([[float(x) for x in row] for row in table.fractions().tolist()]) for table in tables)
    EQKE, EQKP = (np.array([[float(x) for x in row] for row in table.fractions().tolist()]) for table in (tokens, positions))
    return Errors(EUPU, EVOU, PVOU, EQKE / np.sqrt(sizes.d_head), EQKP / np.sqrt(sizes.d_head))


class FloatTerms:
    """The path expansion of one model: EUPU, EVOU [d, d], PVOU [n, d] (logits), log-weights of tokens [d, d] and positions [d, n]."""

    def __init__(self, model: Model, margin: float = 0.0, errors: Errors | None = None) -> None:
        """margin: of the claim; EUPU_of_answer is EUPU less it. errors: for a claim about floats; then terms are lower bounds."""
        self.errors = errors
        weights = {name: getattr(model, name).numpy() for name in ("W_E", "W_pos", "W_Q", "W_K", "W_V", "W_O", "W_U")}
        biases = {name: getattr(model, name).numpy() for name in ("b_Q", "b_K", "b_V", "b_O", "b_U")}
        last = weights["W_E"] + weights["W_pos"][-1]
        queries = (last @ weights["W_Q"] + biases["b_Q"]) / np.sqrt(model.d_head)
        output = weights["W_O"] @ weights["W_U"]
        self.n_ctx, self.d_vocab = model.n_ctx, model.d_vocab
        self.EUPU: Doubles = (last + biases["b_O"]) @ weights["W_U"] + biases["b_U"]
        self.EUPU_of_answer: Doubles = self.EUPU - margin
        self.EVOU: Doubles = (weights["W_E"] @ weights["W_V"] + biases["b_V"]) @ output
        self.PVOU: Doubles = weights["W_pos"] @ weights["W_V"] @ output
        self.rounding = ROUNDING * sum(float(np.abs(table).max()) for table in (self.EUPU, self.EVOU, self.PVOU))
        self.token_scores: Doubles = queries @ (weights["W_E"] @ weights["W_K"] + biases["b_K"]).T
        self.position_scores: Doubles = queries @ (weights["W_pos"] @ weights["W_K"]).T

    def weights(self, query: int, max_token: int) -> Doubles:
        """Attention weights [n, m + 1] of one query, largest 1."""
        scores = self.token_scores[query, None, : max_token + 1] + self.position_scores[query, :, None]
        return np.exp(scores - scores.max())

    def terms(self, query: int, max_token: int, rivals: NDArray[np.int64]) -> Doubles:
        """f_i(t) for some rivals: [J, n, m + 1]."""
        m = max_token
        tokens = self.EVOU[: m + 1, m] - self.EVOU[: m + 1, rivals].T  # [J, T]
        positions = self.PVOU[:, m] - self.PVOU[:, rivals].T  # [J, n]
        direct = self.EUPU_of_answer[query, m] - self.EUPU[query, rivals]  # [J]
        x = tokens[:, None, :] + positions[:, :, None] + direct[:, None, None]
        if self.errors is None:
            return self.weights(query, m) * x
        error = self.errors
        x -= (error.EVOU[: m + 1, m] + error.EVOU[: m + 1, rivals].T)[:, None, :] + (error.PVOU[:, m] + error.PVOU[:, rivals].T)[:, :, None]
        x -= (error.EUPU[query, m] + error.EUPU[query, rivals])[:, None, None]
        theta = error.EQKE[query, None, : m + 1] + error.EQKP[query, :, None]
        return self.weights(query, m) * x * np.exp(np.where(x > 0, -theta, theta))

    def coarse_open(self, max_token: int) -> NDArray[np.bool_]:
        """Where the coarse bound of `separable-minimum` leaves (query, rival) open, for queries ≤ max_token: [m + 1, d].

        The max token's own column is False. Source: docs/rules/separable-minimum.md, coarse bound, in float64.
        """
        m = max_token
        tokens = self.EVOU[: m + 1, m, None] - self.EVOU[: m + 1] + (self.PVOU[:, m, None] - self.PVOU).min(axis=0)  # [T, J]
        direct = self.EUPU_of_answer[: m + 1, m, None] - self.EUPU[: m + 1]  # [q, J]
        scores, places = self.token_scores[: m + 1, : m + 1], self.position_scores[: m + 1]
        v = np.exp(scores - scores.max(axis=1, keepdims=True))  # [q, T]
        error = self.errors
        if error is not None:
            tokens = tokens - (error.EVOU[: m + 1, m, None] + error.EVOU[: m + 1] + 2 * error.PVOU.max())
            direct = direct - (error.EUPU[: m + 1, m, None] + error.EUPU[: m + 1])
            theta = error.EQKE[: m + 1, : m + 1] + error.EQKP[: m + 1].max(axis=1, keepdims=True)
        u = np.exp(places - places.max(axis=1, keepdims=True))  # [q, n]
        bound = np.empty((m + 1, self.d_vocab))
        step = max(1, CHUNK // ((m + 1) * self.d_vocab))
        for start in range(0, m + 1, step):
            q = np.arange(start, min(start + step, m + 1))
            x = tokens[None] + direct[q, None]
            y = x * v[q, :, None]  # [q, T, J]
            if error is not None:
                y *= np.exp(np.where(x > 0, -theta[q, :, None], theta[q, :, None]))
            least, before = y.min(axis=1), u[q, :-1]
            bound[q] = u[q, -1, None] * y[np.arange(len(q)), q] + before.sum(axis=1)[:, None] * least
            if self.n_ctx > 1:
                bound[q] += np.where((q < m)[:, None], before.min(axis=1)[:, None] * (y[:, m] - least), 0.0)
        found = ~(bound > self.n_ctx * self.safety(m))  # the checker's integers lose that much of each position
        found[:, m] = False
        return found

    def open_rivals(self, max_token: int, refined: int) -> tuple[list[NDArray[np.int64]], int]:
        """For each query ≤ max_token the rivals that `separable-minimum` leaves open, and what is left of its hint `refined`.

        A block is settled if none is left. As in the rule, queries are refined in ascending order until one has too many open rivals;
        those after it keep what the coarse bound left open.
        """
        coarse, safety = self.coarse_open(max_token), self.safety(max_token)
        found = []
        exhausted = False
        for q in range(max_token + 1):
            rivals = np.flatnonzero(coarse[q])
            exhausted = exhausted or len(rivals) > refined
            if not exhausted and len(rivals):
                refined -= len(rivals)
                rivals = rivals[~(block_minimum(self.terms(q, max_token, rivals), q, max_token) > safety)]
            found.append(rivals)
        return found, refined

    def safety(self, max_token: int) -> float:
        """Sums of terms of a block with this max token that are nearer to zero than this may have any sign in the checker's integers."""
        m = max_token
        parts = (self.EVOU[: m + 1, m, None] - self.EVOU[: m + 1], self.PVOU[:, m, None] - self.PVOU)
        direct = self.EUPU_of_answer[: m + 1, m, None] - self.EUPU[: m + 1]
        return SAFETY * sum(float(np.abs(part).max()) for part in (*parts, direct)) + self.rounding

    @cached_property
    def two_largest(self) -> tuple[NDArray[np.int64], Doubles, Doubles]:
        """index, largest and second largest of EVOU[t] + PVOU[i] + EUPU[q] over logits: [d (query), n, d (token)] each."""
        shape = (self.d_vocab, self.n_ctx, self.d_vocab)
        index, largest, second = np.zeros(shape, dtype=np.int64), np.zeros(shape), np.zeros(shape)
        for q in range(self.d_vocab):
            sums = self.EVOU[None] + (self.PVOU + self.EUPU[q])[:, None, :]
            index[q] = sums.argmax(axis=2)
            largest[q] = sums.max(axis=2)
            np.put_along_axis(sums, index[q][:, :, None], -np.inf, axis=2)
            second[q] = sums.max(axis=2)
        return index, largest, second

    def early_terms(self, query: int, max_token: int) -> Doubles:
        """g_i(t) of Corollary 4: [n, m + 1]."""
        index, largest, second = (table[query, :, : max_token + 1] for table in self.two_largest)
        rival = np.where(index == max_token, second, largest)
        own = self.EVOU[: max_token + 1, max_token] + (self.PVOU[:, max_token] + self.EUPU_of_answer[query, max_token])[:, None]
        return self.weights(query, max_token) * (own - rival)


def block_minimum(terms: Doubles, query: int, max_token: int) -> Doubles:
    """The minimum of Corollary 2 for terms [..., n, m + 1]."""
    minima = terms[..., :-1, :].min(axis=-1)
    bound = terms[..., -1, query] + minima.sum(axis=-1)
    if query < max_token:
        bound = bound + (terms[..., :-1, max_token] - minima).min(axis=-1, initial=np.inf)  # no position, no sequence
    return bound
