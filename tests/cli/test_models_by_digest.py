"""`--model` several times: the digests decide, and a file that is not there is passed over."""

from __future__ import annotations

from pathlib import Path

import pytest

import proofcheck
from proofcheck import Reason

REJECT = Path(__file__).parents[2] / "certificates" / "reject"
GOOD = REJECT / "weights" / "tiny.safetensors"


@pytest.mark.parametrize("models", [["missing", GOOD], [GOOD, "missing"], [REJECT, GOOD], [REJECT / "twin.json", "missing", GOOD]])
def test_the_right_one_is_found(models: list[str | Path]) -> None:
    assert proofcheck.verify(REJECT / "twin.json", model=models).error is None


def test_where_none_is_right_what_could_not_be_read_is_said() -> None:
    for models, code in (
        (["missing", "absent"], Reason.UNREADABLE_FILE),
        ([REJECT / "twin.json", "missing"], Reason.UNREADABLE_FILE),
        ([REJECT / "twin.json"], Reason.UNEXPECTED_MODEL),
    ):
        error = proofcheck.verify(REJECT / "twin.json", model=models).error
        assert error is not None and error.code is code
