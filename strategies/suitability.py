"""Whether a network is meant for the task of a certificate: what its file says, and whether it answers better than a trivial rule.

None of this decides anything: a certificate's claim is true whatever the network was trained for.
"""

from __future__ import annotations

from strategies.max_of_k.strategy import Problem
from strategies.models.forward import sampled_accuracy
from strategies.models.metadata import TASK, contradiction, stated_task

SAMPLES = 10_000
CLEARLY_BETTER = 0.02  # than a trivial rule: four standard errors of the sample


def refusal(problem: Problem) -> str:
    """Why a certificate about this file would be refused, and what to do; "" if nothing contradicts it. Raises OSError, ModelError."""
    task = problem.task  # reads the weights, which says best what a foreign file is
    found = contradiction(problem.metadata, task)
    if found is None:
        return ""
    key, stated, needed = found
    said = "it was made for the task" if key == TASK else f"{key} is"
    return (
        f"{problem.path} says that {said} {stated!r}; these strategies prove {needed!r}, and the checker refuses other networks. "
        "If the file is mistaken, save it again with the right metadata (docs/models.md, Metadata)"
    )


def remarks(problem: Problem) -> list[str]:
    """What a person should know before believing that the certificate is about what they mean."""
    found = []
    if not stated_task(problem.metadata):
        found.append(
            f"the weight file does not say its task; this is a proof about {problem.task}, whatever the network was trained for "
            "(docs/models.md, Metadata)"
        )
    model = problem.model
    if model.n_ctx > 1:
        accuracy = sampled_accuracy(model, SAMPLES, seed=0)
        trivial = copying_accuracy(model.n_ctx, model.d_vocab)
        if accuracy < trivial + CLEARLY_BETTER:
            found.append(
                f"warning: near chance: the network answers about {accuracy:.1%} of random sequences with their maximum, and copying "
                f"one fixed position would answer {trivial:.1%}; it does not look trained for {problem.task}"
            )
    return found


def copying_accuracy(n_ctx: int, d_vocab: int) -> float:
    """The share of sequences whose maximum is the token at one fixed position: Σ_m (m + 1)^(n_ctx − 1) / d_vocab^n_ctx."""
    return sum((m + 1) ** (n_ctx - 1) for m in range(d_vocab)) / d_vocab**n_ctx
