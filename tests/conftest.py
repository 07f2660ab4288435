"""What all tests share: reproducible property tests, and `from soundness.truth import …` from any folder."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

from hypothesis import HealthCheck, settings

TESTS = Path(__file__).parent
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
