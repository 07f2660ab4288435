"""`float-stages`: docs/rules/float-stages.md, with its letters. Matrices have a row for each (position, token) that there is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

from tests.second_checker.exact import add_row, plus_all, product, transpose
from tests.second_checker.facts import Context, FloatTables, Tables
from tests.second_checker.intervals import ends_of, sqrt
from tests.second_checker.outcome import rejected
from tests.second_checker.rules_floats import Floats, absolute, holds, most
from tests.second_checker.weights import Matrix, Network, Vector

LOST = Fraction(1, 2**60)
TENSORS = ("W_E", "W_pos", "W_Q", "W_K", "W_V", "W_O", "W_U")
BIASES = ("b_Q", "b_K", "b_V", "b_O", "b_U")


@dataclass(frozen=True)
class Short:
    """u, η, log of what sizes stay below, whether results and the residual stream are rounded."""

    u: Fraction
    eta: Fraction
    range: int
    results: bool
    residual: bool


SHORT = {
    "binary32-stages": Short(Fraction(0), Fraction(0), 40, False, False),
    "tf32": Short(Fraction(1, 2**10), Fraction(1, 2**126), 40, False, False),
    "tf32-nearest": Short(Fraction(1, 2**11), Fraction(1, 2**126), 40, False, False),
    "bfloat16-autocast": Short(Fraction(1, 2**8), Fraction(1, 2**126), 40, True, False),
    "bfloat16": Short(Fraction(1, 2**8), Fraction(1, 2**126), 40, True, True),
    "binary16-autocast": Short(Fraction(1, 2**11), Fraction(1, 2**24), 15, True, False),
    "binary16": Short(Fraction(1, 2**11), Fraction(1, 2**24), 15, True, True),
}


def entries(f: Callable[..., Fraction], *tables: Matrix) -> Matrix:
    """f of the entries at each place."""
    return [[f(*row) for row in zip(*rows, strict=True)] for rows in zip(*tables, strict=True)]


def about_mean(row: Vector) -> Fraction:
    """The sum times 1/k rounded down to 32 bits."""
    return sum(row, Fraction(0)) * Fraction(2**32 // len(row), 2**32)


def around(A: Matrix) -> Matrix:
    """|A°|: less about the mean of each row."""
    means = [about_mean(row) for row in A]
    return [[abs(entry - mean) for entry in row] for row, mean in zip(A, means, strict=True)]


class Stages:
    """Theorem G. errors: of √H·scores [q][i][t], of values [i][t][o], of the direct path [q][o]; sizes: what must stay in range."""

    def __init__(self, net: Network, run: Floats) -> None:
        self.net, self.short = net, SHORT[run.format]
        self.gamma = run.N * run.u / (1 - run.N * run.u)
        self.w = self.short.u + self.gamma + self.short.u * self.gamma
        residual, n, d = self.short.residual, net.n_ctx, net.d_vocab
        places = [(i, t) for i in range(n) for t in range(d)]
        E, P = absolute(net.W_E), absolute(net.W_pos)
        off_E, off_P = (self.off(A) if residual else entries(lambda _: Fraction(0), A) for A in (E, P))
        self.r = [[a + b for a, b in zip(net.W_E[t], net.W_pos[i], strict=True)] for i, t in places]
        off = [[a + b for a, b in zip(off_E[t], off_P[i], strict=True)] for i, t in places]
        total = [[a + b for a, b in zip(E[t], P[i], strict=True)] for i, t in places]
        carried = entries(lambda e, z: e + self.sum(z + e), off, total)
        self.operand = entries(lambda e, z: e + self.round(abs(z) + e), carried, self.r)
        last = slice((n - 1) * d, n * d)
        carried = (self.operand if residual else carried)[last]
        self.sizes = {"r": most(entries(lambda z, e: abs(z) + e, self.r, self.operand))}
        self.products: list[Fraction] = []
        q = self.linear(self.r[last], self.operand[last], net.W_Q, net.b_Q, net.d_head)
        k = self.linear(self.r, self.operand, net.W_K, net.b_K, net.d_head)
        v = self.linear(self.r, self.operand, net.W_V, net.b_V, 1)
        self.sizes |= {name: max(found, most(x[3])) for name, found, x in zip("qkv", self.products, (q, k, v), strict=True)}
        flat = self.score_errors(q, k, last)
        self.scores = [[row[i * d : (i + 1) * d] for i in range(n)] for row in flat]
        self.direct, on_values = self.logit_errors(v, last, carried)
        self.values = [on_values[i * d : (i + 1) * d] for i in range(n)]
        tensors = [*(getattr(net, name) for name in TENSORS), *([getattr(net, name)] for name in BIASES)]
        self.sizes["weights"] = max(most(entries(lambda a, e: abs(a) + e, A, self.off(A))) for A in tensors)

    def off(self, W: Matrix) -> Matrix:
        return [[self.short.u * abs(entry) + self.short.eta for entry in row] for row in W]

    def off_bias(self, b: Vector) -> Vector:
        return self.off([b])[0] if self.short.results else [Fraction(0) for _ in b]

    def sum(self, z: Fraction) -> Fraction:
        return self.gamma * z + LOST

    def round(self, z: Fraction, times: int = 1) -> Fraction:
        return self.short.u * z + times * self.short.eta

    def prod(self, z: Matrix, W: Matrix) -> Matrix:
        whole = entries(lambda a, e: abs(a) + e, W, self.off(W))
        return entries(lambda a, b: a + self.sum(b), product(z, self.off(W)), product(z, whole))

    def linear(self, x: Matrix, L_r: Matrix, W: Matrix, b: Vector, H: int) -> tuple[Matrix, Matrix, Matrix, Matrix]:
        """Exact, L, E, Z."""
        reached, exact = product(L_r, absolute(W)), product(x, W)
        L = self.prod(entries(lambda a, e: abs(a) + e, x, L_r), W)
        Z = entries(lambda y, e, l: abs(y) + e + l, exact, reached, L)
        product_L, Z = self.rounded(L, Z) if self.short.results else (L, Z)
        self.products.append(most(Z))
        if any(b):
            L = product_L
            off = self.off_bias(b)
            L = [
                [l + e + self.sum(z + abs(c) + e) for l, z, c, e in zip(row, sizes, b, off, strict=True)]
                for row, sizes in zip(L, Z, strict=True)
            ]
            exact = add_row(exact, b)
        times = 1 if self.short.results else H
        L = entries(lambda y, e, l: l + self.round(abs(y) + e + l, times), exact, reached, L)
        E = plus_all([reached, L])
        return exact, L, E, entries(lambda y, e: abs(y) + e, exact, E)

    def score_errors(self, q: tuple[Matrix, ...], k: tuple[Matrix, ...], last: slice) -> Matrix:
        """e [q][(i, t)]."""
        net, H = self.net, self.net.d_head
        mean = [about_mean(list(column)) for column in zip(*k[0], strict=True)]
        apart = add_row(k[0], [-c for c in mean])
        through_q, through_k = absolute(product(apart, transpose(net.W_Q))), absolute(product(q[0], transpose(net.W_K)))
        parts = [
            product(self.operand[last], transpose(through_q)),
            product(q[1], transpose(absolute(apart))),
            product(through_k, transpose(self.operand)),
            product(absolute(q[0]), transpose(k[1])),
            product(q[2], transpose(k[2])),
        ]
        L = entries(self.sum, product(q[3], transpose(k[3])))
        if self.short.results:
            exact = absolute(product(q[0], transpose(k[0])))
            Z = plus_all([exact, product(q[2], transpose(absolute(k[0]))), product(q[3], transpose(k[2])), L])
            for step in (self.round, self.sum, lambda z: self.round(z, H)):
                more = entries(step, Z)
                L, Z = plus_all([L, more]), plus_all([Z, more])
            self.sizes["scores"] = most(Z)
        return plus_all([*parts, L])

    def logit_errors(self, v: tuple[Matrix, ...], last: slice, carried: Matrix) -> tuple[Matrix, Matrix]:
        """F of the query [q][o] and of values [(i, t)][o]."""
        net, n, u, w = self.net, self.net.n_ctx, self.short.u, self.w
        losses = 6 * n * self.short.eta * most(v[3])
        L_z = entries(lambda z: self.sum((1 + w) * z) + losses + LOST, v[3])
        Z_z = entries(lambda z, l: (1 + w) * z + l, v[3], L_z)
        L_z, Z_z = self.rounded(L_z, Z_z)
        self.sizes["mix"] = most(Z_z)
        D = entries(lambda e, z, l: e + w * z + l, v[2], v[3], L_z)
        W_O, W_U = net.W_O, net.W_U
        L = self.prod(Z_z, W_O)
        Z = plus_all([absolute(product(v[0], W_O)), product(D, absolute(W_O)), L])
        if self.short.results:
            L, Z = self.rounded(L, Z)
        if any(net.b_O):
            b, off = [abs(c) for c in net.b_O], self.off_bias(net.b_O)
            a = [[e + self.sum(z + c + e) for z, c, e in zip(row, b, off, strict=True)] for row in Z]
            L, Z = plus_all([L, a]), plus_all([add_row(Z, b), a])
            if self.short.results:
                L, Z = self.rounded(L, Z)
        self.sizes["head"] = most(Z)
        L_y, Z_y = self.more(L, Z, lambda z: self.gamma * z)
        L_y, Z_y = self.more(L_y, Z_y, lambda z: u * z)
        Z_x = entries(lambda a, e: abs(a) + e, self.r[last], carried)
        L_x, Z_x = self.more(carried, Z_x, self.sum)
        L_x, Z_x = self.rounded(L_x, Z_x)
        self.sizes["x"] = most(Z_x) + most(Z_y)
        W_OU, W_VOU = product(W_O, W_U), product(net.W_V, product(W_O, W_U))
        P_x, P_y = self.prod(Z_x, W_U), self.prod(Z_y, W_U)
        on_values = product(v[0], W_OU)
        exact_x = absolute(product(add_row(self.r[last], net.b_O), W_U))
        S_x = plus_all([exact_x, product(L_x, absolute(W_U)), P_x])
        S_y = plus_all([absolute(on_values), product(D, absolute(W_OU)), product(L_y, absolute(W_U)), P_y])
        if self.short.results:
            (P_x, S_x), (P_y, S_y) = self.rounded(P_x, S_x), self.more(P_y, S_y, lambda z: u * z)
        if any(net.b_U):
            b, off = [abs(c) for c in net.b_U], self.off_bias(net.b_U)
            a = [[e + self.sum(z + c + e) for z, c, e in zip(row, b, off, strict=True)] for row in S_x]
            P_x, S_x = plus_all([P_x, a]), plus_all([add_row(S_x, b), a])
            P_y, S_y = self.more(P_y, S_y, lambda z: self.gamma * z)
            if self.short.results:
                (P_x, S_x), (P_y, S_y) = self.rounded(P_x, S_x), self.more(P_y, S_y, lambda z: u * z)
        self.sizes["logits"] = most(S_x) + most(S_y)
        g = plus_all([product(self.operand, around(W_VOU)), product(v[1], around(W_OU))])
        weights = entries(lambda a, b: a + w * (a + b), g, around(on_values))
        F_x = plus_all([product(L_x, around(W_U)), P_x])
        return F_x, plus_all([weights, product(L_z, around(W_OU)), product(L_y, around(W_U)), P_y])

    def rounded(self, L: Matrix, Z: Matrix) -> tuple[Matrix, Matrix]:
        return self.more(L, Z, self.round)

    def more(self, L: Matrix, Z: Matrix, f: Callable[[Fraction], Fraction]) -> tuple[Matrix, Matrix]:
        added = entries(f, Z)
        return plus_all([L, added]), plus_all([Z, added])


def float_stages(context: Context, tables: Tables) -> FloatTables:
    """The error tables of Theorem G; only √H is rounded, upwards."""
    net, run = context.network, context.floats
    if run is None or run.format not in SHORT or run.activation is not None:
        raise rejected("rule-not-applicable", "float-stages")
    n, D, H, d = net.n_ctx, net.d_model, net.d_head, net.d_vocab
    if max(D, H) + 2 * n + 2 > run.N or 4 * run.N * run.u > 1 or max(n, D, H) > 2**20 or run.tau > Fraction(1, 2):
        raise rejected("rule-not-applicable", "float-stages", "roundings")
    rows = [*(row for name in TENSORS for row in getattr(net, name)), *(getattr(net, name) for name in BIASES)]
    if not all(holds(entry, "binary32") for row in rows for entry in row):
        raise rejected("rule-not-applicable", "float-stages", "weights")
    found = Stages(net, run)
    if any(size >= 2 ** SHORT[run.format].range for size in found.sizes.values()):
        raise rejected("rule-not-applicable", "float-stages", "range")
    tokens = [[min(found.scores[q][i][t] for i in range(n)) for t in range(d)] for q in range(d)]
    positions = [[max(found.scores[q][i][t] - tokens[q][t] for t in range(d)) for i in range(n)] for q in range(d)]
    EVOU = [[min(found.values[i][t][o] for i in range(n)) for o in range(d)] for t in range(d)]
    PVOU = [[max(found.values[i][t][o] - EVOU[t][o] for t in range(d)) for o in range(d)] for i in range(n)]
    root = ends_of(sqrt(H))[1]
    theta = []
    for q in range(d):
        spread = max(tables.EQKE[q]) - min(tables.EQKE[q]) + max(tables.EQKP[q]) - min(tables.EQKP[q])
        constant = run.tau * root + run.kappa * run.u * (spread + 2 * (max(tokens[q]) + max(positions[q])))
        theta.append([entry + constant for entry in tokens[q]])
    if any((max(theta[q]) + max(positions[q])) ** 2 > 64 * H for q in range(d)):
        raise rejected("rule-not-applicable", "float-stages", "scores")
    errors = Tables(EUPU=found.direct, EVOU=EVOU, PVOU=PVOU, EQKE=theta, EQKP=positions)
    return FloatTables(tables, errors, Fraction(2**12, 2**126))
