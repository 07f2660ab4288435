"""`float-tables` and claims about float evaluations: docs/semantics-float.md, docs/rules/float-tables.md, with their names."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

from tests.second_checker.exact import add_row, product, transpose
from tests.second_checker.facts import Context, FloatTables, ProvedBlocks, Tables
from tests.second_checker.intervals import certainly_at_most_zero, certainly_positive, enclose, ends_of, sqrt
from tests.second_checker.margin_terms import QueryTerms, largest_size, resolution, sum_of
from tests.second_checker.outcome import rejected
from tests.second_checker.weights import Matrix, Network

FORMATS = {"binary32": (24, 126, 127, 24), "binary64": (53, 1022, 1023, 53)}  # −log u, −log η, range, digits
IN_STAGES = ("binary32-stages", "tf32", "tf32-nearest", "bfloat16-autocast", "bfloat16", "binary16-autocast", "binary16")
FORMATS |= dict.fromkeys(IN_STAGES, FORMATS["binary32"])  # what they compute in; rules_stages.py has the rest
FIELDS = ("correct", "total", "format", "roundings", "tau", "kappa")


@dataclass(frozen=True)
class Floats:
    """The assumptions of a claim."""

    format: str
    N: int
    tau: Fraction
    kappa: int
    activation: Fraction | None = None  # of transformers

    @property
    def u(self) -> Fraction:
        return Fraction(1, 2 ** FORMATS[self.format][0])

    @property
    def eta(self) -> Fraction:
        return Fraction(1, 2 ** FORMATS[self.format][1])


def absolute(A: Matrix) -> Matrix:
    return [[abs(entry) for entry in row] for row in A]


def most(A: Matrix) -> Fraction:
    return max(entry for row in A for entry in row)


def holds(value: Fraction, name: str) -> bool:
    """Whether the number is 0 or a normal number of the format."""
    _, least, largest, digits = FORMATS[name]
    if value == 0:
        return True
    odd = abs(value.numerator)
    while odd % 2 == 0:
        odd //= 2
    return odd.bit_length() <= digits and Fraction(1, 2**least) <= abs(value) < 2**largest


def float_tables(context: Context, tables: Tables) -> FloatTables:
    """The forms, exact; only √H is rounded, upwards."""
    net: Network = context.network
    run = context.floats
    if run is None or run.format in IN_STAGES:
        raise rejected("rule-not-applicable", "float-tables")
    n, D, H, u, eta = net.n_ctx, net.d_model, net.d_head, run.u, run.eta
    every = [*(row for A in (net.W_E, net.W_pos, net.W_Q, net.W_K, net.W_V, net.W_O, net.W_U) for row in A)]
    every += [net.b_Q, net.b_K, net.b_V, net.b_O, net.b_U]
    if run.activation is not None:
        raise rejected("rule-not-applicable", "float-tables", "a claim by stages")
    if 2 * D + H + 2 * n + 8 > run.N or 4 * run.N * u > 1 or 8 * n * eta > u:
        raise rejected("rule-not-applicable", "float-tables", "roundings")
    if not all(holds(entry, run.format) for row in every for entry in row):
        raise rejected("rule-not-applicable", "float-tables", "weights")
    gamma = run.N * u / (1 - run.N * u)
    plain, lossy = Forms(net, Fraction(0)), Forms(net, eta)

    def error(exact: Matrix, bar: Matrix) -> Matrix:
        pairs = zip(exact, bar, strict=True)
        return [[gamma * b + (1 + gamma) * (b - a) for a, b in zip(first, second, strict=True)] for first, second in pairs]

    e_tokens, e_positions = error(plain.tokens, lossy.tokens), error(plain.positions, lossy.positions)
    root = ends_of(sqrt(H))[1]
    theta = []
    for q, row in enumerate(e_tokens):
        spread = max(tables.EQKE[q]) - min(tables.EQKE[q]) + max(tables.EQKP[q]) - min(tables.EQKP[q])
        largest = max(row) + max(e_positions[q])
        constant = run.tau * root + run.kappa * u * (spread + 2 * largest)
        theta.append([entry + constant for entry in row])
    if any(4 * (max(row) + max(e_positions[q])) ** 2 > H for q, row in enumerate(theta)):
        raise rejected("rule-not-applicable", "float-tables", "scores")
    if lossy.range * 16 * n >= 2 ** FORMATS[run.format][2]:
        raise rejected("rule-not-applicable", "float-tables", "range")
    errors = Tables(
        EUPU=error(plain.direct, lossy.direct),
        EVOU=error(plain.values, lossy.values),
        PVOU=error(plain.on_positions, lossy.on_positions),
        EQKE=theta,
        EQKP=e_positions,
    )
    return FloatTables(tables, errors, 2 * eta)


class Forms:
    """Of |tensors|, with losses eta (0: none). tokens, positions: √H s̄; values, on_positions, direct: the parts of V̄."""

    def __init__(self, net: Network, eta: Fraction) -> None:
        n, D, H = net.n_ctx, net.d_model, net.d_head
        W_E, W_pos, W_Q, W_K, W_V, W_O, W_U = map(absolute, (net.W_E, net.W_pos, net.W_Q, net.W_K, net.W_V, net.W_O, net.W_U))
        b_Q, b_K, b_V, b_O, b_U = ([abs(entry) for entry in row] for row in (net.b_Q, net.b_K, net.b_V, net.b_O, net.b_U))
        r = raised(W_E, eta)
        last = raised(add_row(W_E, W_pos[-1]), eta)
        q = raised(add_row(product(last, W_Q), b_Q), (2 * D + 2 * H + 2) * eta)
        k = raised(add_row(product(r, W_K), b_K), (2 * D + 2 * H + 2) * eta)
        k_pos = product(W_pos, W_K)
        self.tokens = raised(product(q, transpose(k)), 4 * H * eta)
        self.positions = product(q, transpose(k_pos))
        v = raised(add_row(product(r, W_V), b_V), (2 * D + 1) * eta)
        v_pos = product(W_pos, W_V)
        L = 4 * n * eta * (most(v) + most(v_pos) + 2)
        spread = [sum((row[a] for row in W_O), Fraction(0)) * L for a in range(D)]
        residual = raised(add_row(add_row(last, b_O), spread), (2 * H + 3) * eta)
        self.values = product(product(v, W_O), W_U)
        self.on_positions = product(product(v_pos, W_O), W_U)
        self.direct = raised(add_row(product(residual, W_U), b_U), (2 * D + 1) * eta)
        out = most(product(v, W_O)) + most(product(v_pos, W_O)) + most(residual)
        logits = most(self.direct) + most(self.values) + most(self.on_positions)
        scores = most(self.tokens) + most(self.positions)
        self.range = most(r) + most(last) + most(q) + most(k) + most(k_pos) + scores + most(v) + most(v_pos) + L + out + logits


def raised(A: Matrix, more: Fraction) -> Matrix:
    return [[entry + more for entry in row] for row in A]


def looked_at(context: Context, tables: FloatTables, sequences: Iterable[tuple[int, ...]]) -> ProvedBlocks:
    """Every sequence by its sums over all rivals; least, surely_wrong: with room for proofcheck's integers and its coarser C."""
    counts, least, wrong, surely_wrong = (dict.fromkeys(context.blocks(), 0) for _ in range(4))
    known: dict[tuple[int, int], list[list[list[object]]]] = {}
    queries: dict[int, QueryTerms] = {}
    examined, n = 0, context.network.n_ctx
    for x in sequences:
        q, m = x[-1], max(x)
        if q not in queries:
            queries[q] = QueryTerms(context, tables, q)
        if (q, m) not in known:
            known[q, m] = queries[q].rivals(m)
        sums = [(sum_of(f, x), enclose((n + 1) * resolution(n)) * largest_size(f)) for f in known[q, m]]
        examined += 1
        counts[q, m] += all(certainly_positive(total) for total, _ in sums)
        least[q, m] += all(certainly_positive(total - room) for total, room in sums)
        wrong[q, m] += any(certainly_at_most_zero(total - room) for total, room in sums)
    return ProvedBlocks(counts, least, wrong, surely_wrong, examined)
