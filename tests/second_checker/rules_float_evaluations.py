"""`evaluation` in claims about floats: docs/semantics-float.md, Transformers, and docs/rules/evaluation-floats.md.

Radii are computed three times: at most what proofcheck's formulas can give, at least that, and its own radius at least, which is not looked
at otherwise and bounded as an evaluation of u = 2^−52.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from mpmath import mp, mpf, workprec

from tests.second_checker.block_numbers import Row, added, affine, cut, inner, relu, scaled, times
from tests.second_checker.facts import Context
from tests.second_checker.outcome import rejected
from tests.second_checker.rules_floats import FORMATS, Floats, holds
from tests.second_checker.transformer import Affine, Head, Norm, Transformer
from tests.second_checker.transformer_forward import Pass

LIPSCHITZ = {"relu": mpf(1), "gelu": mpf("1.13"), "gelu_new": mpf("1.13"), "silu": mpf("1.1")}
BITS = 160
LARGEST = mpf(2) ** 299  # norms
SPARE = mpf(2) ** -20  # for bounds that are to be too large


@dataclass(frozen=True)
class Track:
    """Assumptions, and whether bounds are to be too large or too small."""

    u: mpf
    eta: mpf
    N: int
    tau: mpf
    kappa: int
    omega: mpf
    large: bool
    top: mpf  # of sizes

    @property
    def gamma(self) -> mpf:
        return self.N * self.u / (1 - self.N * self.u)

    def over(self, bound: mpf) -> mpf:
        return bound * (1 + SPARE) + mpf(2) ** -290 if self.large else bound

    def sized(self, bound: mpf, size: mpf) -> mpf:
        """Infinite where a size may be out of range."""
        return mp.inf if self.large and not size < self.top else self.over(bound)


@dataclass(frozen=True)
class Held:
    """An exact vector, enclosed; for each track its reach, and of sums the reach of the terms and the sum of their norms."""

    row: Row
    reach: tuple[mpf, ...]
    terms: tuple[tuple[mpf, mpf], ...] | None = None


def number(x: Fraction) -> mpf:
    return mpf(x.numerator) / x.denominator


def length(row: Row, part: range | None = None) -> mpf:
    indices = range(len(row.mid)) if part is None else part
    return mp.sqrt(mpf(sum(row.mid[i] ** 2 for i in indices))) * mpf(2) ** row.exponent


def norms_of(step: Affine) -> tuple[mpf, mpf, mpf]:
    """At most and at least the spectral norm of W, and ‖b‖."""
    unit = mpf(2) ** step.W.exponent
    columns = step.W.columns
    frobenius = mp.sqrt(mpf(sum(entry**2 for column in columns for entry in column))) * unit
    v = [mpf(1) + mpf(i) / 7 for i in range(len(columns[0]))]
    least = mpf(0)
    for _ in range(8):
        size = mp.sqrt(mp.fsum(x * x for x in v))
        if size == 0:
            break
        v = [x / size for x in v]
        image = [mp.fdot(column, v) for column in columns]
        least = max(least, mp.sqrt(mp.fsum(y * y for y in image)) * unit)
        v = [mp.fdot([column[i] for column in columns], image) for i in range(len(v))]
    return least, frobenius, length(step.b)


class Reaches:
    """One sequence: exact vectors as `Pass` has them, and how far evaluations may be."""

    def __init__(self, network: Transformer, sequence: tuple[int, ...], tracks: list[Track]) -> None:
        self.network, self.sequence, self.tracks, self.plain = network, sequence, tracks, Pass(network, sequence, BITS)
        self.states: dict[tuple[int, int], Held] = {}

    def norms(self, x: Held, part: mpf | None = None) -> list[mpf]:
        """X̃ of each track, of the whole vector or of a part with this norm."""
        size, own = length(x.row) if part is None else part, x.reach[-1]
        found = [size + rho + (2 * own if t.large else 0) for t, rho in zip(self.tracks, x.reach, strict=True)]
        return [mp.inf if t.large and not norm < LARGEST else t.over(norm) for t, norm in zip(self.tracks, found, strict=True)]

    def terms(self, x: Held) -> list[tuple[mpf, mpf]]:
        return list(x.terms) if x.terms is not None else list(zip(x.reach, self.norms(x), strict=True))

    def sum(self, x: Held, y: Held) -> Held:
        root = mp.sqrt(len(x.row.mid))
        terms, reach = [], []
        for t, (a, p), (b, q) in zip(self.tracks, self.terms(x), self.terms(y), strict=True):
            both = a + b + 4 * (1 + t.gamma) * t.eta * root, p + q
            terms.append(both)
            reach.append(t.sized(both[0] + t.gamma * both[1], both[1]))
        return Held(added(x.row, y.row, BITS), tuple(reach), tuple(terms))

    def start(self, i: int) -> Held:
        table, position = self.network.apart[i]
        held = [Held(row, (mpf(0),) * len(self.tracks)) for row in (table[self.sequence[i]], position) if row is not None]
        return held[0] if len(held) == 1 else self.sum(held[0], held[1])

    def affine(self, x: Held, step: Affine) -> Held:
        return Held(affine(x.row, step.W, step.b, BITS), self.reach_of_affine(x.reach, self.norms(x), [step], len(x.row.mid)))

    def reach_of_affine(self, reach: tuple[mpf, ...], norms: list[mpf], steps: list[Affine], k: int) -> tuple[mpf, ...]:
        """Several maps of one vector side by side."""
        found = [norms_of(step) for step in steps]
        least, frobenius = max(low for low, _, _ in found), mp.sqrt(mp.fsum(f * f for _, f, _ in found))
        bias, m = mp.sqrt(mp.fsum(b * b for _, _, b in found)), sum(len(step.W.columns) for step in steps)
        bounds = []
        for t, rho, most in zip(self.tracks, reach, norms, strict=True):
            form = frobenius * most + bias
            lost = (1 + t.gamma) * t.eta * (mp.sqrt(k) * frobenius + (4 * k + 4) * mp.sqrt(m))
            bounds.append(t.sized((frobenius if t.large else least) * rho + t.gamma * form + lost, form))
        return tuple(bounds)

    def normalize(self, x: Held, norm: Norm) -> Held:
        options, k = self.network.options, len(x.row.mid)
        if options.normalization == "none":
            return x
        y = self.plain.normalize(x.row, Norm(None, None))
        centred = options.normalization in ("LN", "LNPre")
        mid = sum(x.row.mid) if centred else 0
        c = mp.sqrt(mpf(sum((k * m - mid) ** 2 for m in x.row.mid))) / k * mpf(2) ** x.row.exponent
        reach = []
        for t, rho, most in zip(self.tracks, x.reach, self.norms(x), strict=True):
            off = rho if not t.large else (rho + 2 * x.reach[-1]) * (1 + SPARE) + c * SPARE + length(x.row) * mpf(2) ** -40
            v = max(mpf(0), c - off) ** 2 / k + number(options.eps)
            v = v * (1 - SPARE) if t.large else v
            n = (t.gamma * most**2 / k + 8 * t.eta) / v
            if not n <= (mpf(1) / 2 - SPARE if t.large else mpf(1) / 2):
                reach.append(mp.inf)
                continue
            phi = n + t.gamma + n * t.gamma
            terms = t.gamma * most * (mp.sqrt(k) * (1 + t.gamma) + 3 if centred else 1)
            bound = (rho + (1 + phi) * (terms + 16 * mp.sqrt(k) * t.eta)) / mp.sqrt(v) + phi * mp.sqrt(k) + 16 * mp.sqrt(k) * t.eta
            reach.append(t.sized(bound, most**2 + mp.sqrt(k) * most * (1 + 1 / mp.sqrt(v))))
        return self.diagonal(Held(y, tuple(reach)), norm)

    def diagonal(self, x: Held, norm: Norm) -> Held:
        if norm.w is None:
            return x
        k, largest = len(x.row.mid), max(map(abs, norm.w.mid)) * mpf(2) ** norm.w.exponent
        bias = mpf(0) if norm.b is None else length(norm.b)
        row = times(x.row, norm.w, BITS)
        reach = []
        for t, rho, most in zip(self.tracks, x.reach, self.norms(x), strict=True):
            form = largest * most + bias
            lost = (1 + t.gamma) * t.eta * mp.sqrt(k) * (largest + 6)
            reach.append(t.sized(largest * rho + t.gamma * form + lost, form))
        return Held(row if norm.b is None else added(row, norm.b, BITS), tuple(reach))

    def activate(self, x: Held, name: str) -> Held:
        row, slope = relu(x.row) if name == "relu" else self.plain.activate(x.row), LIPSCHITZ[name]
        reach = []
        for t, rho, most in zip(self.tracks, x.reach, self.norms(x), strict=True):
            omega = mpf(0) if name == "relu" else t.omega
            reach.append(t.sized(slope * rho + omega * most + 4 * t.eta * mp.sqrt(len(x.row.mid)), (slope + omega) * most))
        return Held(row, tuple(reach))

    def state(self, layer: int, i: int) -> Held:
        if (layer, i) not in self.states:
            self.states[layer, i] = self.start(i) if layer == 0 else self.after(layer - 1, i)
        return self.states[layer, i]

    def after(self, number: int, i: int) -> Held:
        layer, x = self.network.layers[number], self.state(number, i)
        if layer.heads:
            x = self.sum(x, self.attention(number, i))
        if layer.mlp is not None:
            hidden = self.activate(self.affine(self.normalize(x, layer.ln2), layer.mlp[0]), self.network.options.activation)
            x = self.sum(x, self.affine(hidden, layer.mlp[1]))
        return x

    def attention(self, number: int, i: int) -> Held:
        """Of all heads, with W_O and b_O."""
        net, layer, d = self.network, self.network.layers[number], self.network.d_head
        visible = range(i + 1) if net.options.causal else range(net.n_ctx)
        y = [self.normalize(self.state(number, j), layer.ln1) for j in visible]
        own = self.normalize(self.state(number, i), layer.ln1)
        heads, H, m = layer.heads, len(layer.heads), len(y)

        def projected(x: Held, steps: list[Affine]) -> tuple[list[Row], tuple[mpf, ...]]:
            rows = [affine(x.row, step.W, step.b, BITS) for step in steps]
            return rows, self.reach_of_affine(x.reach, self.norms(x), steps, len(x.row.mid))

        values = [projected(x, [head.value for head in heads]) for x in y]
        v_reach = tuple(max(reach[t] for _, reach in values) for t in range(len(self.tracks)))
        whole = max(mp.sqrt(mp.fsum(length(row) ** 2 for row in rows)) for rows, _ in values)
        mixes, errors = [], [[] for _ in self.tracks]
        for h, head in enumerate(heads):
            weights = [(Fraction(1), Fraction(1))] * m
            V = max(length(rows[h]) for rows, _ in values)
            moved = [mpf(0)] * len(self.tracks)
            if head.query is not None and head.key is not None:
                weights, moved = self.softmax(own, y, heads, h)
            mixed = scaled(values[0][0][h], weights[0], BITS)
            for (rows, _), weight in zip(values[1:], weights[1:], strict=True):
                mixed = added(mixed, scaled(rows[h], weight, BITS), BITS)
            low, high = Fraction(sum(a for a, _ in weights)), Fraction(sum(b for _, b in weights))
            mixes.append(cut(scaled(mixed, (1 / high, 1 / low), BITS), BITS))
            for t, track in enumerate(self.tracks):
                V_t = V + (2 * v_reach[-1] if track.large else 0)
                errors[t].append((moved[t] * V_t, V_t + v_reach[t]))
        reach = []
        for t, track in enumerate(self.tracks):
            if net.options.uniform:
                most = whole + v_reach[t]
                reach.append(track.sized(v_reach[t] + track.gamma * most + 8 * m * track.eta * mp.sqrt(H * d), m * most))
                continue
            most = max(b for _, b in errors[t])
            by_head = mp.sqrt(mp.fsum((a + track.gamma * b) ** 2 for a, b in errors[t]))
            lost = 16 * m * track.eta * mp.sqrt(H * d) * (most + 2)
            reach.append(track.sized(by_head + mp.sqrt(H) * v_reach[t] + lost, 4 * m * (most + 1)))
        zero = layer.b_O
        row = zero
        for head, mix in zip(heads, mixes, strict=True):
            row = added(row, affine(mix, head.out, Row([0] * net.d_model, [0] * net.d_model, 0), BITS), BITS)
        size = mp.sqrt(mp.fsum(length(mix) ** 2 for mix in mixes))
        norms = self.norms(Held(mixes[0], tuple(reach)), size)
        return Held(row, self.reach_of_out(tuple(reach), norms, heads, zero))

    def reach_of_out(self, reach: tuple[mpf, ...], norms: list[mpf], heads: list[Head], bias: Row) -> tuple[mpf, ...]:
        """W_O of all heads is one matrix, [H·d_head, d_model]."""
        exponent = min(head.out.exponent for head in heads)
        columns = [
            [entry << (head.out.exponent - exponent) for head in heads for entry in head.out.columns[j]] for j in range(len(bias.mid))
        ]
        whole = type(heads[0].out)(columns, [[abs(entry) for entry in column] for column in columns], exponent)
        return self.reach_of_affine(reach, norms, [Affine(whole, bias)], len(columns[0]))

    def softmax(self, own: Held, y: list[Held], heads: list[Head], h: int) -> tuple[list[tuple[Fraction, Fraction]], list[mpf]]:
        """Exponentials of scores, and μ_h."""
        net, d = self.network, self.network.d_head
        queries, key_steps = [head.query for head in heads if head.query], [head.key for head in heads if head.key]
        q = affine(own.row, queries[h].W, queries[h].b, BITS)
        keys = [affine(x.row, key_steps[h].W, key_steps[h].b, BITS) for x in y]
        q_reach = self.reach_of_affine(own.reach, self.norms(own), queries, len(own.row.mid))
        k_reaches = [self.reach_of_affine(x.reach, self.norms(x), key_steps, len(x.row.mid)) for x in y]
        products = [inner(q, k) for k in keys]
        weights = self.plain.exponentials(products)
        S = 1 / mp.sqrt(d) if net.options.scale is None else number(net.options.scale)
        middles = [S * number((a + b) / 2) for a, b in products]
        spread, Q, K = max(middles) - min(middles), length(q), max(map(length, keys))
        moved, own_error = [], mpf(0)
        for t in reversed(range(len(self.tracks))):
            track, k_reach = self.tracks[t], max(reach[t] for reach in k_reaches)
            own_q, own_k = (q_reach[-1], max(reach[-1] for reach in k_reaches)) if track.large else (mpf(0), mpf(0))
            Qt, Kt = Q + 2 * own_q + q_reach[t], K + 2 * own_k + k_reach
            e = S * ((Q + 2 * own_q) * k_reach + q_reach[t] * Kt) + track.gamma * S * Qt * Kt
            e += (1 + track.gamma) * (1 + S) * track.eta * (4 * mp.sqrt(d) * (Qt + Kt) + 6 * d + 8)
            own_error = e if t == len(self.tracks) - 1 else own_error
            theta = e + track.tau + track.kappa * track.u * (spread + (4 * own_error if track.large else 0) + 2 * e)
            mu = min(theta, mpf(2)) if theta <= 1 or not track.large else mpf(2)
            moved.append(track.sized(mu + 4 * len(y) * track.eta, (1 + S) * (Qt * Kt + Qt + Kt)))
        moved.reverse()
        return weights, moved

    def logits(self) -> Held:
        net = self.network
        last, readout = len(net.layers), net.options.readout
        if readout == "sum":
            x = self.state(last, 0)
            for i in range(1, net.n_ctx):
                x = self.sum(x, self.state(last, i))
        else:
            x = self.state(last, readout if isinstance(readout, int) else net.n_ctx - 1)
        x = self.normalize(x, net.ln_final)
        for step in net.head[:-1]:
            x = self.activate(self.affine(x, step), "relu")
        return self.affine(x, net.head[-1])


def tracks_of(run: Floats, least: int) -> list[Track]:
    """At most, at least, and proofcheck's own radius at least."""
    u, eta = mpf(2) ** -FORMATS[run.format][0], mpf(2) ** -FORMATS[run.format][1]
    top, omega = mpf(2) ** (FORMATS[run.format][2] - 8), number(run.activation or Fraction(0))
    claimed = [Track(u, eta, run.N, number(run.tau), run.kappa, omega, large, top) for large in (False, True)]
    return [*claimed, Track(mpf(2) ** -52, mpf(2) ** -1022, least + 8, mpf(2) ** -46, 8, mpf(2) ** -45, True, mpf(2) ** 900)]


def plain_roundings(network: Transformer) -> int:
    heads = max((len(layer.heads) for layer in network.layers), default=0)
    widths = [len(step.W.columns[0]) for step in network.head]
    mlps = [len(layer.mlp[0].W.columns) for layer in network.layers if layer.mlp is not None]
    n, L = network.n_ctx, len(network.layers)
    return 8 + max(network.d_model, heads * network.d_head, 2 * n, 2 * L + n, *widths, *mlps)


def require_conforming(context: Context) -> None:
    """The hypotheses of Theorem T."""
    network, run = context.network, context.floats
    if not isinstance(network, Transformer) or run.activation is None or run.format not in ("binary32", "binary64"):
        raise rejected("rule-not-applicable", "evaluation")
    minus_log_u = FORMATS[run.format][0]
    smooth = any(layer.mlp is not None for layer in network.layers) and network.options.activation != "relu"
    constants = [network.options.eps, network.options.scale or Fraction(0)]
    for good in (
        plain_roundings(network) <= run.N <= 2 ** (minus_log_u - 10),
        run.u <= run.tau <= Fraction(1, 2),
        not smooth or run.activation >= run.u,
        8 * network.n_ctx * run.eta <= run.u,
        all(holds(entry, run.format) for entry in network.entries),
        all(constant == 0 or constant >= run.eta for constant in constants),
    ):
        if not good:
            raise rejected("rule-not-applicable", "evaluation", "hypotheses")


def float_margins(context: Context, sequence: tuple[int, ...], right: int) -> tuple[bool, bool, bool, bool]:
    """Whether every evaluation may be proved right, must be, may be proved wrong, must be."""
    alone = context.network.d_vocab_out == 1  # no rival: right where the radii are finite
    with workprec(200):
        try:
            held = Reaches(context.network, sequence, tracks_of(context.floats, plain_roundings(context.network))).logits()
        except OverflowError:
            return True, False, not alone, False
        if alone:
            return True, bool(held.reach[1] + held.reach[2] < mp.inf), False, False
        ends = [held.row.interval(j) for j in range(len(held.row.mid))]
        others = [pair for j, pair in enumerate(ends) if j != right]
        low, high = ends[right][0] - max(b for _, b in others), ends[right][1] - max(a for a, _ in others)
        eta = mpf(2) ** -FORMATS[context.floats.format][1]
        least = mp.sqrt(2) * held.reach[0]
        most = (mp.sqrt(2) * (held.reach[1] + 2 * held.reach[2] + 2 * eta) + abs(number(high)) * mpf(2) ** -48) * (1 + SPARE) + mpf(
            2
        ) ** -280
        return number(high) > least, number(low) > most, number(low) <= -least, number(high) < -most
