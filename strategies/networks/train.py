"""`python -m strategies train-network RECIPE`: train a transformer for a finite task and write it down."""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from proofcheck.certificate import TaskSpec
from strategies.models.save import save
from strategies.networks.network import Network, logits
from strategies.networks.recipes import RECIPES, Recipe
from strategies.networks.task_words import task_document
from strategies.progress import Progress

LONGEST_TASK = 4_096  # characters of a task in the metadata
MOST_LISTED = 3_000_000  # inputs that are listed; more are drawn from the words of the alphabets


def initial_weights(network: Network, seed: int, scale: float) -> dict[str, torch.Tensor]:
    """Float32. Matrices are normal with deviation scale/√(rows), embeddings with scale/√d_model; biases 0, weights of norms 1."""
    generator = torch.Generator().manual_seed(seed)
    found = {}
    for name, (shape, _) in network.shapes().items():
        if name.endswith(".b") or ".b_" in name:
            found[name] = torch.zeros(shape)
        elif name.endswith(".w"):
            found[name] = torch.ones(shape)
        else:
            rows = shape[-1] if "embed." in name and not name.startswith("unembed") else shape[-2]
            found[name] = torch.randn(shape, generator=generator) * scale / rows**0.5
    return found


class Inputs:
    """Random inputs of a task, with their answers."""

    def __init__(self, recipe: Recipe, seed: int) -> None:
        self._task = recipe.task()
        self._rng = np.random.default_rng(seed)
        self._listed: tuple[NDArray[np.int64], NDArray[np.int64]] | None = None
        if self._task.total() <= MOST_LISTED:
            batches = list(self._task.batches(1 << 16))
            self._listed = np.concatenate([tokens for tokens, _ in batches]), np.concatenate([answers for _, answers in batches])

    def draw(self, count: int) -> tuple[torch.Tensor, torch.Tensor]:
        """[count, n_ctx] tokens and [count] answers; fewer where words are no inputs."""
        if self._listed is not None:
            chosen = self._rng.integers(0, len(self._listed[0]), count)
            return torch.from_numpy(self._listed[0][chosen]), torch.from_numpy(self._listed[1][chosen])
        tokens = np.stack([self._rng.choice(np.array(sigma), count) for sigma in self._task.machine.alphabets], axis=1)
        answers = self._task.machine.answers(tokens)
        return torch.from_numpy(tokens[answers >= 0]), torch.from_numpy(answers[answers >= 0])


def train(recipe: Recipe, seed: int, name: str = "training") -> tuple[dict[str, torch.Tensor], float]:
    """Float32 weights, and the last loss. One thread, so that equal runs give equal bytes on one machine."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        weights = {tensor: value.requires_grad_() for tensor, value in initial_weights(recipe.network, seed, recipe.scale).items()}
        inputs = Inputs(recipe, seed)
        optimizer = torch.optim.AdamW(weights.values(), lr=recipe.rate, betas=(0.9, 0.98), weight_decay=recipe.decay, fused=True)
        falling = recipe.steps // 3
        value = torch.zeros(())
        with Progress(name, recipe.steps) as progress:
            for step in range(recipe.steps):
                left = (recipe.steps - step) / falling if falling else 1.0
                optimizer.param_groups[0]["lr"] = recipe.rate * min(1.0, left, (step + 1) / 50)
                tokens, answers = inputs.draw(recipe.batch)
                value = F.cross_entropy(logits(recipe.network, weights, tokens), answers)
                optimizer.zero_grad()
                value.backward()
                optimizer.step()
                progress.step()
    finally:
        torch.set_num_threads(threads)
    return {tensor: tensor_value.detach() for tensor, tensor_value in weights.items()}, float(value.detach())


def metadata(recipe: Recipe, name: str, seed: int, final_loss: float) -> dict[str, str]:
    """What the file says: the network's options and its task (checked), and the recipe (a record)."""
    document = json.dumps(task_document(recipe.task_name, recipe.task_fields), separators=(",", ":"))
    return {
        **recipe.network.metadata(),
        "proofcheck.task": TaskSpec(recipe.task_name, recipe.task_fields).words(),
        **({"task": document} if len(document) <= LONGEST_TASK else {}),  # the recipe has larger tables
        "recipe": name,
        "seed": str(seed),
        "steps": str(recipe.steps),
        "torch": torch.__version__,
        "final_loss": repr(final_loss),
    }


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """RECIPE, --seed, --steps, --output, --force."""
    parser.add_argument("recipe", choices=sorted(RECIPES), help="network and task")
    parser.add_argument("--seed", type=int, default=0, metavar="S", help="seed of weights and data (default 0)")
    parser.add_argument("--steps", type=int, default=0, metavar="N", help="steps instead of the recipe's")
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="default: RECIPE-seed-S.safetensors")
    parser.add_argument("--force", action="store_true", help="replace the file if it exists")


def run(args: argparse.Namespace) -> int:
    """Train and write one network: 0 written, 2 not possible, 130 interrupted."""
    from dataclasses import replace

    recipe = RECIPES[args.recipe]
    recipe = replace(recipe, steps=args.steps) if args.steps > 0 else recipe
    path: Path = args.output or Path(f"{args.recipe}-seed-{args.seed}.safetensors")
    if path.exists() and not args.force:
        print(f"train-network: {path} exists, and certificates may be about it; give another --output, or --force", file=sys.stderr)
        return 2
    start = time.monotonic()
    try:
        weights, final_loss = train(recipe, args.seed, args.recipe)
        save(weights, path, metadata(recipe, args.recipe, args.seed, final_loss))
    except OSError as error:
        print(f"train-network: cannot write {path}: {error.strerror}", file=sys.stderr)
        return 2
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    print(f"{path}: final loss {final_loss:.4g}, {time.monotonic() - start:.1f} s, sha256 {digest}")
    return 0


__all__: list[Any] = ["Inputs", "add_arguments", "initial_weights", "metadata", "run", "train"]
