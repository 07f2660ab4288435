"""Claims about every conforming float evaluation of a transformer: docs/semantics-float.md, Transformers."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from proofcheck import Certificate
from proofcheck.certificate import ClaimSpec
from proofcheck.models.transformer import NAME
from proofcheck.rules.reading import BINARY32, BINARY64, FloatFormat

FORMATS: dict[str, tuple[FloatFormat, Fraction]] = {  # what is claimed of exponentials and activation functions
    "float32": (BINARY32, Fraction(1, 2**18)),
    "float64": (BINARY64, Fraction(1, 2**40)),
}
KAPPA = 8
_TIMES = 4  # the roundings of a plain evaluation: block sums, one-pass variances


def about_floats(certificate: Certificate, claim: str, roundings: int | None = None, tau: Fraction | None = None) -> Certificate:
    """The same steps, claiming of no input yet that every such evaluation answers it right.

    claim: a key of FORMATS. roundings: of a stage, None for four times what a plain evaluation needs. tau: the error of exponentials and of
    activation functions, None for the format's. ValueError where the network is no transformer, or the claim another one.
    """
    if claim not in FORMATS:
        raise ValueError(f"evaluation proves claims about accuracy, float32 or float64, not {claim}")
    if certificate.model.architecture != NAME:
        raise ValueError(f"--claim {claim} with --strategy evaluation is about {NAME}; --strategy exact proves it of Max-of-K networks")
    kind, error = FORMATS[claim]
    error = error if tau is None else tau
    words = f"{error.numerator}/{error.denominator}"
    fields = {
        "correct": 0,
        "total": certificate.claim.fields["total"],
        "format": kind.name,
        "roundings": _TIMES * plain_roundings(certificate) if roundings is None else roundings,
        "tau": words,
        "kappa": KAPPA,
        "activation": words,
    }
    return replace(certificate, claim=ClaimSpec("float_accuracy_at_least", fields))


def plain_roundings(certificate: Certificate) -> int:
    """What a plain evaluation needs, of a term of one stage."""
    sizes = certificate.model.dimensions
    head = certificate.model.options["head"]
    widths = [width for width in head if isinstance(width, int)] if isinstance(head, (list, tuple)) else []
    return 8 + max(
        sizes["d_model"],
        sizes["d_mlp"],
        sizes["n_heads"] * sizes["d_head"],
        2 * sizes["n_ctx"],
        2 * sizes["n_layers"] + sizes["n_ctx"],
        *widths,
    )
