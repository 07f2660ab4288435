"""A sweep on a Dask cluster: the table of a local sweep, also when a worker is killed."""

from __future__ import annotations

import os
import shutil
import signal
import threading
import time
from pathlib import Path

import pytest

import proofcheck
from strategies.cli.main import main
from strategies.sweep_table import SECONDS, SweepTable

distributed = pytest.importorskip("distributed")

MODELS = Path(__file__).parents[2] / "certificates" / "models"
GLOB = "subcubic--max-diff-exact--mean*"


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two models and the table of a local sweep of them."""
    folder = tmp_path_factory.mktemp("local")
    for stem in ("max-of-3-d-vocab-16-seed-0", "counterexample-mean-diff-direct"):
        shutil.copy(MODELS / f"{stem}.safetensors", folder)
    assert main(["sweep", *models(folder), "-o", str(folder / "out"), "--strategies", GLOB, "--search-seconds", "0"]) == 0
    return folder


def models(folder: Path) -> list[str]:
    return [str(path) for path in sorted(folder.glob("*.safetensors"))]


def rows(folder: Path) -> list[dict[str, object]]:
    with SweepTable(folder) as table:
        return [{name: value for name, value in row.items() if name not in SECONDS} for row in table.rows()]


def test_a_killed_worker_changes_nothing(local: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = local / "cluster"
    killed = []
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as cluster:

        def kill() -> None:
            while not list(out.glob("*.json")):
                time.sleep(0.05)
            with distributed.Client(cluster.scheduler_address, set_as_default=False) as client:
                killed.append(next(iter(client.run(os.getpid).values())))
            os.kill(killed[0], signal.SIGKILL)

        thread = threading.Thread(target=kill, daemon=True)
        thread.start()
        command = ["sweep", *models(local), "-o", str(out), "--strategies", GLOB, "--search-seconds", "0"]
        assert main([*command, "--dask", cluster.scheduler_address]) == 0
        thread.join(timeout=30)
    assert killed
    assert rows(out) == rows(local / "out")
    assert "are trusted" in capsys.readouterr().err
    for path in out.glob("*.json"):
        report = proofcheck.verify(path)  # finds the weights where the certificate says
        assert report.verdict is proofcheck.Verdict.VERIFIED
        assert report.model_file == f"../{Path(report.model_file).name}"
    assert main(command) == 0  # a local sweep goes on from there
    assert "0 certificates written, 20 kept" in capsys.readouterr().out


def test_no_cluster_is_said(local: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("strategies.cluster.CONNECT_SECONDS", 1)
    command = ["sweep", *models(local), "-o", str(tmp_path), "--strategies", "cubic", "--dask", "tcp://127.0.0.1:9"]
    assert main(command) == 2
    assert "127.0.0.1:9" in capsys.readouterr().err
