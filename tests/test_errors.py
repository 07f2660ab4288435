"""Refusals are data: they keep it across processes."""

import json
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

from proofcheck.errors import Declined, Reason, Rejected

ACCEPTED = Path(__file__).parent.parent / "certificates" / "accept" / "max-of-3-d-vocab-16-seed-0--cubic.json"
MODELS = Path(__file__).parent.parent / "certificates" / "models"


@pytest.mark.parametrize("kind", [Rejected, Declined])
def test_a_refusal_survives_pickling(kind: type[Rejected] | type[Declined]) -> None:
    error = kind(Reason.BAD_HINT, "wrong", step="s", rule="r", path="p", expected="1", found="2", hint="h")
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is kind
    assert copy.__dict__ == error.__dict__
    assert str(copy) == "wrong"


def test_several_processes_report_a_rejection_and_an_acceptance(tmp_path: Path) -> None:
    certificate = json.loads(ACCEPTED.read_text())
    certificate["claim"]["accuracy_at_least"]["correct"] += 10**6
    certificate["model"]["weights"]["file"] = "model.safetensors"
    rejected = tmp_path / "rejected.json"
    rejected.write_text(json.dumps(certificate))
    (tmp_path / "model.safetensors").write_bytes((MODELS / "max-of-3-d-vocab-16-seed-0.safetensors").read_bytes())
    command = [sys.executable, "-I", "-m", "proofcheck", "verify", "--jobs", "2", str(rejected), str(ACCEPTED)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    first, second = (line for line in done.stdout.splitlines() if line.startswith("s "))
    assert first == f"s REJECTED not-proved certificate {rejected}"
    assert second.startswith("s VERIFIED accuracy >= ")
