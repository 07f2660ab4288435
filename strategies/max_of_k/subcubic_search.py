"""The search for gap tables: for each max token all queries, copies and gaps at once. Untrusted; float64.

A class (q, m, c) with gap g is accepted where Λ = max_x (L[x] + a·R[x]) + (1 − a)·W + g_q < 0 at both ends of the attention a on m.
Every x gives a function that is linear in a, so "negative" is an interval of a, and of its log-odds z: pass iff z_low > t_low and z_high <
t_high. The log-odds are (δ(q, m, g) + ℓ(q, c)) / √d_head, δ grows with g, so the smallest passing gap is found by bisection.
W depends on g0 = min_q g[q, m, c]. For each (m, c) all floors g0 are tried: each query takes its smallest passing gap ≥ g0 (d_vocab where
none passes, which excludes the class), and the floor that counts the most sequences wins. Raising a gap never hurts another query.
Tensors have an axis s for several direct paths at once: small tensors cost little more than one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch

from strategies.max_of_k.subcubic_bounds import Scores
from strategies.max_of_k.subcubic_directions import embeddings, row_range
from strategies.models.load import Model

GUARD = 1e-9  # log-odds kept away from the thresholds, so that the checker's enclosures decide the same
ANCHORS = 2.0**26  # ends of a chord are multiples of 1 / ANCHORS
GRID = 257  # attention values at which the steepest outputs are looked up


class Shared:
    """Tables of one model that all strategies share."""

    def __init__(self, model: Model) -> None:
        self.model = model
        W_OU = model.W_O @ model.W_U
        self.EVOU = (model.W_E @ model.W_V + model.b_V) @ W_OU
        PVOU = model.W_pos @ model.W_V @ W_OU
        d = model.d_vocab
        self.PV = torch.stack([(PVOU - PVOU[:, m : m + 1]).amax(0) for m in range(d)])  # [m, x]
        self.R = self.EVOU - self.EVOU.diagonal()[:, None]  # [m, x]
        self.W = row_range(self.EVOU).cummax(0).values  # [k]: largest range among tokens ≤ k

    @cached_property
    def trivial(self) -> int:
        """How many of the sequences m … m are certainly right."""
        model = self.model
        EUPU = (embeddings(model)[0] + model.b_O) @ model.W_U + model.b_U
        exact = EUPU + self.R + self.PV
        return sum(bool((_without(row, m) < row[m]).all()) for m, row in enumerate(exact))

    @cached_property
    def log_odds(self) -> tuple[torch.Tensor, torch.Tensor]:
        """ℓ_low, ℓ_high [same, q, c], same = 1 where q = m: log-odds of the attention on m if all tokens had one score."""
        model, n = self.model, self.model.n_ctx
        E_q, _ = embeddings(model)
        scores = (E_q @ model.W_Q + model.b_Q) @ (model.W_pos @ model.W_K).T / math.sqrt(model.d_head)  # [q, n]
        others = (scores[:, :-1] - scores[:, -1:]).sort(-1).values  # [q, n − 1]
        ends = []
        for order in (others, others.flip(-1)):
            rows = []
            for same in (0, 1):
                columns = []
                for c in range(n):
                    held = order[:, : n - c - same]  # positions before the query that hold m
                    rest = order[:, n - c - same :]
                    own = torch.zeros_like(order[:, :1])
                    top = torch.cat([held, own], -1) if same else held
                    bottom = rest if same else torch.cat([rest, own], -1)
                    columns.append(top.logsumexp(-1) - bottom.logsumexp(-1) if top.shape[-1] and bottom.shape[-1] else own[:, 0])
                rows.append(torch.stack(columns, -1))
            ends.append(torch.stack(rows))
        return ends[0], ends[1]


@dataclass(frozen=True, slots=True)
class Found:
    """gaps [q, m, c] int64, and the counts that float64 believes in: the checker's (m − g + 1)^p and the published (m − g)^p."""

    gaps: torch.Tensor
    correct: int
    published: int


@dataclass(frozen=True, slots=True)
class Direct:
    """A direct-path bound M [x], g [q] with an attention handling; lines: for each max token (L, R) [x] of `_lines`."""

    g: torch.Tensor
    lines: tuple[tuple[torch.Tensor, torch.Tensor], ...]
    chord: bool


def direct_lines(shared: Shared, bound: tuple[torch.Tensor, torch.Tensor], *, chord: bool) -> Direct:
    """What a search needs of a direct-path bound and an attention handling (`chord`: mean-query+diff)."""
    M, g = bound
    return Direct(g, tuple(_lines(shared, M, m, chord=chord) for m in range(shared.model.d_vocab)), chord)


def attentions(shared: Shared, scores: Scores) -> tuple[Attention, ...]:
    """The attention on each max token, for QK scores."""
    return tuple(Attention(shared, scores, m) for m in range(shared.model.d_vocab))


def search(shared: Shared, directs: Sequence[Direct], attention: Sequence[Attention]) -> list[Found]:
    """The best gap table for each direct-path bound, all with one attention handling and the same QK scores."""
    d, n = shared.model.d_vocab, shared.model.n_ctx
    gaps = torch.full((len(directs), d, d, n), d, dtype=torch.int64)
    for m in range(d):
        gaps[:, m, m, 0] = 1
        if m > 0 and n > 1:
            _search_token(shared, directs, attention[m], gaps, m)
    return [Found(table, shared.trivial + count_classes(table, 1), shared.trivial + count_classes(table, 0)) for table in gaps]


def count_classes(gaps: torch.Tensor, more: int) -> int:
    """Sequences of the classes with c ≥ 1 that `gaps` admits, with (m − g + more)^p choices, in exact integers."""
    d, _, n = gaps.shape
    q, m, c = torch.meshgrid(torch.arange(d), torch.arange(d), torch.arange(n), indexing="ij")
    admitted = (c > 0) & (gaps <= torch.where(q == m, m, m - q))
    powers = (c - (q != m).long())[admitted] * (d + 1) + (m - gaps + more)[admitted]
    kinds, multiplicity = powers.unique(return_counts=True)
    return sum(
        times * math.comb(n - 1, kind // (d + 1)) * (kind % (d + 1)) ** (kind // (d + 1))
        for kind, times in zip(kinds.tolist(), multiplicity.tolist(), strict=True)
    )


def _lines(shared: Shared, M: torch.Tensor, m: int, *, chord: bool) -> tuple[torch.Tensor, torch.Tensor]:
    """(L, R) [x] of the outputs that can be the worst for some attention; without `chord` the pessimal pair (max L, max R)."""
    L, R = _without(M - M[m] + shared.PV[m], m), _without(shared.R[m], m)
    if not chord:
        return L.amax(0, keepdim=True), R.amax(0, keepdim=True)
    attention = torch.linspace(0, 1, GRID, dtype=torch.float64)
    worst = (L + attention[:, None] * R).argmax(-1).unique()
    return L[worst], R[worst]


def _without(row: torch.Tensor, m: int) -> torch.Tensor:
    return torch.cat([row[:m], row[m + 1 :]])


def _thresholds(at_zero: torch.Tensor, at_one: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """(t_low, t_high): at_zero·(1 − a) + at_one·a < 0 iff t_low < log-odds of a < t_high."""
    crossing = (at_zero / -at_one).log()  # NaN where both have one sign
    never = torch.full_like(crossing, math.inf)
    low = torch.where(at_one < 0, torch.where(at_zero > 0, crossing, -never), torch.where(at_zero < 0, -never, never))
    high = torch.where((at_one >= 0) & (at_zero < 0), torch.where(at_one > 0, crossing, never), never)
    return low + GUARD, high - GUARD


class Attention:
    """Log-odds of the attention on max token m for queries q ≤ m, copies c = 1 … n − 1 and gaps 1 … m."""

    __slots__ = ("high", "low", "shift_high", "shift_low")

    def __init__(self, shared: Shared, scores: Scores, m: int) -> None:
        scale = math.sqrt(shared.model.d_head)
        S, error = scores.S[: m + 1], scores.error[: m + 1, None]
        own = S[:, m : m + 1]
        self.low = (own - S[:, :m].cummax(-1).values.flip(-1) - error) / scale  # [q, g − 1], grows with g
        self.high = (own - S[:, :m].cummin(-1).values.flip(-1) + error) / scale  # shrinks with g
        low, high = shared.log_odds
        self.shift_low, self.shift_high = (torch.cat([end[0, :m, 1:], end[1, m : m + 1, 1:]]) for end in (low, high))  # [q, c − 1]

    def first_gap(self, low: torch.Tensor, high: torch.Tensor) -> torch.Tensor:
        """Smallest gap [q, s, c, g0] whose log-odds lie between `low` and `high` [q, s, c, g0]; m + 1 or more where there is none."""
        first = self._bisect(self.low, low - self.shift_low[:, None, :, None])
        if bool((high == math.inf).all()):
            return first
        return torch.maximum(first, self._bisect(-self.high, self.shift_high[:, None, :, None] - high))

    def at(self, gaps: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Log-odds (low, high) [q, s, c, g0] at `gaps`, clipped to the table."""
        index = (gaps - 1).clamp(max=self.low.shape[1] - 1).flatten(1)
        low, high = (table.gather(1, index).view(gaps.shape) for table in (self.low, self.high))
        return low + self.shift_low[:, None, :, None], high + self.shift_high[:, None, :, None]

    @staticmethod
    def _bisect(ascending: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
        flat = values.flatten(1).contiguous()
        return 1 + torch.searchsorted(ascending.contiguous(), flat, right=True).view(values.shape)


def _stacked(directs: Sequence[Direct], m: int) -> tuple[torch.Tensor, torch.Tensor]:
    """(L, R) [s, x] of max token m; short rows repeat their last line."""
    longest = max(len(direct.lines[m][0]) for direct in directs)
    ends = zip(*(direct.lines[m] for direct in directs), strict=True)
    L, R = (torch.stack([torch.cat([row, row[-1:].expand(longest - len(row))]) for row in rows]) for rows in ends)
    return L, R


def _search_token(shared: Shared, directs: Sequence[Direct], attention: Attention, gaps: torch.Tensor, m: int) -> None:
    """Fill gaps[:, : m + 1, m, 1:]."""
    n = shared.model.n_ctx
    L, R = _stacked(directs, m)
    g = torch.stack([direct.g[: m + 1] for direct in directs], -1)  # [q, s]
    floors = torch.arange(1, m + 1)
    W = shared.W[m - floors]  # [g0]
    at_one = (L + R)[:, None] + g[..., None, None]  # [q, s, 1, x]
    at_zero = L[:, None] + W[:, None] + g[..., None, None]  # [q, s, g0, x]
    low, high = _thresholds(at_zero, at_one.expand_as(at_zero))
    shape = (m + 1, len(directs), n - 1, m)
    low, high = low.amax(-1)[:, :, None].expand(shape), high.amin(-1)[:, :, None].expand(shape)
    most = torch.cat([m - torch.arange(m), torch.tensor([m])])[:, None, None, None]  # a query q < m is itself a token ≤ m − g
    chosen = torch.maximum(attention.first_gap(low, high), floors)
    if directs[0].chord:
        for _ in range(2):
            chosen = _on_chord(attention, chosen, chosen <= most, g, W, (L, R), floors)
    accepted = chosen <= most
    others = torch.arange(1, n)[None, :, None] - (torch.arange(m + 1) < m).long()[:, None, None]  # p [q, c, 1]
    ways = torch.tensor([math.comb(n - 1, p) for p in range(n)], dtype=torch.float64)[others][:, None]
    counts = torch.where(accepted, ways * (m - chosen + 1).double().clamp(min=0) ** others[:, None], 0.0)
    best = counts.sum(0).argmax(-1)  # [s, c]
    pick = best[None, :, :, None].expand(m + 1, -1, -1, 1)
    d = shared.model.d_vocab
    gaps[:, : m + 1, m, 1:] = torch.where(accepted, chosen, d).gather(-1, pick)[..., 0].transpose(0, 1)


def _on_chord(
    attention: Attention,
    chosen: torch.Tensor,
    accepted: torch.Tensor,
    g: torch.Tensor,
    W: torch.Tensor,
    lines: tuple[torch.Tensor, torch.Tensor],
    floors: torch.Tensor,
) -> torch.Tensor:
    """The smallest gaps that pass with f replaced by its chord over the attention range of the accepted classes, and keep that range."""
    L, R = (end[:, None, None] for end in lines)  # [s, 1, 1, x]
    z_low, z_high = attention.at(chosen)
    low = torch.where(accepted, z_low, math.inf).amin(0)  # [s, c, g0]
    high = torch.where(accepted, z_high, -math.inf).amax(0)
    lo = (low.sigmoid() * ANCHORS).floor() / ANCHORS  # the checker's anchors lie on this grid
    hi = (high.sigmoid() * ANCHORS).ceil() / ANCHORS
    hi = torch.where(hi > lo, hi, lo + 1 / ANCHORS)
    at_lo, at_hi = ((L + a[..., None] * R).amax(-1) + (1 - a) * W for a in (lo, hi))  # f + (1 − a)·W, [s, c, g0]
    slope = (at_hi - at_lo) / (hi - lo)
    at_zero = (at_lo - slope * lo)[None] + g[..., None, None]
    at_one = (at_lo + slope * (1 - lo))[None] + g[..., None, None]
    t_low, t_high = _thresholds(at_zero, at_one)
    t_low = torch.maximum(t_low, low - GUARD)
    t_high = torch.minimum(t_high, high + GUARD)
    return torch.maximum(attention.first_gap(t_low, t_high), floors)
