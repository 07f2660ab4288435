"""Tasks: input space, right answer, counting."""

from proofcheck.tasks.max_of_k import MaxOfK

__all__ = ["MaxOfK"]
