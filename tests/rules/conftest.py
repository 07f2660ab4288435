"""What the tests of rules share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from soundness.small_models import Shape, certificate

import proofcheck
from proofcheck import Reason, Step, Verdict

Verify = Callable[[bytes, Shape, tuple[Step, ...]], "Reason | None"]


@pytest.fixture
def verified(tmp_path: Path) -> Verify:
    """verified(weights, shape, steps): None if the certificate (which claims nothing) is VERIFIED, else the reason code of the refusal."""

    def verify(weights: bytes, shape: Shape, steps: tuple[Step, ...]) -> Reason | None:
        path = tmp_path / "weights.safetensors"
        path.write_bytes(weights)
        report = proofcheck.verify(certificate(weights, shape, steps), model=path)
        if report.error is None:
            assert report.verdict is Verdict.VERIFIED
            return None
        return report.error.code

    return verify
