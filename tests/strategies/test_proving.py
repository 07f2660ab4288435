"""`strategies.prove`: from Python, for Max-of-K and for any task."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

import proofcheck
import strategies
from proofcheck import Limits, Verdict
from proofcheck.certificate import TaskSpec
from strategies.cli.main import main
from strategies.names import UnknownStrategy

CERTIFICATES = Path(__file__).parents[2] / "certificates"
MODEL = CERTIFICATES / "models" / "max-of-3-d-vocab-16-seed-0.safetensors"
TOKEN_AT = CERTIFICATES / "models" / "networks" / "token-at-seed-0.safetensors"
WORDS = "token-at n_ctx=4 d_vocab=16 position=1"


def test_in_memory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    proof = strategies.prove(MODEL, strategy="cubic")
    shipped = proofcheck.load(CERTIFICATES / "accept" / "max-of-3-d-vocab-16-seed-0--cubic.json")
    assert proof.path is None and list(tmp_path.iterdir()) == []
    assert proof.report.verdict is Verdict.VERIFIED
    assert proof.certificate.claim == shipped.claim
    assert [step.rule for step in proof.certificate.steps] == [step.rule for step in shipped.steps]
    assert proofcheck.verify(proof.certificate).verdict is Verdict.VERIFIED  # the weights are named from the working folder


@pytest.mark.parametrize("task", [None, "max-of-k n_ctx=3 d_vocab=16", {"name": "max-of-k", "n_ctx": 3, "d_vocab": 16}])
def test_into_a_file(task: object, tmp_path: Path) -> None:
    proof = strategies.prove(MODEL, task, "exact", output=tmp_path / "c.json")  # type: ignore[arg-type]
    assert proof.path == tmp_path / "c.json"
    assert proofcheck.verify(tmp_path / "c.json", model=MODEL).proved == proof.report.proved == 4096
    assert proof.left_out == ""
    with pytest.raises(FileExistsError):
        strategies.prove(MODEL, task, "cubic", output=tmp_path / "c.json")  # type: ignore[arg-type]
    assert strategies.prove(MODEL, strategy="cubic", output=tmp_path / "c.json", force=True).report.strategy == "cubic"


@pytest.mark.parametrize("task", [None, WORDS, TaskSpec("token-at", {"n_ctx": 4, "d_vocab": 16, "position": 1})])
def test_any_task_by_evaluation(task: object, tmp_path: Path) -> None:
    proof = strategies.prove(TOKEN_AT, task, "evaluation", output=tmp_path / "c.json")  # type: ignore[arg-type]
    assert (proof.report.proved, proof.report.total, proof.report.exact) == (65536, 65536, True)
    assert proof.report.task == WORDS


def test_what_does_not_fit_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="'evaluation' is about any task"):
        strategies.prove(MODEL, "min-of-k n_ctx=3 d_vocab=16")
    with pytest.raises(UnknownStrategy, match="did you mean 'exact'"):
        strategies.prove(MODEL, strategy="exakt")
    with pytest.raises(ValueError, match="there is no task 'maximum'"):
        strategies.prove(TOKEN_AT, "maximum n_ctx=4", "evaluation")
    with pytest.raises(strategies.ProveError) as caught:
        strategies.prove(MODEL, strategy="cubic", limits=Limits(work=1000))
    assert caught.value.declined and caught.value.code == "limit-exceeded"
    with pytest.raises(OSError, match="none"):
        strategies.prove(tmp_path / "none.safetensors", strategy="cubic")


def test_evaluation_by_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "c.json"
    assert main(["prove", str(TOKEN_AT), "--strategy", "evaluation", "--task", WORDS, "-o", str(out)]) == 0
    assert "accuracy >= 65536/65536" in capsys.readouterr().out
    assert main(["prove", str(TOKEN_AT), "--strategy", "evaluation", "-o", str(out)]) == 2
    assert "--force" in capsys.readouterr().err
    assert main(["prove", str(TOKEN_AT), "--strategy", "evaluation", "--task", "nothing", "-o", str(tmp_path / "d.json")]) == 2
    assert "there is no task 'nothing'" in capsys.readouterr().err
    assert main(["prove", str(MODEL), "--strategy", "cubic", "--task", WORDS, "-o", str(tmp_path / "d.json")]) == 2
    assert not (tmp_path / "d.json").exists()


def test_the_module_lists_its_interface() -> None:
    assert dir(strategies) == ["Proof", "ProveError", "prove"]
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = strategies.nothing


LAYER_NORM = CERTIFICATES / "models" / "networks" / "max-of-2-layernorm-seed-0.safetensors"


@pytest.mark.parametrize("claim", ["float32", "float64"])
def test_what_float_evaluations_of_a_transformer_answer_right(claim: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The command writes the shipped certificate; from Python other assumptions may be given."""
    out = tmp_path / "c.json"
    assert main(["prove", str(LAYER_NORM), "--strategy", "evaluation", "--claim", claim, "-o", str(out)]) == 0
    assert f"{claim.replace('float', 'binary')} accuracy >= 4096/4096" in capsys.readouterr().out
    shipped = proofcheck.load(CERTIFICATES / "networks" / f"max-of-2-layernorm--{claim}.json")
    assert proofcheck.load(out).claim == shipped.claim
    proof = strategies.prove(LAYER_NORM, None, "evaluation", claim=claim, roundings=40, tau=Fraction(1, 2**20))
    fields = proof.certificate.claim.fields
    assert (fields["roundings"], fields["tau"], fields["activation"], fields["correct"]) == (40, "1/1048576", "1/1048576", 4096)


def test_which_claims_about_floats_are_proved_by_evaluation(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = str(tmp_path / "c.json")
    assert main(["prove", str(LAYER_NORM), "--strategy", "evaluation", "--claim", "tf32", "-o", out]) == 2
    assert "accuracy, margin, float32 or float64" in capsys.readouterr().err
    assert main(["prove", str(LAYER_NORM), "--strategy", "evaluation", "--claim", "float64", "--roundings", "39", "-o", out]) == 1
    assert "rule-not-applicable" in capsys.readouterr().err
    small = CERTIFICATES / "models" / "min-of-3-d-vocab-6-seed-0.safetensors"
    assert (
        main(["prove", str(small), "--strategy", "evaluation", "--task", "min-of-k n_ctx=3 d_vocab=6", "--claim", "float64", "-o", out])
        == 2
    )
    assert "is about transformer" in capsys.readouterr().err
    with pytest.raises(ValueError, match="accuracy, float32 or float64"):
        strategies.prove(LAYER_NORM, None, "evaluation", claim="bfloat16")
    with pytest.raises(ValueError, match="goes with strategy"):
        strategies.prove(MODEL, None, "exact", claim="float64")
    assert list(tmp_path.iterdir()) == []


def test_margins_by_evaluation(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A margin of a multiple of 2^-64 is counted exactly: as many inputs as lead by more than it, here fewer and fewer."""
    out, proved = tmp_path / "c.json", [65536]
    for margin in ("1", "8", "16"):
        assert (
            main(["prove", str(TOKEN_AT), "--strategy", "evaluation", "--claim", "margin", "--margin", margin, "-o", str(out), "--force"])
            == 0
        )
        assert f"accuracy with margin > {margin} >= " in capsys.readouterr().out
        report = proofcheck.verify(out)
        assert report.exact
        proof = strategies.prove(TOKEN_AT, None, "evaluation", claim="margin", margin=Fraction(margin))
        assert report.proved == proof.report.proved
        proved.append(report.proved)
    assert proved == sorted(proved, reverse=True)
    assert proved[-1] < proved[0]
    max_of_3 = strategies.prove(MODEL, None, "exact", claim="margin", margin=Fraction(1, 10)).certificate.claim.fields
    assert max_of_3["margin"] == "1/10"
    assert main(["prove", str(TOKEN_AT), "--strategy", "evaluation", "--claim", "margin", "-o", str(out), "--force"]) == 2
    assert "go together" in capsys.readouterr().err
    for claim, without in (("margin", None), ("accuracy", Fraction(1))):
        with pytest.raises(ValueError, match="go together"):
            strategies.prove(TOKEN_AT, None, "evaluation", claim=claim, margin=without)
