"""`python -m strategies train max-of-k`: train a model with the published recipe and write it down."""

from __future__ import annotations

import argparse
import hashlib
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError

from strategies.models.load import ModelError, load
from strategies.models.metadata import described, read_metadata, task_words
from strategies.models.recipe import (
    BATCH,
    BETAS,
    LEARNING_RATE,
    WEIGHT_DECAY,
    Recipe,
    Weights,
    initial_weights,
    last_logits,
    loss,
    training_tokens,
)
from strategies.models.save import save
from strategies.progress import Progress

MATRICES = ("W_E", "W_pos", "W_Q", "W_O", "W_K", "W_V", "W_U")


@dataclass(frozen=True, slots=True)
class Trained:
    """`weights`: float32 CPU tensors by state-dict name. `final_loss`: nats, last batch. `seconds`: wall time."""

    weights: Weights
    final_loss: float
    seconds: float


def train(recipe: Recipe, device: str = "cpu") -> Trained:
    """Run `recipe` from its initial weights through all its steps.

    On the CPU the result depends on the recipe, the torch release and the processor's instruction set only: one
    thread is used whatever the machine has. On CUDA initial weights and data are the same, rounding is not.
    Source: published-strategies.md 1.2. Errors: what torch raises when `device` is missing.
    """
    started = time.monotonic()
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # sums split over threads round differently
    try:
        weights, final_loss = _loop(recipe, device)
    finally:
        torch.set_num_threads(threads)
    return Trained({n: w.detach().cpu() for n, w in weights.items()}, final_loss, time.monotonic() - started)


def _loop(recipe: Recipe, device: str) -> tuple[Weights, float]:
    weights = {name: tensor.to(device) for name, tensor in initial_weights(recipe).items()}
    trained = [w for name, w in weights.items() if recipe.biases or name.rpartition(".")[2] in MATRICES]
    for weight in trained:
        weight.requires_grad_()
    optimizer = torch.optim.AdamW(trained, lr=LEARNING_RATE, betas=BETAS, weight_decay=WEIGHT_DECAY, fused=True)
    tokens = training_tokens(recipe).to(device)
    with Progress(recipe.name, recipe.steps) as progress:
        for batch in tokens.split(BATCH):
            value = loss(last_logits(weights, batch), batch)
            optimizer.zero_grad()
            value.backward()
            optimizer.step()
            progress.step()
    return weights, value.item()


def metadata(recipe: Recipe, trained: Trained) -> dict[str, str]:
    """The record kept in the file's header: what the network is and how it was made. No clock time, so equal runs give equal bytes."""
    return described(task_words(recipe.n_ctx, recipe.d_vocab)) | {
        "recipe": "max-of-k",
        "seed": str(recipe.seed),
        "n_ctx": str(recipe.n_ctx),
        "d_vocab": str(recipe.d_vocab),
        "steps": str(recipe.steps),
        "biases": "trained" if recipe.biases else "zero",
        "torch": torch.__version__,
        "final_loss": repr(trained.final_loss),
    }


def is_of(path: Path, recipe: Recipe) -> bool:
    """Whether there is a whole weight file that says it was trained by this recipe."""
    try:
        said = read_metadata(path)
        model = load(path)
    except (OSError, SafetensorError, ModelError):
        return False
    expected = {
        "recipe": "max-of-k",
        "seed": recipe.seed,
        "n_ctx": recipe.n_ctx,
        "d_vocab": recipe.d_vocab,
        "steps": recipe.steps,
        "biases": "trained" if recipe.biases else "zero",
    }
    return model.d_model == recipe.d_model and all(said.get(key) == str(value) for key, value in expected.items())


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `train` to `parser`; its namespace is what `run` takes."""
    add_recipe_arguments(parser)
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        metavar="FILE",
        help="default: here, max-of-K-seed-S.safetensors; other options join the name",
    )
    parser.add_argument("--force", action="store_true", help="replace the file if it exists; certificates name it by its digest")
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu", help="default cpu, which is reproducible")


def add_recipe_arguments(parser: argparse.ArgumentParser) -> None:
    """The task and what decides a training run; `recipe_of` reads them."""
    parser.add_argument("task", choices=["max-of-k"], help="the task to train for")
    parser.add_argument("--n-ctx", type=_at_least(1), required=True, metavar="K", help="sequence length")
    parser.add_argument("--seed", type=_at_least(0), required=True, metavar="S", help="seed of weights and data")
    parser.add_argument("--d-vocab", type=_at_least(2), default=64, metavar="V", help="vocabulary size (default 64)")
    parser.add_argument("--steps", type=_at_least(1), default=3000, metavar="N", help="batches of 128 (default 3000)")
    parser.add_argument("--biases", action="store_true", help="train all five biases too (the recipe keeps them 0)")


def recipe_of(args: argparse.Namespace) -> Recipe:
    """The recipe that the options stand for."""
    return Recipe(args.n_ctx, args.seed, args.d_vocab, args.steps, args.biases)


def run(args: argparse.Namespace) -> int:
    """Train and write one model. Returns the exit code: 0 written, 2 not possible, 130 interrupted (no file)."""
    recipe = recipe_of(args)
    device = "" if args.device == "cpu" else f"-{args.device}"
    path: Path = args.output or Path(f"{recipe.name}{device}.safetensors")
    problem = _problem(path, args.device, force=args.force)
    if problem:
        print(f"train: {problem}", file=sys.stderr)
        return 2
    try:
        trained = train(recipe, args.device)
        save(trained.weights, path, metadata(recipe, trained))
    except KeyboardInterrupt:
        print(f"train: interrupted; {path} was not written", file=sys.stderr)
        return 130
    except OSError as error:
        print(f"train: cannot write {path}: {error.strerror}", file=sys.stderr)
        return 2
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    print(f"{path}: final loss {trained.final_loss:.4g}, {trained.seconds:.1f} s, sha256 {digest}")
    return 0


def main(argv: list[str] | None = None) -> int:
    """Parse `argv` (the process's own when None) and `run`; usage errors exit with 2, as argparse does."""
    parser = argparse.ArgumentParser(prog="python -m strategies train", description=__doc__)
    add_arguments(parser)
    return run(parser.parse_args(argv))


def _problem(path: Path, device: str, *, force: bool) -> str:
    """Why this run would fail at its end, said before it starts; empty when nothing is known."""
    if not os.access(path.parent, os.W_OK | os.X_OK) or not path.parent.is_dir():
        return f"cannot write into the folder {path.parent}; create it or give another --output"
    if path.is_dir():
        return f"{path} is a folder; --output names a file"
    if os.path.lexists(path) and not force:
        return f"{path} exists, and certificates may be about it; give another --output, or --force to replace it"
    if device == "cuda" and not torch.cuda.is_available():
        return "this torch sees no CUDA device; leave out --device cuda to train on the CPU"
    return ""


def _at_least(least: int) -> Callable[[str], int]:
    def integer(text: str) -> int:
        value = int(text)
        if value < least:
            raise argparse.ArgumentTypeError(f"must be at least {least}, not {value}")
        return value

    return integer
