"""Whole-process times, side by side in one run: `python tests/benchmarks/run.py [--runs N]`.

Each row is a command; its figures are medians over N runs taken in turn (A B C, A B C, …), so that a drift of the machine hits all alike.
Ratios are to the start-up of Python with numpy and flint, and, for the brute-force row, to float32 forward passes over the same inputs with
torch, measured on a slice of them in the same run and scaled. CPU seconds are user + system of the finished process; memory is its peak
resident set.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from strategies.write import file_of

ROOT = Path(__file__).resolve().parents[2]
ACCEPT = ROOT / "certificates" / "accept"
SLICES = 8  # the float32 baseline runs 1/8 of the sequences

FLOAT32 = f"""
import itertools, torch
from strategies.models.load import load
from strategies.models.forward import logits
torch.set_num_threads(1)
model = load("certificates/models/max-of-4-seed-123.safetensors")
model = type(model)(**{{name: getattr(model, name).float() for name in model.__dataclass_fields__}})
d, n = model.d_vocab, model.n_ctx
free = torch.cartesian_prod(*[torch.arange(d)] * (n - 1))
right = 0
with torch.no_grad():
    for first in range(0, d, {SLICES}):
        tokens = torch.cat([torch.full((len(free), 1), first), free], 1)
        for batch in tokens.split(4096):
            right += int((logits(model, batch).argmax(-1) == batch.max(-1).values).sum())
"""


@dataclass
class Row:
    """One command and its figures, a list entry a run."""

    name: str
    command: list[str]
    scale: float = 1.0

    def __post_init__(self) -> None:
        self.cpu: list[float] = []
        self.wall: list[float] = []
        self.memory: list[int] = []

    def run(self) -> None:
        """Run once, whole process, and record."""
        start = time.perf_counter()
        process = subprocess.Popen(self.command, cwd=ROOT, stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        if status != 0:
            raise RuntimeError(f"{self.name} failed: {self.command}")
        self.wall.append(time.perf_counter() - start)
        self.cpu.append(usage.ru_utime + usage.ru_stime)
        self.memory.append(usage.ru_maxrss * 1024)


def rows(names: list[str]) -> list[Row]:
    """The start-up baseline, `--version`, the certificates, and the float32 baseline if torch is installed."""
    python = sys.executable
    result = [
        Row("start-up: import numpy, flint", [python, "-c", "import numpy, flint"]),
        Row("proofcheck --version", [python, "-I", "-m", "proofcheck", "--version"]),
    ]
    verify = [python, "-I", "-m", "proofcheck", "verify", "--quiet"]
    result += [Row(f"verify {name}", [*verify, str(file_of(ACCEPT, name))]) for name in names]
    if find_spec("torch") is None:  # not imported here: a child's peak memory starts from its parent's
        return result
    return [
        *result,
        Row("float32 start-up: import torch", [python, "-c", "import torch, strategies.models.forward"]),
        Row(f"float32 forward passes, 1/{SLICES} of 64^4", [python, "-c", FLOAT32]),
    ]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument(
        "certificates", nargs="*", help="names in certificates/accept (default: brute force and cubic of the reference model)"
    )
    options = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"
    os.environ["PYTHONPATH"] = str(ROOT)
    names = options.certificates or ["max-of-4-seed-123--brute-force", "max-of-4-seed-123--cubic"]
    table = rows(names)
    for turn in range(options.runs + 1):  # the first turn warms the caches and is not counted
        for row in table:
            row.run()
            if turn == 0:
                row.cpu, row.wall, row.memory = [], [], []
    base = statistics.median(table[0].cpu)
    print(f"{'command':60} {'cpu s':>7} {'wall s':>7} {'MB':>6} {'x start-up':>10}")
    for row in table:
        cpu, wall = statistics.median(row.cpu), statistics.median(row.wall)
        print(f"{row.name:60} {cpu:7.2f} {wall:7.2f} {max(row.memory) / 1e6:6.0f} {cpu / base:10.2f}")
    by_name = {row.name: statistics.median(row.cpu) for row in table}
    brute = by_name.get("verify max-of-4-seed-123--brute-force")
    float32 = by_name.get(f"float32 forward passes, 1/{SLICES} of 64^4")
    if brute and float32:
        whole = (float32 - by_name["float32 start-up: import torch"]) * SLICES
        words = f"{whole:.0f} s, scaled from the slice; rigorous count {brute:.2f} s, ratio {whole / brute:.1f}"
        print(f"float32 forward passes of all 64^4 sequences: {words}")


if __name__ == "__main__":
    main()
