"""Three checkers on the same certificates: proofcheck, the second checker, the verified program.

    python -m tests.verified_checker.agreement [--models N] [CERT ...]

The verified program must never prove more than the second checker's theorem over the reals, nor than the count of all sequences.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from strategies.max_of_k.strategy import Problem
from tests.second_checker.both import Comparison, compare
from tests.second_checker.drafts import write_certificate
from tests.second_checker.random_models import write_model

PROGRAM = Path(__file__).parent / "build" / "checker"
STRATEGIES = ("brute-force", "cubic", "separable-minimum", "separable-counting")
LINE = re.compile(r"^(?:not )?verified proved (\d+) of (\d+), claimed (\d+)$")


@dataclass(frozen=True)
class Agreement:
    """What the three said of one certificate. verified: the count of the verified program, or why it gave none."""

    name: str
    comparison: Comparison
    verified: int | str

    @property
    def false(self) -> bool:
        """More than the theorem over the reals allows: one of the two is wrong."""
        most = self.comparison.bounds.get("proved", (-1, -1))[1]
        return isinstance(self.verified, int) and 0 <= most < self.verified

    @property
    def kind(self) -> str:
        """false, declined, unknown (proofcheck or the second checker gave no count), equal, more or less than proofcheck."""
        if self.false:
            return "false"
        if not isinstance(self.verified, int):
            return "declined"
        if not self.comparison.counted:
            return "unknown"
        count = self.comparison.count
        return "equal" if self.verified == count else "more" if self.verified > count else "less"


def verified_count(path: Path) -> int | str:
    """The verified program's count, or its reason for none."""
    done = subprocess.run([str(PROGRAM), str(path)], capture_output=True, text=True, check=False)
    line = done.stdout.strip()
    if found := LINE.match(line):
        return int(found[1])
    return line or done.stderr.strip() or f"exit status {done.returncode}"


def agreement(path: Path) -> Agreement:
    return Agreement(path.name, compare(path), verified_count(path))


def random_agreements(folder: Path, seeds: range) -> Iterator[Agreement]:
    """Certificates of the four strategies for random small models."""
    for seed in seeds:
        weights = folder / f"{seed}.safetensors"
        write_model(weights, seed)
        for strategy in STRATEGIES:
            path = folder / f"{seed}-{strategy}.json"
            write_certificate(Problem(weights), strategy, path)
            yield agreement(path)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.verified_checker.agreement")
    parser.add_argument("certificates", nargs="*", type=Path)
    parser.add_argument("--models", type=int, default=0, help="random small models, four certificates each")
    options = parser.parse_args()
    kinds: Counter[str] = Counter()
    for path in options.certificates:
        found = verified_count(path)
        print(f"{path.name}: {found}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        for found in random_agreements(Path(folder), range(options.models)):
            kinds[found.kind] += 1
            if found.kind not in ("equal", "unknown"):
                print(f"{found.name}: {found.kind}: verified program {found.verified}, {found.comparison}", flush=True)
    print(", ".join(f"{kind} {number}" for kind, number in sorted(kinds.items())))
    return 1 if kinds["false"] else 0


if __name__ == "__main__":
    sys.exit(main())
