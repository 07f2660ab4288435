"""`python -m strategies.models.examples FOLDER`: train the small networks of other tasks and architectures that are shipped.

Each is trained on all inputs of its task at once, from a seed, on one thread, so that equal commands give equal bytes on one machine.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from dataclasses import dataclass
from itertools import permutations
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from proofcheck.catalogue import BUILT_IN
from proofcheck.certificate import TaskSpec
from proofcheck.kinds import read_fields
from proofcheck.limits import Limits
from proofcheck.tasks import Task
from strategies.models.metadata import described
from strategies.models.recipe import BETAS, WEIGHT_DECAY, Recipe, Weights, initial_weights, last_logits
from strategies.models.save import save
from strategies.models.seeds import Seeds

LEARNING_RATE = 0.01


def cayley_table(letters: int) -> np.ndarray:
    """S_n with the identity first, (ab)(i) = a(b(i)): int64 [n!, n!]."""
    elements = list(permutations(range(letters)))
    return np.array([[elements.index(tuple(a[i] for i in b)) for b in elements] for a in elements], dtype=np.int64)


@dataclass(frozen=True)
class Example:
    """One network: name of its file, task, architecture, hidden width, seed, steps of full-batch AdamW."""

    name: str
    task: TaskSpec
    architecture: str
    d_model: int
    seed: int = 0
    steps: int = 1500

    def built(self) -> Task:
        """The task that the certificate's fields make."""
        kind = BUILT_IN.tasks[self.task.name]
        return kind.build(**read_fields(self.task.fields, kind.fields, "$.task", Limits()))


ATTENTION, TABLES = "attention-only-one-layer-one-head", "sum-of-tables-relu"
EXAMPLES = (
    Example("min-of-3-d-vocab-6-seed-0", TaskSpec("min-of-k", {"n_ctx": 3, "d_vocab": 6}), ATTENTION, 8),
    Example("token-0-of-3-d-vocab-5-seed-0", TaskSpec("token-at", {"n_ctx": 3, "d_vocab": 5, "position": 0}), ATTENTION, 8),
    Example("modular-sum-of-2-d-vocab-5-seed-0", TaskSpec("modular-sum", {"n_ctx": 2, "d_vocab": 5}), ATTENTION, 8),
    Example("tables-modular-sum-of-2-d-vocab-11-seed-0", TaskSpec("modular-sum", {"n_ctx": 2, "d_vocab": 11}), TABLES, 24),
    Example("tables-product-of-2-in-S3-seed-0", TaskSpec("group-product", {"n_ctx": 2, "table": cayley_table(3)}), TABLES, 16),
)


def train(example: Example) -> tuple[Weights, float]:
    """Float32 weights by tensor name, and the final loss (nats, mean over all inputs)."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # sums split over threads round differently
    try:
        tokens, answers = (torch.from_numpy(table) for table in next(iter(example.built().machine.batches(1 << 20))))
        weights, logits = STARTS[example.architecture](example)
        for weight in weights.values():
            weight.requires_grad_()
        optimizer = torch.optim.AdamW(list(weights.values()), lr=LEARNING_RATE, betas=BETAS, weight_decay=WEIGHT_DECAY)
        for _ in range(example.steps):
            loss = F.cross_entropy(logits(weights, tokens), answers)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    finally:
        torch.set_num_threads(threads)
    return {name: weight.detach() for name, weight in weights.items()}, loss.item()


Start = tuple[Weights, Callable[[Weights, torch.Tensor], torch.Tensor]]


def _attention(example: Example) -> Start:
    task = example.built()
    recipe = Recipe(task.n_ctx, example.seed, task.d_vocab, biases=True, d_model=example.d_model)
    return initial_weights(recipe), last_logits


def _tables(example: Example) -> Start:
    """Normal weights, standard deviation 1/sqrt(n_ctx) for W_E and 1/sqrt(d_model) for W_U; b_U = 0."""
    task, D = example.built(), example.d_model
    generator = torch.Generator().manual_seed(Seeds.of(example.seed).model)
    W_E = torch.empty(task.n_ctx, task.d_vocab, D).normal_(std=1 / math.sqrt(task.n_ctx), generator=generator)
    W_U = torch.empty(D, task.answers).normal_(std=1 / math.sqrt(D), generator=generator)
    return {"embed.W_E": W_E, "unembed.W_U": W_U, "unembed.b_U": torch.zeros(task.answers)}, tables_logits


def tables_logits(weights: Weights, tokens: torch.Tensor) -> torch.Tensor:
    """relu(Σ_i W_E[i, x_i]) W_U + b_U: tokens [B, n_ctx] → [B, d_vocab_out]."""
    hidden = sum(table[tokens[:, i]] for i, table in enumerate(weights["embed.W_E"]))
    return torch.relu(hidden) @ weights["unembed.W_U"] + weights["unembed.b_U"]  # type: ignore[arg-type]


STARTS: dict[str, Callable[[Example], Start]] = {ATTENTION: _attention, TABLES: _tables}


def metadata(example: Example, final_loss: float) -> dict[str, str]:
    """What the file says: docs/models.md. No clock time, so equal runs give equal bytes."""
    words = described(example.task.words())
    if example.architecture == TABLES:
        words = {**words, "proofcheck.architecture": TABLES, "proofcheck.activation": "relu"}
        del words["proofcheck.attention_scale"]
    return words | {
        "recipe": "strategies.models.examples",
        "seed": str(example.seed),
        "steps": str(example.steps),
        "torch": torch.__version__,
        "final_loss": repr(final_loss),
    }


def write(example: Example, folder: Path) -> Path:
    """Trains and writes NAME.safetensors. OSError if the folder is not there."""
    weights, final_loss = train(example)
    path = folder / f"{example.name}.safetensors"
    save(weights, path, metadata(example, final_loss))
    return path


def main(arguments: list[str]) -> int:
    """Train all into a folder."""
    if len(arguments) != 1:
        print("usage: python -m strategies.models.examples FOLDER", file=sys.stderr)
        return 2
    for example in EXAMPLES:
        path = write(example, Path(arguments[0]))
        print(f"{path}: {example.task.words()}, {path.stat().st_size} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
