"""The corpora: every certificate in accept/ verifies with exactly its claim, every file in reject/ ends in the code of its folder."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from soundness import make_reject_corpus, transformer_attacks
from soundness.make_reject_corpus import DECLINED
from soundness.small_models import BRUTE_FORCE, CUBIC, Shape, certificate, safetensors_bytes, trained_like

import proofcheck
from proofcheck import Declined, Reason, Rejected, Verdict, encode_certificate
from proofcheck.cli.main import main
from proofcheck.escape import escape
from tests.shipped import shipped, stem_of, text_of

CERTIFICATES = Path(__file__).parents[2] / "certificates"
ACCEPT = shipped("accept")
REJECT = sorted((CERTIFICATES / "reject").glob("*/*.json"))
TWIN = CERTIFICATES / "reject" / "twin.json"
TWIN_1_1 = CERTIFICATES / "reject" / "twin-1.1.json"
CODES = {str(reason): reason for reason in Reason}


def sample() -> list[Path]:
    """One or two certificates of each strategy, small ones where there are any, and all of `evaluation`: `make verify` does them all."""
    small = [path for path in ACCEPT if stem_of(path).endswith("--evaluation")]
    families: dict[str, list[Path]] = {}
    for path in ACCEPT:
        if path not in small:
            families.setdefault(stem_of(path).rpartition("--")[2], []).append(path)
    chosen = []
    for k, paths in enumerate(families.values()):
        quick = [path for path in paths if not is_large(path)]
        chosen += [quick[k % len(quick)]] if len(quick) > 8 else quick[:2] or paths[:1]
    return small + chosen


def is_large(path: Path) -> bool:
    """A second or more."""
    return path.name.startswith(("max-of-10", "max-of-4-d-vocab-256")) or stem_of(path).endswith("--brute-force")


def claim_of(document: Any) -> Any:
    """The fields of the claim, of whatever kind it is."""
    (fields,) = document["claim"].values()
    return fields


def test_the_corpora_are_there() -> None:
    assert len(ACCEPT) >= 14
    assert len(REJECT) > len(ACCEPT)


@pytest.mark.parametrize("path", sample(), ids=stem_of)
def test_accepted_certificates_verify_with_exactly_their_claim(path: Path) -> None:
    report = proofcheck.verify(path)
    assert report.error is None
    assert report.verdict is Verdict.VERIFIED
    assert report.proved == report.claimed == claim_of(json.loads(text_of(path)))["correct"]


@pytest.mark.parametrize(
    "path", [path for path in ACCEPT if path.name.startswith("max-of-3") or stem_of(path).endswith("--evaluation")], ids=stem_of
)
def test_accepted_certificates_verify_without_floats(path: Path) -> None:
    report = proofcheck.verify(path, backend="arb")
    assert report.error is None
    assert report.proved == report.claimed


@pytest.mark.parametrize("path", [path for path in sample() if not is_large(path)][::4], ids=stem_of)
def test_one_more_than_the_claim_is_rejected(path: Path, tmp_path: Path) -> None:
    document = json.loads(text_of(path))
    claim_of(document)["correct"] += 1
    weights = (path.parent / document["model"]["weights"]["file"]).resolve()
    changed = tmp_path / "changed.json"
    changed.write_text(json.dumps(document, ensure_ascii=False))
    report = proofcheck.verify(changed, model=weights)
    assert (report.verdict, report.error.code if report.error else None) == (Verdict.REJECTED, Reason.NOT_PROVED)


@pytest.mark.parametrize("path", REJECT, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_rejected_files_end_in_the_code_of_their_folder(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = CODES[path.parent.name]
    status = main(["verify", str(path)])
    out, err = capsys.readouterr()
    declined = code in DECLINED
    assert out.splitlines()[-1] == f"s {'DECLINED' if declined else 'REJECTED'} {code} certificate {path}"
    assert status == (2 if declined else 1)
    assert err.startswith(f"{code}: ")
    assert "Traceback" not in err
    assert sum(line.startswith("s ") for line in out.splitlines()) == 1
    assert len(err) < 9000
    report = proofcheck.verify(path)
    assert report.verdict is (Verdict.DECLINED if declined else Verdict.REJECTED)
    with pytest.raises(Declined if declined else Rejected):
        report.raise_for_verdict()
    assert report.proved == 0
    assert report.accuracy == 0


@pytest.mark.parametrize("backend", ["fast", "arb"])
@pytest.mark.parametrize("twin", [TWIN, TWIN_1_1], ids=lambda path: path.stem)
def test_their_twins_verify_with_both_backends(twin: Path, backend: Any) -> None:
    report = proofcheck.verify(twin, backend=backend)
    assert report.error is None
    assert report.proved == report.claimed == make_reject_corpus.CORRECT
    assert json.loads(twin.read_bytes())["format"]["version"] == ("1.1" if twin == TWIN_1_1 else "1.0")


@pytest.mark.parametrize("backend", ["fast", "arb"])
@pytest.mark.parametrize("name", sorted(transformer_attacks.DISGUISES))
def test_disguised_transformers_verify_with_their_own_options_alone(name: str, backend: Any) -> None:
    """Both claim 9 of 9 about one weight file: true with its options, false with another activation, eps, scale, mask, normalization."""
    assert proofcheck.verify(CERTIFICATES / "reject" / f"twin-transformer-{name}.json", backend=backend).proved == 9
    report = proofcheck.verify(CERTIFICATES / "reject" / "not-proved" / f"transformer-{name}.json", backend=backend)
    assert report.error is not None and report.error.code is Reason.NOT_PROVED
    assert "undecided" not in str(report.error)


def test_the_corpus_is_what_its_scripts_make(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Both directions: nothing missing or changed, and no file that no script makes. What a reader's command says."""
    monkeypatch.setattr(sys, "argv", ["make_reject_corpus.py", "--check"])
    assert (make_reject_corpus.main(), capsys.readouterr().err) == (0, "")


def test_missing_changed_and_stray_files_of_the_corpus_are_found(tmp_path: Path) -> None:
    folder = tmp_path / "reject"
    shutil.copytree(CERTIFICATES / "reject", folder)
    (folder / "twin.json").write_bytes(b"{}")
    (folder / "not-proved" / "one-higher.json").unlink()
    (folder / "not-proved" / "inflation-near-tie.json").unlink()
    (folder / "bad-hint" / "stray.json").write_bytes(b"{}")
    assert make_reject_corpus.differences(folder) == [
        "not-proved/inflation-near-tie.json is missing",
        "not-proved/one-higher.json is missing",
        "twin.json differs",
        "bad-hint/stray.json is made by no script",
    ]


def fifo(folder: Path) -> Path:
    path = folder / "fifo"
    os.mkfifo(path)
    return path


def oversized(folder: Path) -> Path:
    path = folder / "oversized.json"
    with path.open("wb") as file:
        file.truncate(proofcheck.Limits().certificate_bytes + 1)  # a hole: no space on the disk
    return path


def unreadable(folder: Path) -> Path:
    return folder / "no" / "such" / "certificate.json"


def broken_link(folder: Path) -> Path:
    path = folder / "link.json"
    path.symlink_to(folder / "nowhere")
    return path


def weights_through_link(folder: Path) -> Path:
    """A certificate may not make the checker follow a link to weights elsewhere."""
    data = (CERTIFICATES / "reject" / "weights" / "tiny.safetensors").read_bytes()
    (folder / "elsewhere").write_bytes(data)
    (folder / "weights").mkdir()
    (folder / "weights" / "tiny.safetensors").symlink_to(folder / "elsewhere")
    (folder / "twin.json").write_bytes(TWIN.read_bytes())
    return folder / "twin.json"


def weights_are(kind: Callable[[Path], Path]) -> Callable[[Path], Path]:
    """The twin with other weights beside it."""

    def make(folder: Path) -> Path:
        document = json.loads(TWIN.read_bytes())
        document["model"]["weights"]["file"] = kind(folder).name
        (folder / "certificate.json").write_text(json.dumps(document))
        return folder / "certificate.json"

    return make


def large_weights(folder: Path) -> Path:
    path = folder / "large.safetensors"
    with path.open("wb") as file:
        file.truncate(proofcheck.Limits().weights_bytes + 1)
    return path


GENERATED: dict[str, tuple[Reason, Callable[[Path], Path]]] = {
    "a FIFO nobody writes to": (Reason.NOT_A_REGULAR_FILE, fifo),
    "a device without end": (Reason.NOT_A_REGULAR_FILE, lambda folder: Path("/dev/zero")),
    "the empty device": (Reason.NOT_A_REGULAR_FILE, lambda folder: Path("/dev/null")),
    "no file": (Reason.UNREADABLE_FILE, unreadable),
    "a name with a NUL": (Reason.UNREADABLE_FILE, lambda folder: folder / "a\0b"),
    "a name too long": (Reason.UNREADABLE_FILE, lambda folder: folder / ("x" * 5000)),
    "a link to nowhere": (Reason.UNREADABLE_FILE, broken_link),
    "a file that has no size": (Reason.UNREADABLE_FILE, lambda folder: Path("/proc/self/status")),
    "an oversized file": (Reason.LIMIT_EXCEEDED, oversized),
    "weights through a link": (Reason.NOT_A_REGULAR_FILE, weights_through_link),
    "weights that are a FIFO": (Reason.NOT_A_REGULAR_FILE, weights_are(fifo)),
    "oversized weights": (Reason.LIMIT_EXCEEDED, weights_are(large_weights)),
}


@pytest.mark.parametrize("name", GENERATED)
def test_what_is_no_file_is_declined(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, make = GENERATED[name]
    path = make(tmp_path)
    assert main(["verify", str(path)]) == 2
    out, err = capsys.readouterr()
    assert out.splitlines()[-1] == f"s DECLINED {code} certificate {escape(str(path))}"
    assert "Traceback" not in err


def test_a_folder_is_no_certificate(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The command takes the certificates in it, and says so where there is none."""
    report = proofcheck.verify(tmp_path)
    assert report.error is not None and report.error.code is Reason.NOT_A_REGULAR_FILE
    assert main(["verify", str(tmp_path)]) == 2
    out, err = capsys.readouterr()
    assert (out, "no certificate" in err) == ("", True)


def test_a_link_to_a_certificate_is_followed(tmp_path: Path) -> None:
    """What the user names may be a link; the twin of the refused one."""
    path = tmp_path / "link.json"
    path.symlink_to(TWIN)
    report = proofcheck.verify(path, model=CERTIFICATES / "reject" / "weights" / "tiny.safetensors")
    assert report.verdict is Verdict.VERIFIED


def test_every_reason_has_an_attack() -> None:
    """A new reason code needs a file in its folder, or a generated case; for what no file can cause see tests/cli, tests/process."""
    no_file = {Reason.USAGE, Reason.UNSOUND_PLATFORM, Reason.UNEXPECTED_MODEL, Reason.UNEXPECTED_TASK}
    covered = {CODES[path.parent.name] for path in REJECT} | {code for code, _ in GENERATED.values()} | no_file
    assert covered == set(Reason)


def large_json(kind: str) -> bytes:
    """Four megabytes each, made to cost time or memory."""
    size = 4 * 10**6
    return {
        "brackets": b"[" * size,
        "closing brackets": b"]" * size,
        "open escapes": b'"' + b'\\"' * (size // 2),
        "escapes": b'"' + b"\\n" * (size // 2) + b'"',
        "empty strings": b'""' * (size // 2),
        "commas": b"[" + b"1," * (size // 2),
        "letters and spaces": b"a " * (size // 2),
        "digits": b"9" * size,
        "a long string": b'"' + b"a" * size + b'"',
        "a long key twice": b'{"' + b"a" * (size // 2) + b'":1,"' + b"a" * (size // 2) + b'":1}',
        "quotes": b'"' * size,
        "backslashes": b'"' + b"\\" * size,
    }[kind]


@pytest.mark.parametrize(
    "kind",
    [
        "brackets",
        "closing brackets",
        "open escapes",
        "escapes",
        "empty strings",
        "commas",
        "letters and spaces",
        "digits",
        "a long string",
        "a long key twice",
        "quotes",
        "backslashes",
    ],
)
def test_large_hostile_files_are_refused_with_a_short_message(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "large.json"
    path.write_bytes(large_json(kind))
    report = proofcheck.verify(path)
    assert report.error is not None
    assert report.error.code in (Reason.MALFORMED_JSON, Reason.LIMIT_EXCEEDED, Reason.WRONG_TYPE, Reason.DUPLICATE_KEY)
    assert len(report.error.message) < 300


@pytest.mark.parametrize("name", ["enumeration", "cubic"])
def test_claims_one_above_the_truth_are_rejected(name: str, tmp_path: Path) -> None:
    """For ten small networks: exactly what is proved verifies, one more does not."""
    steps: Any = {"enumeration": BRUTE_FORCE, "cubic": CUBIC}[name]
    for seed in range(10):
        shape = Shape(1 + seed % 3, 3)
        weights = safetensors_bytes(trained_like(shape, seed, biases=seed % 2 == 0))
        (tmp_path / "weights.safetensors").write_bytes(weights)
        path = tmp_path / "certificate.json"
        path.write_bytes(encode_certificate(certificate(weights, shape, steps)))
        proved = proofcheck.verify(path).proved
        verdicts = []
        for claim in (proved, proved + 1):
            path.write_bytes(encode_certificate(certificate(weights, shape, steps, correct=claim)))
            report = proofcheck.verify(path)
            verdicts.append((report.verdict, report.error and report.error.code))
        assert verdicts == [(Verdict.VERIFIED, None), (Verdict.REJECTED, Reason.NOT_PROVED)]
