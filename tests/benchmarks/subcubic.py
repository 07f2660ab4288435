"""Seconds of the 102 published strategies for the reference model: `python tests/benchmarks/subcubic.py [--runs N] [--skip-each]`.

Prints wall and CPU seconds (user + system of the finished processes): `proofcheck verify` of each certificate in a process of its own, of
all in one process and with two, and `strategies sweep` of the 100 sub-cubic ones into an empty folder, search and emit apart from check.
Medians over N runs; for single certificates median and largest over the strategies. Ratios are to the start of Python with numpy and flint.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from strategies.write import certificate_files, file_of

ROOT = Path(__file__).resolve().parents[2]
MODEL = ROOT / "certificates" / "models" / "max-of-4-seed-123.safetensors"
ACCEPT = ROOT / "certificates" / "accept"
CERTIFICATES = [
    *(file_of(ACCEPT, f"{MODEL.stem}--{name}") for name in ("brute-force", "cubic")),
    *(path for path in certificate_files([ACCEPT]) if path.name.startswith(f"{MODEL.stem}--subcubic--")),
]
VERIFY = [sys.executable, "-I", "-m", "proofcheck", "verify", "--quiet"]


def seconds(command: list[str]) -> tuple[float, float, str]:
    """Wall seconds, CPU seconds and stdout of one finished process tree."""
    before, start = os.times(), time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT, env={**os.environ, "OMP_NUM_THREADS": "1"})
    wall, after = time.perf_counter() - start, os.times()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return wall, cpu, done.stdout


def row(what: str, walls: list[float], cpus: list[float]) -> None:
    """One line: medians, and the largest."""
    print(
        f"{what:56} wall {statistics.median(walls):6.2f} (largest {max(walls):6.2f})   "
        f"cpu {statistics.median(cpus):6.2f} (largest {max(cpus):6.2f})",
        flush=True,
    )


def sweep() -> tuple[float, float, float, float]:
    """(wall, CPU, seconds of search and emit, seconds of check) of one sweep of the sub-cubic strategies with two processes."""
    with tempfile.TemporaryDirectory() as folder:
        model = shutil.copy(MODEL, folder)
        command = [sys.executable, "-m", "strategies", "sweep", model, "-o", folder, "--strategies", "subcubic--*", "--jobs", "2"]
        wall, cpu, out = seconds(command)
    found = re.search(r"search and emit ([\d.]+) s, check ([\d.]+) s", out)
    if found is None or "100 certificates written" not in out:
        raise RuntimeError(out)
    return wall, cpu, float(found[1]), float(found[2])


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--skip-each", action="store_true", help="not each certificate in its own process")
    options = parser.parse_args()
    print(f"{len(CERTIFICATES)} certificates, load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    bare = [seconds([sys.executable, "-c", "import numpy, flint"])[:2] for _ in range(options.runs)]
    row("python with numpy and flint", [wall for wall, _ in bare], [cpu for _, cpu in bare])
    if not options.skip_each:
        each = [seconds([*VERIFY, str(path)])[:2] for path in CERTIFICATES[1:]]
        row("verify, each but brute force, whole process", [wall for wall, _ in each], [cpu for _, cpu in each])
        start = statistics.median(cpu for _, cpu in bare)
        print(f"{'':56} median is {statistics.median(cpu for _, cpu in each) / start:.1f} starts of Python in CPU time")
    for what, jobs in (("verify all, one process", "1"), ("verify all, --jobs 2", "2")):
        runs = [seconds([*VERIFY, "--jobs", jobs, *map(str, CERTIFICATES)])[:2] for _ in range(options.runs)]
        row(what, [wall for wall, _ in runs], [cpu for _, cpu in runs])
    sweeps = [sweep() for _ in range(options.runs)]
    row("sweep of the 100, two processes", [run[0] for run in sweeps], [run[1] for run in sweeps])
    print(f"{'  of this search and emit':56} wall {statistics.median(run[2] for run in sweeps):6.2f}")
    print(f"{'  of this check':56} wall {statistics.median(run[3] for run in sweeps):6.2f}")


if __name__ == "__main__":
    main()
