"""The circuits of a one-layer network without normalization and MLP: the tables of its path expansion, head by head, in float64.

Units: scores are those before the softmax, already divided by √d_head (or times the network's own scale); all other tables are logits.
Source: Elhage et al. 2021, "A Mathematical Framework for Transformer Circuits"; names of Gross et al. 2024.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from strategies.report.network import FloatNetwork, Floats


@dataclass(frozen=True)
class Table:
    """One table of a circuit. rows, columns: what the axes are; a position table has n_ctx columns or rows."""

    name: str
    title: str
    rows: str
    columns: str
    unit: str
    values: Floats

    def singular_values(self) -> Floats:
        """In falling order."""
        return np.linalg.svd(self.values, compute_uv=False)


def circuits(network: FloatNetwork) -> list[Table]:
    """EUPU, and for each head EQKE, EQKP, EVOU, PVOU; nothing for a network whose logits are no such sum.

    With q the token that is read and t a token at position i, logit = EUPU[q] + Σ_heads Σ_i α_i (EVOU[t] + PVOU[i]), and
    score_i = EQKE[q, t] + EQKP[q, i].
    """
    if not _has_circuits(network):
        return []
    tensor, n = network.tensors, network.sizes["n_ctx"]
    read = network.options["readout"]
    at = n - 1 if read == "last" else int(read)
    E, W_U = tensor["embed.W_E"], tensor["unembed.W_U"]
    P = tensor.get("pos_embed.W_pos", np.zeros((n, E.shape[1])))[:n]
    last = E + P[at]
    name, heads = "blocks.0.attn.", len(tensor["blocks.0.attn.W_V"])
    direct = (last + tensor.get(f"{name}b_O", np.zeros(1))) @ W_U + tensor.get("unembed.b_U", np.zeros(1))
    found = [Table("EUPU", "Direct path", "query token", "logit of token", "logit", direct)]
    scale = network.options["scale"]
    factor = 1 / math.sqrt(network.sizes["d_head"]) if isinstance(scale, str) else float(scale)
    for h in range(heads):
        weight = {letter: tensor[f"{name}W_{letter}"][h] for letter in "QKVO"}
        bias = {letter: tensor.get(f"{name}b_{letter}", np.zeros((heads, 1)))[h] for letter in "QKV"}
        queries, through = last @ weight["Q"] + bias["Q"], weight["O"] @ W_U
        mark, words = (f" {h}", f", head {h}") if heads > 1 else ("", "")
        found += [
            Table(
                f"EQKE{mark}",
                f"Attention to tokens{words}",
                "query token",
                "token",
                "score",
                queries @ (E @ weight["K"] + bias["K"]).T * factor,
            ),
            Table(
                f"EVOU{mark}",
                f"Attended tokens to logits{words}",
                "token",
                "logit of token",
                "logit",
                (E @ weight["V"] + bias["V"]) @ through,
            ),
            Table(
                f"EQKP{mark}", f"Attention to positions{words}", "query token", "position", "score", queries @ (P @ weight["K"]).T * factor
            ),
            Table(f"PVOU{mark}", f"Positions to logits{words}", "position", "logit of token", "logit", P @ weight["V"] @ through),
        ]
    return found


def _has_circuits(network: FloatNetwork) -> bool:
    options = network.options
    return (
        network.sizes.get("n_layers", 1) == 1
        and "blocks.0.attn.W_Q" in network.tensors
        and not network.sizes.get("d_mlp", 0)
        and options["normalization"] == "none"
        and options["embedding"] == "shared"
        and not options["attention"].endswith("uniform")
        and options["readout"] != "sum"
        and not options["head"]
    )
