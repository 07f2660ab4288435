"""A third party's task, rule and strategy, used from outside; and what is refused."""

from __future__ import annotations

import sys
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save

import proofcheck
from proofcheck import Certificate, Checker, Declined, Extension, Reason, Verdict, encode_certificate
from proofcheck.catalogue import BUILT_IN
from proofcheck.cli.main import main
from proofcheck.rules import RULES

FOLDER = Path(__file__).parent
SIZES = {"n_ctx": 2, "d_vocab": 3, "d_model": 3, "d_vocab_out": 2}
INPUTS = np.array(list(product(range(3), repeat=2)))


@pytest.fixture(autouse=True)
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """As after `pip install toy`."""
    monkeypatch.syspath_prepend(str(FOLDER))


@pytest.fixture
def toy() -> Extension:
    from toy import EXTENSION

    found: Extension = EXTENSION
    return found


def weights() -> bytes:
    """relu(x + y), relu(x + y − 1), relu(x + y − 2) with numbers for tokens 0, 1, 2: the parity of x + y is a sum of such ramps.

    At x + y = 4 two ramps more would be needed, so (2, 2) is answered wrongly.
    """
    tokens = np.arange(3.0)
    W_E = np.stack([np.stack([tokens, tokens, tokens], axis=1), np.stack([tokens, tokens - 1, tokens - 2], axis=1)])
    odd = np.array([2.0, -4.0, 4.0])  # 0, 2, 0, 2, 4 at 0 … 4
    tensors = {"embed.W_E": W_E, "unembed.W_U": np.stack([0 * odd, odd], axis=1), "unembed.b_U": np.array([1.0, 0.0])}
    return save({name: np.ascontiguousarray(array.astype("<f4")) for name, array in tensors.items()})


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "parity.safetensors"
    path.write_bytes(weights())
    return path


def claim(model: Path, inputs: Any, correct: int) -> Certificate:
    from toy.strategy import certificate_for

    found: Certificate = certificate_for(model, SIZES, inputs, correct)
    return found


def test_a_trusted_extension_proves(model: Path, toy: Extension) -> None:
    report = Checker(trust=[toy]).verify(claim(model, INPUTS, 8), model)
    assert report.error is None
    assert (report.proved, report.wrong, report.total) == (8, 1, 9)
    assert report.trusting == (f"toy 0.1 sha256:{toy.digest}",)
    assert f" trusting toy 0.1 sha256:{toy.digest} certificate " in report.line()
    assert "task toy/parity n_ctx=2 d_vocab=3" in report.line()
    assert Checker(trust=[toy]).verify(claim(model, INPUTS[:4], 4), model).proved == 4
    one_more = Checker(trust=[toy]).verify(claim(model, INPUTS, 9), model)
    assert (one_more.verdict, one_more.error and one_more.error.code) == (Verdict.REJECTED, Reason.NOT_PROVED)


def test_it_is_refused_where_it_is_not_trusted(model: Path, toy: Extension) -> None:
    for trust in ([], [replace(toy, version="0.2")]):
        report = Checker(trust=trust).verify(claim(model, INPUTS, 8), model)
        assert (report.verdict, report.error and report.error.code) == (Verdict.DECLINED, Reason.UNTRUSTED_EXTENSION)
    silent = replace(claim(model, INPUTS, 8), extensions={})
    report = Checker().verify(silent, model)
    assert report.error is not None
    assert report.error.code is Reason.UNSUPPORTED_TASK


def test_a_certificate_must_name_what_it_uses(model: Path, toy: Extension) -> None:
    """Trusted, but not named by the certificate: the verdict would not say whom it trusts."""
    report = Checker(trust=[toy]).verify(replace(claim(model, INPUTS, 8), extensions={}), model)
    assert report.error is not None
    assert report.error.code is Reason.UNTRUSTED_EXTENSION


def test_names_cannot_be_taken(toy: Extension) -> None:
    cubic = RULES["cubic"]
    bad = [
        [toy, toy],
        [replace(toy, rules=(cubic,))],
        [replace(toy, rules=(replace(cubic, name="cubic2"),))],
        [replace(toy, rules=(replace(cubic, name="other/cubic"),))],
        [replace(toy, rules=(*toy.rules, *toy.rules))],
        [replace(toy, name="not a name")],
        [replace(toy, name="")],
        [replace(toy, name="-x")],
        [replace(toy, name="t" * 300)],
        [replace(toy, version="1 sha256:abc, trusted")],
        [replace(toy, digest="abc")],
    ]
    for extensions in bad:
        with pytest.raises(Declined) as caught:
            BUILT_IN.trusting(extensions)
        assert caught.value.code is Reason.UNTRUSTED_EXTENSION
    assert "toy/sample" in BUILT_IN.trusting([toy]).rules
    assert "toy/sample" not in BUILT_IN.rules


def test_the_command_trusts_by_name(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    certificate = model.with_name("parity.json")
    certificate.write_bytes(encode_certificate(claim(model, INPUTS, 8)))
    assert main(["verify", str(certificate)]) == 2
    assert "--trust toy" in capsys.readouterr().err
    for jobs in ("1", "2"):
        assert main(["verify", "--jobs", jobs, "--trust", "toy", str(certificate), str(certificate)]) == 0
        assert capsys.readouterr().out.count(" trusting toy 0.1 sha256:") == 2
    assert main(["verify", "--trust", "toys", str(certificate)]) == 2
    assert "untrusted-extension: there is no installed extension 'toys'" in capsys.readouterr().err


def test_nothing_is_imported_unless_it_is_named(model: Path) -> None:
    sys.modules.pop("toy", None)
    proofcheck.verify(claim_without_import(model), model)
    assert "toy" not in sys.modules


def claim_without_import(model: Path) -> Certificate:
    return replace(claim_of_built_in(model), extensions={"toy": "0.1"})


def claim_of_built_in(model: Path) -> Certificate:
    from proofcheck.certificate import ModelSpec, TaskSpec, accuracy_at_least

    return Certificate(accuracy_at_least(0, 9), ModelSpec("x", SIZES, "x", "0" * 64), TaskSpec("toy/parity", {}), 64, ())


@pytest.mark.parametrize(
    "inputs",
    [[[0, 0], [0, 0]], [[0, 1], [0, 0]], [[0, 3]], [[-1, 0]], [[0, 0, 0]]],
)
def test_the_rule_refuses_bad_hints(inputs: Any, model: Path, toy: Extension) -> None:
    report = Checker(trust=[toy]).verify(claim(model, np.array(inputs), 0), model)
    assert (report.verdict, report.error and report.error.code) == (Verdict.REJECTED, Reason.BAD_HINT)
