"""Which tests run which lines of the checker, and how long each test takes: what a mutant's tests are chosen from."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import coverage
import pytest

# Left out: tests that read the source or the documentation as text (every mutant would change it), and the torch side.
LEFT_OUT = ("tests/test_docs.py", "tests/test_docs_codes.py", "tests/test_imports.py", "tests/strategies")


@dataclass(frozen=True, slots=True)
class CoverageMap:
    """seconds: by test id. tests_by_line: path relative to proofcheck/ -> line -> test ids that run it."""

    seconds: dict[str, float]
    tests_by_line: dict[str, dict[int, list[str]]]

    def tests_of(self, path: str, lines: range) -> list[str]:
        """The tests that run one of the lines; all tests of the file (or all) if the lines run at import only (constants, signatures)."""
        by_line = self.tests_by_line.get(path, {})
        found = {test for line in lines for test in by_line.get(line, ())}
        return sorted(found or {test for tests in by_line.values() for test in tests} or self.seconds)

    def replaced(self, newer: CoverageMap) -> CoverageMap:
        """This map, with all that `newer` says about the test files it covers."""
        files = {test.split("::")[0] for test in newer.seconds}

        def kept(tests: Iterable[str]) -> list[str]:
            return [test for test in tests if test.split("::")[0] not in files]

        lines = {
            file: {
                line: [*kept(self.tests_by_line.get(file, {}).get(line, ())), *newer.tests_by_line.get(file, {}).get(line, ())]
                for line in {*self.tests_by_line.get(file, {}), *newer.tests_by_line.get(file, {})}
            }
            for file in {*self.tests_by_line, *newer.tests_by_line}
        }
        return CoverageMap({test: self.seconds[test] for test in kept(self.seconds)} | newer.seconds, lines)

    def write(self, path: Path) -> None:
        """As JSON, with tests numbered."""
        names = sorted(self.seconds)
        number = {name: index for index, name in enumerate(names)}
        lines = {
            file: {line: [number[test] for test in tests] for line, tests in by_line.items()}
            for file, by_line in self.tests_by_line.items()
        }
        path.write_text(json.dumps({"tests": names, "seconds": [round(self.seconds[name], 4) for name in names], "lines": lines}))

    @classmethod
    def read(cls, path: Path) -> CoverageMap:
        """What `write` wrote."""
        content = json.loads(path.read_text())
        names = content["tests"]
        lines = {
            file: {int(line): [names[number] for number in tests] for line, tests in by_line.items()}
            for file, by_line in content["lines"].items()
        }
        return cls(dict(zip(names, content["seconds"], strict=True)), lines)


class Recorder:
    """A pytest plugin: one coverage context and one duration for each test."""

    def __init__(self, measured: coverage.Coverage) -> None:
        self.measured = measured
        self.seconds: dict[str, float] = {}
        self.failed: list[str] = []

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> object:
        """Set-up, call and tear-down of one test."""
        self.measured.switch_context(item.nodeid)
        start = time.perf_counter()
        try:
            return (yield)
        finally:
            self.seconds[item.nodeid] = time.perf_counter() - start
            self.measured.switch_context("")

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """A test that fails without any mutant says nothing about mutants."""
        if report.failed:
            self.failed.append(report.nodeid)


def record(folder: Path, arguments: list[str], tests: list[str]) -> CoverageMap:
    """Run these tests once in `folder` (a copy of the tree whose proofcheck has not been imported yet).

    Raises SystemExit if a test fails: the baseline must be green.
    """
    measured = coverage.Coverage(data_file=None, include=[str(folder / "proofcheck" / "*")], config_file=False)
    recorder = Recorder(measured)
    measured.start()
    ignored = [f"--ignore={name}" for name in LEFT_OUT]
    code = pytest.main([*arguments, *ignored, *tests], plugins=[recorder])
    measured.stop()
    if code != 0:
        raise SystemExit(f"the tests fail without a mutant: {recorder.failed[:5]}")
    data = measured.get_data()
    lines = {}
    for file in data.measured_files():
        contexts = data.contexts_by_lineno(file)
        lines[str(Path(file).relative_to(folder / "proofcheck"))] = {
            line: sorted(test for test in tests if test) for line, tests in contexts.items() if any(tests)
        }
    return CoverageMap(recorder.seconds, lines)
