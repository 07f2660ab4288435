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
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from coverage_map import CoverageMap, record
from mutants import Mutant, mutants

ROOT = Path(__file__).resolve().parents[2]
TRUSTED = (
    "arithmetic",
    "rules",
    "claims",
    "kernel.py",
    "frame.py",
    "catalogue.py",
    "kinds.py",
    "memo.py",
    "verification.py",
    "certificate",
    "tasks",
    "models",
)
HANGS = 20.0  # seconds; a test that needs longer than this and ten times its usual time hangs, which is noticed
FIRST = 1.5, 3  # seconds and files of the first stage: most mutants die in it, and it collects little
MEMORY = 6 << 30  # bytes of address space for one mutant: more is noticed as well
ARGUMENTS = ["-x", "-q", "--no-header", "--assert=plain", "-p", "no:cacheprovider", "-W", "ignore"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """killer: the id of the test that failed, "" if there is none (a hang, an import error). tests: how many were chosen."""

    mutant: str
    survives: bool
    killer: str
    tests: int


def all_mutants() -> list[Mutant]:
    """Every mutant of every trusted file."""
    found: list[Mutant] = []
    for part in TRUSTED:
        place = ROOT / "proofcheck" / part
        for path in sorted(place.rglob("*.py")) if place.is_dir() else [place]:
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


class Choice:
    """Which tests a mutant meets, in which order: those that killed its neighbours, one case of each test, a second, …"""

    def __init__(self, covered: CoverageMap, budget: float) -> None:
        self.covered = covered
        self.budget = budget
        self.kills: dict[str, Counter[str]] = {}

    def tests_of(self, mutant: Mutant) -> list[str]:
        """Tests that run the changed line, up to `budget` seconds (by the baseline's clock) of them."""
        seconds = self.covered.seconds
        kills = self.kills.setdefault(mutant.path, Counter())
        tests = sorted(self.covered.tests_of(mutant.path, mutant.statement), key=seconds.__getitem__)
        seen: Counter[str] = Counter()
        rank = {}
        for test in tests:
            function = test.split("[")[0]
            rank[test] = seen[function]
            seen[function] += 1
        own = f"tests/{mutant.path.split('/')[0]}/", f"tests/test_{Path(mutant.path).stem}"
        order = sorted(tests, key=lambda test: (-kills[test], (1 + rank[test]) * seconds[test] * (1 if test.startswith(own) else 5)))
        chosen: list[str] = []
        total = 0.0
        for test in order:
            total += seconds[test]
            if total > self.budget and chosen:
                break
            chosen.append(test)
        return chosen

    def stages_of(self, mutant: Mutant) -> list[list[str]]:
        """The same tests in two lots: a quick one out of few files, and the others."""
        tests = self.tests_of(mutant)
        seconds, files = FIRST
        spent, seen, end = 0.0, set(), 0
        for end, test in enumerate(tests):
            spent += self.covered.seconds[test]
            seen.add(test.split("::")[0])
            if end and (spent > seconds or len(seen) > files):
                break
        else:
            end = len(tests)
        return [lot for lot in (tests[:end], tests[end:]) if lot]

    def learn(self, mutant: Mutant, outcome: Outcome) -> None:
        """Remember the killer for the mutants that follow in the same file."""
        if outcome.killer:
            self.kills.setdefault(mutant.path, Counter())[outcome.killer] += 1


class ChosenTests:
    """A pytest plugin: only the chosen tests, in the chosen order, each with an alarm; the first failure goes into a file."""

    def __init__(self, tests: list[str], seconds: dict[str, float], killer: Path) -> None:
        self.place = {test: number for number, test in enumerate(tests)}
        self.seconds = seconds
        self.killer = killer

    def pytest_sessionstart(self) -> None:
        """No shrinking: whether a test fails is all that is asked."""
        import hypothesis
        from hypothesis import Phase

        profile = hypothesis.settings.get_current_profile_name()
        parent = hypothesis.settings.get_profile(profile)
        hypothesis.settings.register_profile("mutation", parent, phases=[Phase.explicit, Phase.generate])
        hypothesis.settings.load_profile("mutation")

    def pytest_collection_modifyitems(self, items: list[object]) -> None:
        """Choose and order."""
        items[:] = sorted((item for item in items if item.nodeid in self.place), key=lambda item: self.place[item.nodeid])

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """The alarm's default action ends the process, whatever it is doing."""
        signal.setitimer(signal.ITIMER_REAL, max(HANGS, 10 * self.seconds[nodeid]))

    def pytest_runtest_logreport(self, report: object) -> None:
        """Name the killer."""
        if report.failed:
            self.killer.write_text(report.nodeid)


class Worker:
    """One copy of the tree, one mutant at a time. The process is forked, so imports of the libraries are shared."""

    def __init__(self, folder: Path, seconds: dict[str, float]) -> None:
        self.folder = folder
        self.seconds = seconds
        self.killer = folder / "killer"
        self.mutant: Mutant | None = None
        self.original = ""
        self.child = 0
        self.stages: list[list[str]] = []
        self.tests = 0

    def start(self, mutant: Mutant, stages: list[list[str]]) -> None:
        """Put the mutant in place and run the tests, one lot after another."""
        self.mutant, self.stages = mutant, stages
        self.tests = sum(map(len, stages))
        self.killer.unlink(missing_ok=True)
        target = self.folder / "proofcheck" / mutant.path
        self.original = target.read_text()
        target.write_text(mutant.source())
        self._next_stage()

    def _next_stage(self) -> None:
        tests = self.stages.pop(0)
        self.child = os.fork()
        if self.child == 0:
            self._run_tests(tests)

    def _run_tests(self, tests: list[str]) -> None:
        _enter(self.folder)
        import resource

        import pytest

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        signal.setitimer(signal.ITIMER_REAL, 3 * HANGS)  # for the collection
        files = dict.fromkeys(test.split("::")[0] for test in tests)
        code = pytest.main([*ARGUMENTS, *files], plugins=[ChosenTests(tests, self.seconds, self.killer)])
        os._exit(int(code))

    def finished(self) -> Outcome | None:
        """The outcome, once; None while the tests run."""
        assert self.mutant is not None
        done, status = os.waitpid(self.child, os.WNOHANG)
        if not done:
            return None
        survives = os.WIFEXITED(status) and os.WEXITSTATUS(status) == 0
        if survives and self.stages:
            self._next_stage()
            return None
        (self.folder / "proofcheck" / self.mutant.path).write_text(self.original)
        killer = self.killer.read_text() if self.killer.exists() else ""
        outcome = Outcome(self.mutant.key, survives, killer, self.tests)
        self.mutant = None
        return outcome


def _enter(folder: Path) -> None:
    os.chdir(folder)
    sys.path[:0] = [str(folder)]
    os.environ["PYTHONPATH"] = str(folder)
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.dup2(null, 2)


def run(chosen: Iterable[Mutant], workers: list[Worker], choice: Choice) -> Iterator[tuple[Mutant, Outcome]]:
    """Run all mutants; yield each with its outcome as it ends."""
    waiting = iter(chosen)
    busy: dict[int, Mutant] = {}
    exhausted = False
    while True:
        for number, worker in enumerate(workers):
            if number in busy:
                outcome = worker.finished()
                if outcome is None:
                    continue
                mutant = busy.pop(number)
                choice.learn(mutant, outcome)
                yield mutant, outcome
            mutant = None if exhausted else next(waiting, None)
            if mutant is None:
                exhausted = True
                continue
            busy[number] = mutant
            worker.start(mutant, choice.stages_of(mutant))
        if exhausted and not busy:
            return
        time.sleep(0.01)


def main() -> None:
    """Choose mutants, run them, print rates and survivors."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="*", help="only these files and folders (relative to proofcheck/)")
    parser.add_argument("--list", action="store_true", help="count the mutants and stop")
    parser.add_argument("--sample", type=int, help="this many, drawn at random")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--budget", type=float, default=20.0, help="seconds of tests for each mutant (default 20)")
    parser.add_argument("--map", type=Path, default=Path("coverage-map.json"), help="which test runs which line; made if it is not there")
    parser.add_argument(
        "--measure",
        nargs="*",
        metavar="TEST",
        help="test files or folders of which the map is made anew; without a map, it is made of these alone",
    )
    parser.add_argument("--constants", action="store_true", help="instead: integers made one larger")
    parser.add_argument("--log", type=Path, help="append one JSON line for each mutant; mutants already in it are not run again")
    parser.add_argument("--again", action="store_true", help="with --log: run those again that survived")
    options = parser.parse_args()
    if unknown := _unknown(options.files):
        parser.error(f"no such file or folder in proofcheck/: {', '.join(unknown)}")
    chosen = [
        mutant
        for mutant in all_mutants()
        if (not options.files or _is_in(mutant.path, options.files)) and mutant.is_constant == options.constants
    ]
    if options.list:
        for part, number in Counter(mutant.path for mutant in chosen).items():
            print(f"{number:6} {part}")
        print(f"{len(chosen):6} in all")
        return
    if options.sample is not None:
        chosen = sorted(random.Random(options.seed).sample(chosen, min(options.sample, len(chosen))), key=lambda mutant: mutant.path)
    _preload()
    with tempfile.TemporaryDirectory() as name:
        folders = [Path(name) / str(number) for number in range(options.workers)]
        for folder in folders:
            copy_of_tree(folder)
            subprocess.run([sys.executable, "-m", "compileall", "-q", "proofcheck"], cwd=folder, check=True)
        covered = _coverage_map(options.map, folders[0], options.measure)
        known = _known(options.log)
        fresh = [mutant for mutant in chosen if mutant.key not in known or (options.again and known[mutant.key])]
        print(f"{len(chosen)} mutants, {len(fresh)} to run", flush=True)
        workers = [Worker(folder, covered.seconds) for folder in folders]
        for mutant, outcome in run(fresh, workers, Choice(covered, options.budget)):
            known[mutant.key] = outcome.survives
            if options.log:
                with options.log.open("a") as log:
                    log.write(json.dumps({slot: getattr(outcome, slot) for slot in outcome.__slots__}) + "\n")
            if outcome.survives:
                print(f"survivor {mutant.key} ({outcome.tests} tests)", flush=True)
    _print_rates([(mutant, known[mutant.key]) for mutant in chosen])


def _is_in(path: str, places: list[str]) -> bool:
    return any(path == place or path.startswith(place.rstrip("/") + "/") for place in places)


def _unknown(places: list[str]) -> list[str]:
    return [place for place in places if not (ROOT / "proofcheck" / place).exists()]


def _coverage_map(path: Path, folder: Path, tests: list[str] | None) -> CoverageMap:
    """Read the map, or make it, or renew a part of it, in a process of its own: the first one here must not import proofcheck."""
    path = path.absolute()
    old = CoverageMap.read(path) if path.exists() else None
    if old is not None and not tests:
        return old
    print("running tests once without a mutant", flush=True)
    child = os.fork()
    if child == 0:
        _enter(folder)
        try:
            new = record(folder, ARGUMENTS, tests or ["tests"])
        except SystemExit as failure:
            (folder / "failure").write_text(str(failure))
            os._exit(1)
        (old.replaced(new) if old is not None else new).write(path)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if os.waitstatus_to_exitcode(status) != 0:
        raise SystemExit((folder / "failure").read_text())
    return CoverageMap.read(path)


def _known(log: Path | None) -> dict[str, bool]:
    if log is None or not log.exists():
        return {}
    rows = [json.loads(line) for line in log.read_text().splitlines()]
    return {row["mutant"]: row["survives"] for row in rows}


def _preload() -> None:
    """Import what every test imports, once, so that a fork starts warm. Nothing of proofcheck."""
    import flint  # noqa: F401
    import hypothesis  # noqa: F401
    import mpmath  # noqa: F401
    import numpy  # noqa: F401
    import pytest  # noqa: F401
    import safetensors.numpy  # noqa: F401

    sys.dont_write_bytecode = True
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"


def _print_rates(results: list[tuple[Mutant, bool]]) -> None:
    print(f"{'module':14} {'mutants':>8} {'killed':>8} {'rate':>7}")
    for part in TRUSTED:
        verdicts = [alive for mutant, alive in results if mutant.path.split("/")[0] == part]
        if verdicts:
            killed = verdicts.count(False)
            print(f"{part:14} {len(verdicts):8} {killed:8} {100 * killed / len(verdicts):6.1f}%")


if __name__ == "__main__":
    main()
