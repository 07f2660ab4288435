"""The asymptotic class of a proof: leading terms of the checker's cost polynomials, and the class the published figures give a strategy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import sympy

from proofcheck import Dimensions, Limits, Step
from proofcheck.rules import RULES

n_ctx, d_vocab, d_model = sympy.symbols("n d D", positive=True, integer=True)
SYMBOLS = (d_vocab, d_model, n_ctx)


def cost(steps: Sequence[Step]) -> sympy.Expr:
    """Upper bound on the checker's operations as an expression in n = n_ctx, d = d_vocab, D = d_model = d_head."""
    return sympy.expand(sum(_step_cost(step) for step in steps))


def _step_cost(step: Step) -> sympy.Expr:
    """The rule's polynomial; its sums alone where the rest compares sizes with a limit, which symbols cannot."""
    sizes = Dimensions(n_ctx=n_ctx, d_vocab=d_vocab, d_model=d_model, d_head=d_model, answers=d_vocab, inputs=d_vocab**n_ctx)
    rule = RULES[step.rule]
    # no sequence is settled in balls here: how many may be is a comparison of sizes with a limit, which symbols cannot make
    return rule.cost(sizes, replace(Limits(), settled_in_balls=sympy.Integer(0)), **step.hints).operations


def leading_terms(expression: sympy.Expr) -> sympy.Expr:
    """The terms that no other term outgrows when n and D grow no faster than d; d^n before any power."""
    terms = sympy.Add.make_args(sympy.expand(expression))
    kept = [term for term in terms if not any(_outgrows(other, term) for other in terms)]
    return sympy.Add(*kept)


def leading(steps: Sequence[Step]) -> str:
    """The leading terms as text, "" where the cost of a rule is no expression of the dimensions."""
    try:
        return format_terms(leading_terms(cost(steps)))
    except (TypeError, AttributeError):  # a cost that branches on sizes or asks an integer for its bits
        return ""


def format_terms(expression: sympy.Expr) -> str:
    """Text such as `6·d²·D + 14·d²·n`, largest power of d first."""
    terms = sorted(sympy.Add.make_args(expression), key=_exponents, reverse=True)
    return " + ".join(_format_term(term) for term in terms)


def _format_term(term: sympy.Expr) -> str:
    coefficient, rest = term.as_coeff_Mul()
    powers = rest.as_powers_dict()
    factors = [_power(symbol.name, powers[symbol]) for symbol in SYMBOLS if symbol in powers]
    return "·".join(([str(coefficient)] if coefficient != 1 or not factors else []) + factors)


def _power(name: str, exponent: sympy.Expr) -> str:
    digits = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
    if exponent == 1:
        return name
    return name + str(exponent).translate(digits) if exponent.is_Integer else f"{name}^({exponent})"


def _exponents(term: sympy.Expr) -> tuple[int, ...]:
    """(1 if an exponent grows with n, then the constant parts of the exponents of d, D, n)."""
    powers = term.as_coeff_Mul()[1].as_powers_dict()
    exponents = [sympy.sympify(powers.get(symbol, 0)) for symbol in SYMBOLS]
    return (int(any(e.has(n_ctx) for e in exponents)), *(int(e.subs(n_ctx, 0)) for e in exponents))


def _outgrows(larger: sympy.Expr, smaller: sympy.Expr) -> bool:
    a, b = _exponents(larger), _exponents(smaller)
    if a[0] != b[0]:
        return a[0] > b[0]
    return a != b and all(x >= y for x, y in zip(_growth(a), _growth(b), strict=True))


def _growth(exponents: tuple[int, ...]) -> tuple[int, ...]:
    """Powers of d of a monomial where D and n are each 1 or d: one monomial outgrows another for all 1 ≤ D, n ≤ d iff it does at these."""
    _, d, D, n = exponents
    return d, d + D, d + n, d + D + n


_QUADRATIC_DIRECT = ("max-diff", "mean-query+max-diff", "svd-query+max-diff")
_SPLIT_ERRORS = ("svd", "max-diff", "mean+max-diff", "max-diff-subproduct", "mean+max-diff-subproduct")


def published_class(rules: Sequence[str]) -> str:
    """The leading-complexity class of the published figures (published-strategies.md 2.5); "" for a new strategy."""
    if "enumeration" in rules:
        return "brute-force"
    if "cubic" in rules:
        return "cubic"
    direct = next((rule.removeprefix("direct-path-") for rule in rules if rule.startswith("direct-path-")), "")
    error = next((rule.removeprefix("qk-error-") for rule in rules if rule.startswith("qk-error-")), "")
    if not direct or not error:
        return ""
    if direct not in _QUADRATIC_DIRECT:
        return "subcubic"
    return "almost-quadratic" if error.endswith("recursive") else "vocab-model-squared" if error in _SPLIT_ERRORS else "subcubic"
