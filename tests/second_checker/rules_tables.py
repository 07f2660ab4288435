"""`path-expansion`: docs/rules/path-expansion.md."""

from __future__ import annotations

from tests.second_checker.exact import add_row, product, transpose
from tests.second_checker.facts import Context, Tables
from tests.second_checker.weights import Network


def tables_of(net: Network) -> Tables:
    """The five exact tables."""
    last = add_row(net.W_E, net.W_pos[-1])
    queries = add_row(product(last, net.W_Q), net.b_Q)
    token_keys = add_row(product(net.W_E, net.W_K), net.b_K)
    position_keys = product(net.W_pos, net.W_K)
    token_values = add_row(product(net.W_E, net.W_V), net.b_V)
    return Tables(
        EUPU=add_row(product(add_row(last, net.b_O), net.W_U), net.b_U),
        EVOU=product(product(token_values, net.W_O), net.W_U),
        PVOU=product(product(product(net.W_pos, net.W_V), net.W_O), net.W_U),
        EQKE=product(queries, transpose(token_keys)),
        EQKP=product(queries, transpose(position_keys)),
    )


def path_expansion(context: Context) -> Tables:
    """No premise, no hint."""
    return tables_of(context.network)
