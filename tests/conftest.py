"""What all tests share: reproducible property tests, and `from soundness.truth import …` from any folder."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

TESTS = Path(__file__).parent
SLOW = frozenset((TESTS / "slow_tests.txt").read_text(encoding="utf-8").splitlines())
if str(TESTS) not in sys.path:
    sys.path.append(str(TESTS))  # last: `strategies` stays the package, not the folder of its tests

# A job in the background of a script ignores Ctrl-C, and so do its children; tests that interrupt children need its usual meaning.
signal.signal(signal.SIGINT, signal.default_int_handler)

settings.register_profile(
    "reproducible",
    derandomize=True,  # the same examples in every run
    database=None,
    deadline=None,  # nothing here is a timed assertion
    max_examples=40,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
settings.load_profile("reproducible")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """`make quick` does not even import the files that slow_tests.txt names as a whole."""
    if config.getoption("markexpr") != "not slow" or not collection_path.is_relative_to(TESTS.parent):
        return None
    return True if collection_path.relative_to(TESTS.parent).as_posix() in SLOW else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files, functions and cases of slow_tests.txt are slow."""
    for item in items:
        if not SLOW.isdisjoint((item.nodeid, item.nodeid.partition("[")[0], item.nodeid.partition("::")[0])):
            item.add_marker(pytest.mark.slow)
