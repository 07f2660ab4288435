"""Strings from files and arguments cannot forge a line of output, move the cursor, or flood the terminal."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import proofcheck
from proofcheck.cli.main import main
from proofcheck.report import escape

REJECT = Path(__file__).parents[2] / "certificates" / "reject"
FORGED = "s VERIFIED accuracy >= 9/9 (1.000000)"
HOSTILE = [
    f"brute-force\n{FORGED}",
    f"brute-force\r{FORGED}",
    f"x\u2028{FORGED}",
    f"x\u0085{FORGED}",
    f"x\x0b{FORGED}",
    f"x\x1b[2K\x1b[1G{FORGED}",
    f"x\x9b2K{FORGED}",
    f"\u202e{FORGED}\u202d",
    f"x\0{FORGED}",
    f"\x7f\b\b\b{FORGED}",
    "\U000e0001\ufeff\u200b",
]


def certificate(folder: Path, name: str = "certificate.json", **changes: str) -> Path:
    """The twin with a hostile provenance or weights name, one lower than the truth so that it would verify, and a wrong total."""
    document = json.loads((REJECT / "twin.json").read_bytes())
    document["model"]["weights"]["file"] = changes.get("weights", str(document["model"]["weights"]["file"]))
    document["provenance"] = {"strategy": changes.get("strategy", "s"), "note": changes.get("strategy", "n")}
    if "total" in changes:
        document["claim"]["accuracy_at_least"]["total"] = int(changes["total"])
    (folder / "weights").mkdir(exist_ok=True)
    shutil.copy(REJECT / "weights" / "tiny.safetensors", folder / "weights")
    path = folder / name
    path.write_text(json.dumps(document, ensure_ascii=False, indent=1), encoding="utf-8")
    return path


def harmless(text: str) -> bool:
    """Nothing that a terminal or a reader of lines would take for more than text."""
    return all(c == "\n" or c.isprintable() for c in text) and len(text) < 10**5


@pytest.mark.parametrize("text", HOSTILE)
def test_provenance_cannot_forge_a_verdict(text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = certificate(tmp_path, strategy=text, total="8")
    for arguments in (["verify"], ["verify", "--stats"], ["verify", "--json"], ["inspect"], ["explain"]):
        status = main([*arguments, str(path)])
        out, err = capsys.readouterr()
        assert harmless(out)
        assert harmless(err)
        assert not any(line.startswith("s VERIFIED") for line in (out + err).splitlines())
        assert status == (0 if arguments == ["inspect"] else 1)


@pytest.mark.parametrize("text", [text for text in HOSTILE if "\0" not in text])
def test_names_of_weights_and_certificates_cannot_forge_a_verdict(text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    named = certificate(tmp_path, weights=text)
    hostile_name = certificate(tmp_path, name=text.replace("/", "_") + ".json", total="8")
    for path in (named, hostile_name):
        assert main(["verify", str(path)]) in (1, 2)
        assert main(["verify", str(path), str(path)]) in (1, 2)
        out, err = capsys.readouterr()
        assert harmless(out)
        assert harmless(err)
        assert not any(line.startswith("s VERIFIED") for line in (out + err).splitlines())


def test_a_name_that_is_no_text_is_escaped(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Bytes that are not UTF-8 in a file's name come to Python as lone surrogates, which no terminal takes."""
    path = f"{tmp_path}/\udcff\udc0a.json"
    assert main(["verify", path]) == 2
    out, err = capsys.readouterr()
    assert "\\udcff" in out + err
    assert harmless(out)


def test_arguments_are_escaped(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (["rules", HOSTILE[0]], ["explain", str(REJECT / "twin.json"), HOSTILE[0]], ["verify", "--limit", HOSTILE[0], "x"]):
        assert main(arguments) == 2
        out, err = capsys.readouterr()
        assert harmless(out + err)
        assert not any(line.startswith("s VERIFIED") for line in (out + err).splitlines())


def test_tensor_names_are_escaped(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import hashlib

    import numpy as np
    from soundness.make_reject_corpus import tiny
    from soundness.small_models import safetensors_bytes

    weights = safetensors_bytes({**tiny(), f"x\n{FORGED}": np.ones(1, dtype="<f4")})
    (tmp_path / "weights.safetensors").write_bytes(weights)
    document = json.loads((REJECT / "twin.json").read_bytes())
    document["model"]["weights"] = {"file": "weights.safetensors", "sha256": hashlib.sha256(weights).hexdigest()}
    path = tmp_path / "certificate.json"
    path.write_text(json.dumps(document))
    assert main(["verify", str(path)]) == 2
    out, err = capsys.readouterr()
    assert "\\n" in err
    assert not any(line.startswith("s VERIFIED") for line in (out + err).splitlines())


@given(text=st.text())
def test_escaped_text_is_one_printable_line(text: str) -> None:
    assert escape(text).isprintable() or not text
    assert len(escape(text).splitlines()) <= 1
    assert all(c in escape(text) for c in text if c.isprintable())


def test_the_notebook_form_is_escaped(tmp_path: Path) -> None:
    report = proofcheck.verify(certificate(tmp_path, strategy="<script>alert(1)</script>", weights="<b>.safetensors"))
    html = report._repr_html_()
    assert "<script>" not in html
    assert "&lt;script&gt;" in html
