"""Run the tests against mutants of the checker and print kill rates. See README.md."""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from mutants import Mutant, mutants

ROOT = Path(__file__).resolve().parents[2]
TRUSTED = ("arithmetic", "rules", "kernel.py", "certificate", "tasks", "models")
SECONDS = 240  # a mutant that needs longer than this hangs, which is noticed

# Tests by module, quickest first; every run ends with the soundness tests that cover all.
TESTS = {
    "arithmetic": ["tests/arithmetic", "tests/rules", "tests/soundness"],
    "rules": ["tests/rules", "tests/soundness"],
    "kernel.py": ["tests/test_kernel.py", "tests/certificate", "tests/soundness"],
    "certificate": ["tests/certificate", "tests/test_kernel.py", "tests/soundness"],
    "tasks": ["tests/tasks", "tests/soundness"],
    "models": ["tests/models", "tests/test_kernel.py", "tests/soundness"],
}


def all_mutants() -> list[Mutant]:
    """Every mutant of every trusted file."""
    found = []
    for part in TRUSTED:
        place = ROOT / "proofcheck" / part
        for path in sorted(place.glob("*.py")) if place.is_dir() else [place]:
            found += mutants(str(path.relative_to(ROOT / "proofcheck")), path.read_text())
    return found


def copy_of_tree(folder: Path) -> None:
    """The tracked files as they are in the working tree."""
    names = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout.decode().split("\0")
    for name in filter(None, names):
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / name).is_file():
            shutil.copy2(ROOT / name, target)


def tests_of(path: str, folder: Path) -> list[str]:
    """The test files for a mutant of proofcheck/<path>: first those named after the file."""
    stem = Path(path).stem
    wanted = TESTS[path.split("/")[0]]
    own = [
        str(test.relative_to(folder)) for place in wanted for test in sorted((folder / place).rglob(f"test_{stem}*.py")) if test.is_file()
    ]
    return [*dict.fromkeys([*own, *(place for place in wanted if (folder / place).exists())])]


def survives(mutant: Mutant, folder: Path) -> bool:
    """True if all tests pass with the mutant in place. The process is forked, so imports of the libraries are shared."""
    target = folder / "proofcheck" / mutant.path
    original = target.read_text()
    target.write_text(mutant.source)
    try:
        child = os.fork()
        if child == 0:
            _run_tests(folder, tests_of(mutant.path, folder))
        return _wait(child) == 0
    finally:
        target.write_text(original)


def _run_tests(folder: Path, tests: list[str]) -> None:
    os.setpgid(0, 0)
    os.chdir(folder)
    sys.path[:0] = [str(folder)]
    os.environ["PYTHONPATH"] = str(folder)
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.dup2(null, 2)
    import pytest

    # derandomized: a mutant is killed or not, whatever the day
    code = pytest.main(["-x", "-q", "-p", "no:cacheprovider", "--no-header", "-W", "ignore", *tests])
    os._exit(int(code))


def _wait(child: int) -> int:
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.02)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return 1


def main() -> None:
    """Choose mutants, run them, print rates and survivors."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="*", help="only these files (relative to proofcheck/)")
    parser.add_argument("--list", action="store_true", help="count the mutants and stop")
    parser.add_argument("--sample", type=int, help="this many, drawn at random")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--log", type=Path, help="append one JSON line for each mutant; mutants already in it are skipped")
    options = parser.parse_args()
    chosen = [mutant for mutant in all_mutants() if not options.files or mutant.path in options.files]
    if options.list:
        for part, number in Counter(mutant.path for mutant in chosen).items():
            print(f"{number:6} {part}")
        print(f"{len(chosen):6} in all")
        return
    if options.sample is not None:
        chosen = sorted(random.Random(options.seed).sample(chosen, min(options.sample, len(chosen))), key=lambda mutant: mutant.path)
    _preload()
    results: list[tuple[Mutant, bool]] = []
    known = _known(options.log)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        copy_of_tree(folder)
        for mutant in chosen:
            key = mutant.key
            alive = known[key] if key in known else survives(mutant, folder)
            results.append((mutant, alive))
            if options.log and key not in known:
                with options.log.open("a") as log:
                    log.write(json.dumps({"mutant": key, "survives": alive}) + "\n")
            if alive:
                print(f"survivor {key}", flush=True)
    _print_rates(results)


def _known(log: Path | None) -> dict[str, bool]:
    if log is None or not log.exists():
        return {}
    rows = [json.loads(line) for line in log.read_text().splitlines()]
    return {row["mutant"]: row["survives"] for row in rows}


def _preload() -> None:
    """Import what every test imports, once, so that a fork starts warm. Nothing of proofcheck."""
    import flint  # noqa: F401
    import hypothesis
    import mpmath  # noqa: F401
    import numpy  # noqa: F401
    import pytest  # noqa: F401

    sys.dont_write_bytecode = True
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    hypothesis.settings.register_profile("mutation", derandomize=True, database=None)
    hypothesis.settings.load_profile("mutation")


def _print_rates(results: list[tuple[Mutant, bool]]) -> None:
    print(f"{'module':14} {'mutants':>8} {'killed':>8} {'rate':>7}")
    for part in TRUSTED:
        verdicts = [alive for mutant, alive in results if mutant.path.split("/")[0] == part]
        if verdicts:
            killed = verdicts.count(False)
            print(f"{part:14} {len(verdicts):8} {killed:8} {100 * killed / len(verdicts):6.1f}%")


if __name__ == "__main__":
    main()
