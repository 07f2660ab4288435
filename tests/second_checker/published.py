"""The unexplained dimension of the 102 published strategies: docs/published-strategies.md, Metrics."""

from __future__ import annotations

from tests.second_checker.certificate_format import Certificate

SUBCUBIC = ("path-expansion", "direct-path-", "qk-error-", "attention-bounds", "margin-", "count-classes", "sum-blocks")


def unexplained_dimension(certificate: Certificate) -> int:
    """The sum over the tables that the strategy looks up; 0 for a certificate that is not one of the published strategies."""
    n, d, D = (certificate.dimensions[name] for name in ("n_ctx", "d_vocab", "d_model"))
    rules = [step.rule for step in certificate.steps]
    if rules == ["path-expansion", "enumeration", "sum-blocks"]:
        return int(d ** (n + 1))
    if rules == ["path-expansion", "cubic", "count-classes", "sum-blocks"]:
        return sum((d * d, n * d, d * d, d * n, d * d))  # EUPU, PVOU, EQKE, EQKP, EVOU
    if len(rules) != len(SUBCUBIC) or not all(rule.startswith(start) for rule, start in zip(rules, SUBCUBIC, strict=True)):
        return 0
    direct, error = rules[1].removeprefix("direct-path-"), rules[2].removeprefix("qk-error-")
    return direct_path(direct, d, D) + qk_error(error, d, D) + d + d * d  # and PVOU, EVOU


def direct_path(name: str, d: int, D: int) -> int:
    """Two numbers; two for each query; the embedding and two numbers; also the logits and the entries of one query more."""
    vectors = {"mean-query+max-diff": d, "svd-query+max-diff": d}
    return {"global-max-diff-exact": 2, "max-diff-exact": 2 * d}.get(name, d * D + 2 + vectors.get(name, 0))


def qk_error(name: str, d: int, D: int) -> int:
    """Two directions; and the ranges of the two factors; and the mean row."""
    if name == "exact-EQKE+max-diff-exact":
        return d * d
    if name in ("svd", "max-diff-exact"):
        return 2 * d if name == "svd" else 4 * d
    return 2 * d + 2 * D + (d if name.startswith("mean") else 0)
