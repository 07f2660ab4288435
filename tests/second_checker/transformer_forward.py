"""The forward pass of architecture `transformer`, one sequence at a time, literally: no sharing between sequences."""

from __future__ import annotations

from fractions import Fraction

from tests.second_checker.block_numbers import (
    Row,
    added,
    affine,
    cut,
    exact_row,
    from_intervals,
    inner,
    relu,
    scaled,
    times,
)
from tests.second_checker.real_functions import (
    Ends,
    exponential,
    gelu_new_factor,
    increasing,
    logistic,
    normal_distribution,
    root_ends,
)
from tests.second_checker.transformer import Head, Layer, Norm, Transformer

FACTORS = {"gelu": normal_distribution, "gelu_new": gelu_new_factor, "silu": logistic}


class Pass:
    """One sequence. States are computed where the read-out asks for them."""

    def __init__(self, network: Transformer, sequence: tuple[int, ...], bits: int) -> None:
        self.network, self.sequence, self.bits = network, sequence, bits
        self.states: dict[tuple[int, int], Row] = {}
        self.normed: dict[tuple[int, int], Row] = {}

    def state(self, layer: int, i: int) -> Row:
        """x_i before this layer."""
        if layer == 0:
            return self.network.embedding[i][self.sequence[i]]
        if (layer, i) not in self.states:
            self.states[layer, i] = self.after(layer - 1, i)
        return self.states[layer, i]

    def after(self, number: int, i: int) -> Row:
        """x_i after a layer."""
        layer = self.network.layers[number]
        x = self.state(number, i)
        if layer.heads:
            for head in layer.heads:
                x = added(x, self.attention(number, layer, head, i), self.bits)
            x = added(x, layer.b_O, self.bits)
        if layer.mlp is not None:
            into, out = layer.mlp
            hidden = self.activate(affine(self.normalize(x, layer.ln2), into.W, into.b, self.bits))
            x = added(x, affine(hidden, out.W, out.b, self.bits), self.bits)
        return x

    def attention(self, number: int, layer: Layer, head: Head, i: int) -> Row:
        """(Σ_j α_ij (y_j W_V + b_V)) W_O."""
        visible = range(i + 1) if self.network.options.causal else range(self.network.n_ctx)
        y = [self.input(number, layer, j) for j in visible]
        values = [affine(row, head.value.W, head.value.b, self.bits) for row in y]
        weights: list[Ends] = [(Fraction(1), Fraction(1))] * len(values)
        if head.query is not None and head.key is not None:
            query = affine(self.input(number, layer, i), head.query.W, head.query.b, self.bits)
            weights = self.exponentials([inner(query, affine(row, head.key.W, head.key.b, self.bits)) for row in y])
        mixed = scaled(values[0], weights[0], self.bits)
        for value, weight in zip(values[1:], weights[1:], strict=True):
            mixed = added(mixed, scaled(value, weight, self.bits), self.bits)
        total = sum(low for low, _ in weights), sum(high for _, high in weights)
        share = scaled(mixed, (1 / Fraction(total[1]), 1 / Fraction(total[0])), self.bits)
        return affine(share, head.out, exact_row([Fraction(0)] * self.network.d_model), self.bits)

    def input(self, number: int, layer: Layer, j: int) -> Row:
        if (number, j) not in self.normed:
            self.normed[number, j] = self.normalize(self.state(number, j), layer.ln1)
        return self.normed[number, j]

    def exponentials(self, products: list[Ends]) -> list[Ends]:
        """exp(scale·product), all divided by one number."""
        scale = self.network.options.scale
        if scale is None:
            low, high = root_ends(Fraction(1, self.network.d_head), self.bits)
        else:
            low = high = scale
        scores = [(min(a * low, a * high), max(b * low, b * high)) for a, b in products]
        top = max((a + b) / 2 for a, b in scores)
        return [exponential(score, top) for score in scores]

    def normalize(self, x: Row, norm: Norm) -> Row:
        """c/√(‖c‖²/D + eps), then ∘ w + b."""
        kind, D = self.network.options.normalization, self.network.d_model
        if kind == "none":
            return x
        share = Fraction(1)  # c = row·share
        row = x
        if kind in ("LN", "LNPre"):
            mid, rad = sum(x.mid), sum(x.rad)
            row, share = Row([D * m - mid for m in x.mid], [D * r + rad for r in x.rad], x.exponent), Fraction(1, D)
        squares = [(max(0, abs(m) - r) ** 2, (abs(m) + r) ** 2) for m, r in zip(row.mid, row.rad, strict=True)]
        unit = (Fraction(2) ** row.exponent * share) ** 2 / D
        least, most = (sum(ends) * unit + self.network.options.eps for ends in zip(*squares, strict=True))
        low, high = root_ends(least, self.bits)[0], root_ends(most, self.bits)[1]
        y = scaled(cut(row, self.bits), (share / high, share / low), self.bits)
        y = y if norm.w is None else times(y, norm.w, self.bits)
        return y if norm.b is None else added(y, norm.b, self.bits)

    def activate(self, row: Row) -> Row:
        kind = self.network.options.activation
        if kind == "relu":
            return relu(row)
        factors = [increasing(FACTORS[kind], row.interval(i)) for i in range(len(row.mid))]
        return times(row, from_intervals(factors, self.bits), self.bits)

    def logits(self) -> Row:
        net = self.network
        last, readout = len(net.layers), net.options.readout
        if readout == "sum":
            r = self.state(last, 0)
            for i in range(1, net.n_ctx):
                r = added(r, self.state(last, i), self.bits)
        else:
            r = self.state(last, readout if isinstance(readout, int) else net.n_ctx - 1)
        r = self.normalize(r, net.ln_final)
        for layer in net.head[:-1]:
            r = relu(affine(r, layer.W, layer.b, self.bits))
        return affine(r, net.head[-1].W, net.head[-1].b, self.bits)


def logit_ends(network: Transformer, sequence: tuple[int, ...], bits: int) -> list[Ends]:
    """Ends of enclosures of all logits."""
    logits = Pass(network, sequence, bits).logits()
    return [logits.interval(j) for j in range(network.d_vocab_out)]


def margin(network: Transformer, sequence: tuple[int, ...], right: int, bits: int) -> Ends | None:
    """Ends of an enclosure of the least logit[right] − logit[j] over the rivals j, one at least; None if so few bits say nothing."""
    try:
        logits = logit_ends(network, sequence, bits)
    except OverflowError:
        return None
    own, others = logits[right], [ends for j, ends in enumerate(logits) if j != right]
    return own[0] - max(high for _, high in others), own[1] - max(low for low, _ in others)


def products_of_pass(network: Transformer) -> int:
    """Products of one forward pass, about."""
    n, D = network.n_ctx, network.d_model
    each = 0
    for layer in network.layers:
        each += len(layer.heads) * (4 * D + 2 * n) * network.d_head
        if layer.mlp is not None:
            each += 2 * D * len(layer.mlp[0].W.columns) + 20 * len(layer.mlp[0].W.columns)
    return 2 * (n * each + sum(len(step.W.columns) * len(step.W.columns[0]) for step in network.head))
