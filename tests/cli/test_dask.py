"""`verify --dask`: the verdicts of a local run, each saying whom it trusts; and what workers cannot do."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

import proofcheck
from proofcheck import Limits, Report, Verdict, decode_certificate
from proofcheck.cli import cluster
from proofcheck.cli.main import main
from proofcheck.cli.settings import Settings

distributed = pytest.importorskip("distributed")
CERTIFICATES = Path(__file__).parents[2] / "certificates"
ACCEPT = CERTIFICATES / "accept" / "max-of-3-d-vocab-16-seed-0--cubic.json"
FALSE = CERTIFICATES / "reject" / "not-proved" / "one-higher.json"
MODELS = [CERTIFICATES / "models" / "max-of-3-d-vocab-16-seed-0.safetensors", CERTIFICATES / "reject" / "weights" / "tiny.safetensors"]
SETTINGS = Settings("fast", Limits(), None, ())


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with distributed.LocalCluster(n_workers=1, threads_per_worker=2, processes=True, dashboard_address=None) as local:
        yield local.scheduler_address


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    """One that verifies, one whose claim is not proved, one that is no certificate, one that is missing, and twenty more that verify."""
    for model in MODELS:
        shutil.copy(model, tmp_path)
    (tmp_path / "true.json").write_bytes(ACCEPT.read_bytes())
    (tmp_path / "false.json").write_bytes(FALSE.read_bytes())
    (tmp_path / "broken.json").write_text("{")
    more = [tmp_path / f"more-{k}.json" for k in range(20)]
    for path in more:
        path.write_bytes(ACCEPT.read_bytes())
    return [*(str(tmp_path / f"{name}.json") for name in ("true", "false", "broken", "missing")), *map(str, more)]


def command(files: list[str], *more: str) -> list[str]:
    models = [word for name in MODELS for word in ("--model", str(Path(files[0]).with_name(name.name)))]
    return ["verify", *models, *more, *files]


def test_verdicts_are_those_of_a_local_run_and_say_whom_they_trust(
    address: str, files: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    local_code = main(command(files))
    local = capsys.readouterr()
    assert main(command(files, "--dask", address)) == local_code == 1
    there = capsys.readouterr()
    assert f"the workers at {address} are trusted" in there.err
    trusting = f" trusting workers at {address} certificate "
    lines = [line for line in there.out.splitlines() if line.startswith("s ")]
    assert sum(trusting in line for line in lines) == 21
    assert [line.replace(trusting, " certificate ") for line in lines] == [line for line in local.out.splitlines() if line.startswith("s ")]
    assert main(command(files, "--json")) == main(command(files, "--json", "--dask", address)) == 1
    both = numbers(capsys.readouterr().out)
    assert both[: len(files)] == both[len(files) :]


def test_a_killed_worker_changes_no_verdict(files: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(command(files, "--quiet")) == 1
    local = capsys.readouterr().out.splitlines()
    killed = []
    with distributed.LocalCluster(n_workers=1, threads_per_worker=1, processes=True, dashboard_address=None) as cluster:

        def kill() -> None:
            with distributed.Client(cluster.scheduler_address, set_as_default=False) as client:
                while not any(client.processing().values()):
                    time.sleep(0.01)
                killed.append(next(iter(client.scheduler_info()["workers"].values()))["id"])
                pids = client.run(os.getpid, on_error="ignore")
                for pid in pids.values():
                    os.kill(pid, signal.SIGKILL)

        thread = threading.Thread(target=kill, daemon=True)
        thread.start()
        assert main(command(files, "--quiet", "--dask", cluster.scheduler_address)) == 1
        thread.join(timeout=30)
    assert killed
    there = [line.replace(f" trusting workers at {cluster.scheduler_address}", "") for line in capsys.readouterr().out.splitlines()]
    assert there == local


def numbers(text: str) -> list[object]:
    """The JSON reports without seconds and trust."""
    reports = [json.loads(line) for line in text.splitlines()]
    return [(r["claim"], r["proved"], r["total"], r["model"], r["task"], r["operations"], (r["error"] or {}).get("code")) for r in reports]


def test_no_cluster_and_two_places_are_usage(files: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "CONNECT_SECONDS", 1)
    with pytest.raises(SystemExit, match="2"):
        main(command(files, "--dask", "tcp://127.0.0.1:9"))
    assert "no Dask cluster at tcp://127.0.0.1:9" in capsys.readouterr().err
    assert main(command(files, "--dask", "tcp://127.0.0.1:9", "--jobs", "2")) == 2
    assert not re.search("^s ", capsys.readouterr().out, flags=re.MULTILINE)


def test_a_report_about_another_file_cannot_be_passed_off(files: list[str]) -> None:
    """What a line is about comes from the file read here, whatever a worker says; its verdict is believed, and signed with its address."""
    checker = SETTINGS.checker()
    certificate = decode_certificate(FALSE.read_bytes(), Limits())
    other = proofcheck.verify(ACCEPT)
    lie = replace(other, claim="accuracy >= 64/64", certificate="x")
    found = cluster._signed("here.json", certificate, lie, checker, "workers at tcp://there")
    assert found.model_sha256 == certificate.model.sha256 != other.model_sha256
    assert found.claim.startswith(f"accuracy >= {certificate.claim.fields['correct']}/{certificate.claim.fields['total']} ")
    assert found.line().endswith(" trusting workers at tcp://there certificate here.json")


def test_workers_of_another_release_are_declined() -> None:
    certificate = decode_certificate(ACCEPT.read_bytes(), Limits())
    answer: Report = replace(proofcheck.verify(ACCEPT), versions=("proofcheck 0.0.0",))
    found = cluster._signed("a.json", certificate, answer, SETTINGS.checker(), "workers at tcp://there")
    assert found.verdict is Verdict.DECLINED
    assert "another release" in str(found.error and found.error.message)
