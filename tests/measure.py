"""Which tests `make quick` leaves out: `python tests/measure.py` runs all tests, one after another, and writes tests/slow_tests.txt.

Left out are whole files that cannot be collected without torch, distributed or playwright; tests that fail without them; tests above
0.15 s of processor time, children included; and functions above 5 s in all their cases, but for the corpus of refused certificates.
`--seconds FILE` takes the seconds of an earlier run (the plugin `cpu_seconds`) instead of a new one.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

TESTS = Path(__file__).resolve().parent
LIST = TESTS / "slow_tests.txt"
HEAVY = "torch,distributed,playwright"
TEST, FUNCTION = 0.15, 5.0  # processor seconds
KEPT = "tests/soundness/test_corpus.py::test_rejected_files_end_in_the_code_of_their_folder"
HEAD = "# Written by `python tests/measure.py`, which says what is in it: files, functions and cases that `make quick` leaves out.\n"


def pytest(*arguments: str, log: Path, without: str = "") -> str:
    """Standard output of one run; the seconds of its tests are appended to `log`."""
    environment = {**os.environ, "CPU_SECONDS": str(log), "WITHOUT": without, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    environment["PYTHONPATH"] = str(TESTS)
    command = [sys.executable, "-m", "pytest", "-p", "cpu_seconds", "-p", "no:cacheprovider", *arguments]
    return subprocess.run(command, cwd=TESTS.parent, env=environment, stdout=subprocess.PIPE, text=True, check=False).stdout


def ids(output: str, words: str) -> set[str]:
    """Of the lines `ERROR tests/…` or `FAILED tests/… - why` of a summary."""
    return set(re.findall(rf"^{words} (tests/.*?)(?: - .*)?$", output, re.MULTILINE))


def heavy(log: Path) -> set[str]:
    """Files that cannot be collected without the heavy packages. A file that skips itself is found by its words."""
    output = pytest("--collect-only", "-qq", "--continue-on-collection-errors", "-rs", log=log, without=HEAVY)
    skipped = re.findall(r"^SKIPPED \[\d+\] (tests/[\w/]+\.py)", output, re.MULTILINE)
    return ids(output, "ERROR") | set(skipped)


def slow(log: Path) -> set[str]:
    """Tests, and whole functions, by their seconds."""
    seconds = {row["id"]: row["seconds"] for row in map(json.loads, log.read_text().splitlines())}
    functions: Counter[str] = Counter()
    for test, spent in seconds.items():
        functions[test.partition("[")[0]] += spent
    large = {name for name, spent in functions.items() if spent > FUNCTION and name != KEPT}
    return large | {test for test, spent in seconds.items() if spent > TEST and test.partition("[")[0] not in large}


def write(entries: set[str]) -> None:
    LIST.write_text(HEAD + "".join(f"{entry}\n" for entry in sorted(entries)), encoding="utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=Path, metavar="FILE")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        nothing, log = Path(folder) / "collected", options.seconds or Path(folder) / "seconds"
        if options.seconds is None:
            pytest(log=log)
        files = heavy(nothing)
        entries = files | {entry for entry in slow(log) if entry.partition("::")[0] not in files}
        write(entries)
        write(entries | ids(pytest("-m", "not slow", log=nothing, without=HEAVY), "(?:FAILED|ERROR)"))
    print(f"{LIST.name}: {len(LIST.read_text().splitlines()) - 1} entries")
    return 0


if __name__ == "__main__":
    sys.exit(main())
