"""`picture CERT -o FILE.svg`: what the windows of a certificate look at."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path

import numpy as np

from proofcheck import Certificate, ProofcheckError, load

RULES = ("separable-windows", "grouped-queries", "rival-tree")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """CERT, --output."""
    parser.add_argument("certificate", type=Path, metavar="CERT", help="a certificate with one of the rules " + ", ".join(RULES))
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="FILE", help="picture to write (.svg or .png)")


def run(options: argparse.Namespace) -> int:
    """Draw the hints, and print their numbers."""
    try:
        certificate = load(options.certificate)
        hints = hints_of(certificate)
    except (OSError, ProofcheckError, ValueError) as error:
        print(f"cannot read: {error}", file=sys.stderr)
        return 2
    draw(hints, certificate.model.dimensions["d_vocab"], options.output)
    print(f"{options.output}: {summary(hints)}")
    return 0


def hints_of(certificate: Certificate) -> dict[str, np.ndarray]:
    """The tables of the first step with windows. ValueError if there is none."""
    for step in certificate.steps:
        if step.rule in RULES:
            return {name: np.asarray(step.hints[name]) for name in ("boundaries", "rivals", "blocks")}
    raise ValueError("no step has windows")


def near_tokens(boundaries: np.ndarray) -> dict[int, int]:
    """max token -> number of single tokens below it."""
    first: dict[int, int] = {}
    for m, b in boundaries.tolist():
        first.setdefault(m, m - b)
    return first


def summary(hints: dict[str, np.ndarray]) -> str:
    """Numbers in one line."""
    near = near_tokens(hints["boundaries"])
    steps = Counter((hints["rivals"][:, 1] - hints["rivals"][:, 0]).tolist())
    common = ", ".join(f"m{step:+d}: {times}" for step, times in steps.most_common(4))
    return (
        f"{len(near)} max tokens, {len(hints['rivals'])} single rivals (most often {common}), {sum(near.values())} near tokens "
        f"(at most {max(near.values(), default=0)} for a max token), {len(hints['blocks'])} counted blocks"
    )


def draw(hints: dict[str, np.ndarray], d_vocab: int, output: Path) -> None:
    """Left: near tokens and single rivals over the max token. Right: the blocks that are counted."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    mpl.rcParams.update({"svg.hashsalt": "proofcheck", "svg.fonttype": "none", "font.size": 9})
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4.6), layout="constrained")
    near = near_tokens(hints["boundaries"])
    left.bar(
        list(near), list(near.values()), bottom=[m - k for m, k in near.items()], width=1, color="#56B4E9", label="near tokens, one by one"
    )
    left.plot([0, d_vocab - 1], [0, d_vocab - 1], c="#999999", lw=0.8, label="the max token")
    left.scatter(*hints["rivals"].T, s=9, c="#D55E00", label="rivals looked at one by one", zorder=3)
    left.set(xlabel="max token", ylabel="token or logit", title="what is looked at; everything else is taken together")
    left.legend(fontsize=7, loc="upper left")
    right.scatter(hints["blocks"][:, 1], hints["blocks"][:, 0], s=6, c="#0072B2")
    right.set(
        xlabel="max token",
        ylabel="query (last token)",
        title=f"{len(hints['blocks'])} blocks are counted, the others are whole or left out",
    )
    figure.savefig(output, metadata={"Date": None} if output.suffix == ".svg" else None, dpi=150)
    plt.close(figure)
