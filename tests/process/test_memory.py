"""Memory: shipped evaluations stay far below 1 GB; where it runs out a certificate is DECLINED, with no traceback."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from models.transformer_reference import options, random_tensors, sizes
from safetensors.numpy import save

from proofcheck import Certificate, Step, encode_certificate
from proofcheck.certificate import ModelSpec, TaskSpec, accuracy_at_least, sha256_hex

ROOT = Path(__file__).parents[2]
NETWORKS = ROOT / "certificates" / "networks"
STEPS = (Step("inputs", "evaluation"), Step("total", "sum-blocks", ("inputs",)))

VERIFY = """
import json, resource, sys
import proofcheck
small, path, room = sys.argv[1], sys.argv[2], int(sys.argv[3])
assert proofcheck.verify(small).error is None  # everything is imported and the BLAS has its buffers
if room:
    now = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (now + room, now + room))
report = proofcheck.verify(path)
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
peak = int(status["VmHWM"].split()[0]) * 1024  # of this program alone: ru_maxrss begins with that of the process that started it
print(json.dumps([report.verdict, report.error and report.error.code, report.error and report.error.message, peak]))
"""


def verified(path: Path, room: int = 0) -> list[Any]:
    """Verdict, code, message and peak memory in bytes, of a process of its own with `room` bytes to spare (0: no limit)."""
    command = [sys.executable, "-c", VERIFY, str(NETWORKS / "token-at.json"), str(path), str(room)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr
    found: list[Any] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("name", ["multifun", "balanced-16", "modular-addition-113"])
def test_memory_is_bounded_whatever_the_number_of_inputs(name: str) -> None:
    verdict, _, _, peak = verified(NETWORKS / f"{name}.json")
    assert verdict == "VERIFIED"
    assert peak < 300 * 10**6


def wide(folder: Path) -> Path:
    """A network of 3·10^6 weights and 16 inputs."""
    shape = sizes(n_layers=1, n_heads=1, n_ctx=1, n_positions=1, d_vocab=16, d_vocab_out=1024, d_model=1024, d_head=8, d_mlp=1024)
    chosen = options(activation="relu")
    data = save({name: np.ascontiguousarray(array.astype("<f4")) for name, array in random_tensors(shape, chosen, 0).items()})
    (folder / "wide.safetensors").write_bytes(data)
    model = ModelSpec("transformer", shape, "wide.safetensors", sha256_hex(data), chosen)
    task = TaskSpec("kth-largest", {"n_ctx": 1, "d_vocab": 16, "k": 1, "alphabets": ("0-15",)})
    path = folder / "wide.json"
    path.write_bytes(encode_certificate(Certificate(accuracy_at_least(0, 16), model, task, 128, STEPS)))
    return path


@pytest.mark.skipif(not hasattr(resource, "RLIMIT_AS") or not Path("/proc/self/statm").exists(), reason="the limit is set by Linux's means")
def test_no_memory_is_declined(tmp_path: Path) -> None:
    path = wide(tmp_path)
    verdict, code, message, _ = verified(path, room=40 * 10**6)
    assert (verdict, code) == ("DECLINED", "limit-exceeded")
    assert "memory" in message
    assert verified(path)[0] == "VERIFIED"  # with room enough the same file is no problem
