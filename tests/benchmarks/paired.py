"""proofcheck beside torch float32 programs that count the same, paired: `python tests/benchmarks/paired.py [--runs N] [--part N]`.

All programs run in turn, each in a process of its own on one core, N rounds (A B C, A B C, …) after one that is not counted. A ratio is
the median over rounds of the quotient within the round, so that a drift of the machine cancels. CPU seconds, user + system:
"process" of the whole process with its imports, "alone" of the computation (for proofcheck: verification, files and digests included).
Forward passes run every PART-th batch of inputs and are scaled. The programs are tests/benchmarks/float32_programs.py; none of them proves
anything. Every count is compared with the certificate's claim.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
STEM = "max-of-4-seed-123"
MODEL = ROOT / "certificates" / "models" / f"{STEM}.safetensors"
PROGRAMS = Path(__file__).with_name("float32_programs.py")
VERIFY = """
import json, sys, time
import flint, numpy, proofcheck, proofcheck.verification
start = time.process_time()
report = proofcheck.verify(sys.argv[1])
report.raise_for_verdict()
print(json.dumps({"count": report.proved, "seconds": time.process_time() - start}))
"""


@dataclass
class Program:
    """One program and its CPU seconds, an entry a round. scale: the inverse of the share of inputs that it looks at."""

    name: str
    command: list[str]
    expected: int
    scale: int = 1
    process: list[float] = field(default_factory=list)
    alone: list[float] = field(default_factory=list)

    def run(self) -> None:
        """Run once and record. RuntimeError if it fails or counts something else."""
        before = os.times()
        done = subprocess.run(self.command, cwd=ROOT, capture_output=True, text=True, check=True)
        after = os.times()
        found = json.loads(done.stdout)
        if self.scale == 1 and found["count"] != self.expected:
            raise RuntimeError(f"{self.name} counts {found['count']}, the certificate {self.expected}")
        whole = after.children_user + after.children_system - before.children_user - before.children_system
        self.alone.append(found["seconds"] * self.scale)
        self.process.append(whole + found["seconds"] * (self.scale - 1))


def programs(part: int) -> list[Program]:
    """The certificates, then the float32 programs."""
    found, claims = [], {}
    for name in ("brute-force", "exact", "cubic"):
        path = ROOT / "certificates" / "accept" / f"{STEM}--{name}.json"
        claims[name] = next(iter(json.loads(path.read_text())["claim"].values()))["correct"]
        found.append(Program(f"proofcheck {name}", [sys.executable, "-c", VERIFY, str(path)], claims[name]))
    for name, certificate, scale in (
        ("published brute force", "brute-force", part),
        ("lean brute force", "brute-force", part),
        ("separable brute force", "brute-force", 1),
        ("separable exact", "exact", 1),
        ("cubic, one class at a time", "cubic", 1),
        ("cubic, vectorised", "cubic", 1),
    ):
        command = [sys.executable, str(PROGRAMS), name, str(MODEL), str(scale)]
        found.append(Program(name, command, claims[certificate], scale))
    return found


COMPARISONS = (
    ("published brute force", "proofcheck brute-force", "the published way to count ÷ the rigorous count"),
    ("published brute force", "proofcheck exact", "the same ÷ the rigorous count that looks at few sequences"),
    ("lean brute force", "proofcheck brute-force", "a forward pass without waste ÷ the rigorous count"),
    ("lean brute force", "proofcheck exact", ""),
    ("cubic, one class at a time", "proofcheck cubic", "the published cubic proof in its own order of loops ÷ the rigorous one"),
    ("cubic, vectorised", "proofcheck cubic", "the same formula, vectorised ÷ the rigorous one"),
    ("lean brute force", "separable brute force", "what the algorithm gains, both in float32: separable sums for forward passes"),
    ("lean brute force", "separable exact", "… and minima over blocks before sums"),
    ("proofcheck brute-force", "separable brute force", "what rigour costs: the same algorithm"),
    ("proofcheck exact", "separable exact", "… for the exact count"),
    ("proofcheck cubic", "cubic, vectorised", "… for the cubic proof"),
)


def ratio(above: list[float], below: list[float]) -> str:
    """The median of the quotients within rounds, and their range."""
    quotients = [a / b for a, b in zip(above, below, strict=True)]
    return f"{statistics.median(quotients):.3g} ({min(quotients):.3g}–{max(quotients):.3g})"


def main() -> None:
    """Measure and print two Markdown tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--part", type=int, default=16, help="forward passes of every PART-th batch (default: 16)")
    options = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"
    os.environ["PYTHONPATH"] = str(ROOT)
    found = programs(options.part)
    for turn in range(options.runs + 1):
        for program in found:
            program.run()
            if turn == 0:
                program.process, program.alone = [], []
        print(f"round {turn} of {options.runs}", file=sys.stderr, flush=True)
    print("| program | CPU s, process | CPU s, alone |\n|---|---:|---:|")
    for program in found:
        print(f"| {program.name} | {statistics.median(program.process):.2f} | {statistics.median(program.alone):.3f} |")
    by_name = {program.name: program for program in found}
    print("\n| what | ÷ | process | alone | |\n|---|---|---:|---:|---|")
    for above, below, words in COMPARISONS:
        a, b = by_name[above], by_name[below]
        print(f"| {above} | {below} | {ratio(a.process, b.process)} | {ratio(a.alone, b.alone)} | {words} |")


if __name__ == "__main__":
    main()
