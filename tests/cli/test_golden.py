"""What people see, word for word. Seconds, versions and folders are masked; EXPECTTEST_ACCEPT=1 rewrites the texts."""

# ruff: noqa: E501
from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from expecttest import assert_expected_inline

import proofcheck
from proofcheck.cli.main import main

ROOT = Path(__file__).parents[2]
REJECT = ROOT / "certificates" / "reject"
ACCEPT = ROOT / "certificates" / "accept"
TWIN = str(REJECT / "twin.json")


def masked(text: str) -> str:
    """No seconds, versions, folders; operation counts may change with the rules."""
    text = text.replace(str(ROOT), "ROOT")
    text = re.sub(r"(proofcheck|python-flint|FLINT|numpy|safetensors) \d[\w.+]*", r"\1 VERSION", text)
    text = re.sub(r" *\d+\.\d+ s\b", " SECONDS s", text)
    text = re.sub(r"[\d,]{3,} operations", "N operations", text)
    return re.sub(r" *N operations", " N operations", text)


def shown(capsys: pytest.CaptureFixture[str], *arguments: str, status: int = 0) -> str:
    """Exit status, stdout and stderr of one command."""
    assert main(arguments) == status
    out, err = capsys.readouterr()
    text = masked(out + ("--- stderr\n" + err if err else ""))
    return text.encode("ascii", "backslashreplace").decode("ascii")  # expecttest rewrites ASCII only


def test_verified(capsys: pytest.CaptureFixture[str]) -> None:
    assert_expected_inline(
        shown(capsys, "verify", TWIN),
        """\
c certificate ROOT/certificates/reject/twin.json
c model       weights/tiny.safetensors SHA-256 ad143d09b46ba2de353a1585a74301a35a288b651e89982cded03577d280fd92
c network     attention-only-one-layer-one-head n_ctx=2 d_vocab=3 d_model=3 d_head=2
c task        max-of-k n_ctx=2 d_vocab=3
c strategy    brute-force (as the certificate calls itself)
c arithmetic  fast, balls of 128 bits; proofcheck VERSION, python-flint VERSION, FLINT VERSION, numpy VERSION, safetensors VERSION
c note        the weight file does not say for which task the network was trained
c proved      9 of 9 inputs
c exact       every input is decided: 0 are answered wrongly
c cost N operations, SECONDS s
s VERIFIED accuracy >= 9/9 (1.000000) task max-of-k n_ctx=2 d_vocab=3 network attention-only-one-layer-one-head n_ctx=2 d_vocab=3 d_model=3 d_head=2 model sha256:ad143d09b46ba2de353a1585a74301a35a288b651e89982cded03577d280fd92 certificate ROOT/certificates/reject/twin.json
""",
    )


def test_verified_with_stats(capsys: pytest.CaptureFixture[str]) -> None:
    assert_expected_inline(
        shown(capsys, "verify", "--stats", "--backend", "arb", "--precision", "64", TWIN),
        """\
c certificate ROOT/certificates/reject/twin.json
c model       weights/tiny.safetensors SHA-256 ad143d09b46ba2de353a1585a74301a35a288b651e89982cded03577d280fd92
c network     attention-only-one-layer-one-head n_ctx=2 d_vocab=3 d_model=3 d_head=2
c task        max-of-k n_ctx=2 d_vocab=3
c strategy    brute-force (as the certificate calls itself)
c arithmetic  arb, balls of 64 bits; proofcheck VERSION, python-flint VERSION, FLINT VERSION, numpy VERSION, safetensors VERSION
c note        the weight file does not say for which task the network was trained
c proved      9 of 9 inputs
c exact       every input is decided: 0 are answered wrongly
c cost N operations, SECONDS s
c   tables                   path-expansion N operations SECONDS s
c   blocks                   enumeration N operations SECONDS s
c   count                    sum-blocks                                             0 operations SECONDS s
s VERIFIED accuracy >= 9/9 (1.000000) task max-of-k n_ctx=2 d_vocab=3 network attention-only-one-layer-one-head n_ctx=2 d_vocab=3 d_model=3 d_head=2 model sha256:ad143d09b46ba2de353a1585a74301a35a288b651e89982cded03577d280fd92 certificate ROOT/certificates/reject/twin.json
""",
    )


def test_quiet(capsys: pytest.CaptureFixture[str]) -> None:
    assert_expected_inline(
        shown(capsys, "verify", "--quiet", TWIN),
        """\
s VERIFIED accuracy >= 9/9 (1.000000) task max-of-k n_ctx=2 d_vocab=3 network attention-only-one-layer-one-head n_ctx=2 d_vocab=3 d_model=3 d_head=2 model sha256:ad143d09b46ba2de353a1585a74301a35a288b651e89982cded03577d280fd92 certificate ROOT/certificates/reject/twin.json
""",
    )


def test_rejected(capsys: pytest.CaptureFixture[str]) -> None:
    assert_expected_inline(
        shown(capsys, "verify", str(REJECT / "not-proved" / "one-higher.json"), status=1),
        """\
c certificate ROOT/certificates/reject/not-proved/one-higher.json
c model       ../weights/tiny.safetensors SHA-256 ad143d09b46ba2de353a1585a74301a35a288b651e89982cded03577d280fd92
c network     attention-only-one-layer-one-head n_ctx=2 d_vocab=3 d_model=3 d_head=2
c task        max-of-k n_ctx=2 d_vocab=3
c strategy    brute-force (as the certificate calls itself)
c arithmetic  fast, balls of 128 bits; proofcheck VERSION, python-flint VERSION, FLINT VERSION, numpy VERSION, safetensors VERSION
s REJECTED not-proved certificate ROOT/certificates/reject/not-proved/one-higher.json
--- stderr
not-proved: the claim is larger than what the steps prove (at $.claim.accuracy_at_least.correct)
  expected: at most 9
  found:    10
  hint:     the strategy that wrote the certificate claims more than it proves
""",
    )


def test_declined(capsys: pytest.CaptureFixture[str]) -> None:
    assert_expected_inline(
        shown(capsys, "verify", str(REJECT / "limit-exceeded" / "precision-1025.json"), status=2),
        """\
c certificate ROOT/certificates/reject/limit-exceeded/precision-1025.json
s DECLINED limit-exceeded certificate ROOT/certificates/reject/limit-exceeded/precision-1025.json
--- stderr
limit-exceeded: precision is 1025, above the limit 1024 (at $.arithmetic.precision)
  expected: at most 1024
  found:    1025
  hint:     raise it with --limit precision_most=1025 if you trust the source
""",
    )


def test_an_error_in_a_step(capsys: pytest.CaptureFixture[str]) -> None:
    assert_expected_inline(
        shown(capsys, "verify", "--quiet", str(REJECT / "bad-hint" / "wrong-length.json"), status=1),
        """\
s REJECTED bad-hint certificate ROOT/certificates/reject/bad-hint/wrong-length.json
--- stderr
bad-hint: hint direction has the wrong shape (step direct rule direct-path-svd-query+max-diff at direction)
  expected: [d_model] = [3]
  found:    [2]
""",
    )


def test_no_such_file(capsys: pytest.CaptureFixture[str]) -> None:
    assert_expected_inline(
        shown(capsys, "verify", "--quiet", str(ROOT / "none.json"), status=2),
        """\
s DECLINED unreadable-file certificate ROOT/none.json
--- stderr
unreadable-file: cannot read ROOT/none.json: No such file or directory (at ROOT/none.json)
""",
    )


def test_several(capsys: pytest.CaptureFixture[str]) -> None:
    files = [TWIN, str(REJECT / "wrong-total" / "one-lower.json"), str(REJECT / "unsupported-format" / "version-2.0.json")]
    assert_expected_inline(
        shown(capsys, "verify", *files, status=1),
        """\
c verdict   proved                                     seconds  certificate
c VERIFIED  1.000000 9/9 SECONDS s  ROOT/certificates/reject/twin.json
c REJECTED  wrong-total SECONDS s  ROOT/certificates/reject/wrong-total/one-lower.json
c DECLINED  unsupported-format SECONDS s  ROOT/certificates/reject/unsupported-format/version-2.0.json
s VERIFIED accuracy >= 9/9 (1.000000) task max-of-k n_ctx=2 d_vocab=3 network attention-only-one-layer-one-head n_ctx=2 d_vocab=3 d_model=3 d_head=2 model sha256:ad143d09b46ba2de353a1585a74301a35a288b651e89982cded03577d280fd92 certificate ROOT/certificates/reject/twin.json
s REJECTED wrong-total certificate ROOT/certificates/reject/wrong-total/one-lower.json
s DECLINED unsupported-format certificate ROOT/certificates/reject/unsupported-format/version-2.0.json
c failed: REJECTED wrong-total: ROOT/certificates/reject/wrong-total/one-lower.json: the claimed total is not the number of inputs of the task (at $.claim.accuracy_at_least.total)
c failed: DECLINED unsupported-format: ROOT/certificates/reject/unsupported-format/version-2.0.json: the certificate is of another format or version (at $.format)
c 1 verified, 1 rejected, 1 declined
--- stderr
proofcheck: ROOT/certificates/reject/wrong-total/one-lower.json:
wrong-total: the claimed total is not the number of inputs of the task (at $.claim.accuracy_at_least.total)
  expected: 9
  found:    8
proofcheck: ROOT/certificates/reject/unsupported-format/version-2.0.json:
unsupported-format: the certificate is of another format or version (at $.format)
  expected: proofcheck-certificate 1.0 \\u2026 1.1
  found:    proofcheck-certificate 2.0
""",
    )


def test_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert_expected_inline(
        shown(capsys, "verify", "--jobs", "0", TWIN, status=2),
        """\
--- stderr
usage: --jobs must be at least 1
  expected: at least 1
  found:    0
""",
    )


def test_inspect(capsys: pytest.CaptureFixture[str]) -> None:
    assert_expected_inline(
        shown(capsys, "inspect", TWIN),
        """\
claim       accuracy_at_least correct=9 total=9 \\u2014 not checked here
task        max-of-k n_ctx=2 d_vocab=3
model       attention-only-one-layer-one-head n_ctx=2 d_vocab=3 d_model=3 d_head=2
weights     weights/tiny.safetensors SHA-256 ad143d09b46ba2de353a1585a74301a35a288b651e89982cded03577d280fd92
extensions  none
arithmetic  balls of 128 bits
steps
  tables                   path-expansion()
  blocks                   enumeration(tables)
  count                    sum-blocks(blocks)
provenance (for people; never used)
  strategy                 brute-force
""",
    )


def test_inspect_of_a_bad_file(capsys: pytest.CaptureFixture[str]) -> None:
    assert_expected_inline(
        shown(capsys, "inspect", str(REJECT / "missing-field" / "top-claim.json"), status=1),
        """\
--- stderr
missing-field: the field 'claim' is missing (at $.claim)
""",
    )


def test_one_rule(capsys: pytest.CaptureFixture[str]) -> None:
    assert_expected_inline(
        shown(capsys, "rules", "sum-blocks"),
        """\
sum-blocks

premises: ProvedBlocks \\u2026
networks: any; tasks: any; readings: floats, margin, reals
hints:    none

Statement (sum over blocks). correct = \\u03a3_{q, y} max_k counts_k[q][y] over the premises k, and wrong the same with wrong_k.

Hypotheses: every premise is `ProvedBlocks`.
Hints: none.
Proof: the blocks (last token q, right answer y) partition the inputs, and each count_k[q][y] is a lower bound on the same number;
so is each wrong_k[q][y]. If correct + wrong is the number of inputs, both are exact.  \\u220e
undecided = min(\\u03a3_k undecided_k, inputs \\u2212 correct \\u2212 wrong): what one premise leaves open another may decide, or leave open again.
A count above the size of its block would contradict its own fact; it raises an internal error and proves nothing.
Cost: (number of premises)\\xb7d_vocab\\xb7answers.
Source: docs/rules/sum-blocks.md.
Machine-checked: docs/proofs/SumBlocks.v, sum_parts.

In SumBlocks.v, for Coq (assumes nothing; what else remains trusted: sums of integers):

    Theorem sum_parts (X B : finType) (key : X -> B) (P : pred X) (K : Type) (premises : seq K) (counts : K -> B -> nat) :
      (forall k b, counts k b <= #|[set x | (key x == b) && P x]|)%N ->
      (\\sum_b \\max_(k <- premises) counts k b <= #|[set x | P x]|)%N.
""",
    )


def test_no_such_rule(capsys: pytest.CaptureFixture[str]) -> None:
    assert_expected_inline(
        shown(capsys, "rules", "assume", status=2),
        """\
--- stderr
usage: there is no rule 'assume'; `proofcheck rules` lists them
""",
    )


def test_explain_one_step(capsys: pytest.CaptureFixture[str]) -> None:
    assert_expected_inline(
        shown(capsys, "explain", TWIN, "count"),
        """\
c step count: sum-blocks(blocks), 0 operations, SECONDS s
c     Statement (sum over blocks). correct = \\u03a3_{q, y} max_k counts_k[q][y] over the premises k, and wrong the same with wrong_k.
c
c     Hypotheses: every premise is `ProvedBlocks`.
c     Hints: none.
c     Proof: the blocks (last token q, right answer y) partition the inputs, and each count_k[q][y] is a lower bound on the same number;
c     so is each wrong_k[q][y]. If correct + wrong is the number of inputs, both are exact.  \\u220e
c     undecided = min(\\u03a3_k undecided_k, inputs \\u2212 correct \\u2212 wrong): what one premise leaves open another may decide, or leave open again.
c     A count above the size of its block would contradict its own fact; it raises an internal error and proves nothing.
c     Cost: (number of premises)\\xb7d_vocab\\xb7answers.
c     Source: docs/rules/sum-blocks.md.
c     Machine-checked: docs/proofs/SumBlocks.v, sum_parts.
c
c     For this network:
c       ProvedCount.correct 9
c       ProvedCount.undecided 0
c       ProvedCount.wrong 0
c
s VERIFIED accuracy >= 9/9 (1.000000) task max-of-k n_ctx=2 d_vocab=3 network attention-only-one-layer-one-head n_ctx=2 d_vocab=3 d_model=3 d_head=2 model sha256:ad143d09b46ba2de353a1585a74301a35a288b651e89982cded03577d280fd92 certificate ROOT/certificates/reject/twin.json
""",
    )


def test_help(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    with pytest.raises(SystemExit) as done:
        main(["--help"])
    assert done.value.code == 0
    assert_expected_inline(
        capsys.readouterr().out.encode("ascii", "backslashreplace").decode("ascii"),
        """\
usage: proofcheck [-h] [--version] COMMAND ...

Rigorous verification of certificates about the accuracy of small neural networks.

If `proofcheck verify C` exits 0 and prints `s VERIFIED CLAIM task TASK network NETWORK model sha256:DIGEST ...`, then
CLAIM is true of the network whose weight file has that SHA-256, its numbers read as exact reals and evaluated by the
real-number semantics of NETWORK (architecture, sizes, options; docs/semantics.md), and of the inputs and right
answers of TASK. `accuracy >= N/T`: at least N of the T inputs are answered correctly; `accuracy with margin > d >=
N/T`: and with the right logit more than d above every other. `float accuracy >= N/T of FORMAT runs with ASSUMPTIONS`:
at least N inputs are such that every evaluation in that format that conforms to docs/semantics-float.md with these
assumptions answers them correctly. `mean loss <= R nats over T inputs` (or `>=`): the mean over all T inputs of the
cross-entropy \\u2212log softmax(logits)[right answer] is at most (at least) R. This relies on CPython, FLINT, numpy's
IEEE-754 arithmetic (not with `--backend arb`), the hardware, the trusted lines of proofcheck (counted in
docs/soundness.md), and the extensions and workers that the line says it trusts. Only a claim about float accuracy
says something about the same weights run in floating point, and no claim says that a program conforms.

positional arguments:
  COMMAND
    verify    verify certificates
    inspect   what a certificate says, without checking it
    explain   replay a certificate step by step: each rule's theorem, and its values for this network
    wrong     inputs that the network answers wrongly, each proved to be wrong
    rules     the rules, or one rule's theorem and its machine-checked statement
    reason    what a reason code means, and what to do
    selftest  check this installation: platform arithmetic and a small shipped corpus

options:
  -h, --help  show this help message and exit
  --version   show program's version number and exit

exit codes:
  0    every certificate VERIFIED
  1    some certificate REJECTED (it does not prove its claim, or is malformed)
  2    nothing said: usage, unreadable file, exceeded limit, unsupported version (DECLINED)
  3    internal error
  130  interrupted

pages called docs/\\u2026 are installed in share/doc/proofcheck of this environment
""",
    )


def test_help_of_verify_states_guarantee_options_and_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as done:
        main(["verify", "--help"])
    assert done.value.code == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "at least N of the T inputs are answered correctly" in text
    assert "130 interrupted" in text
    for option in ("--model", "--backend", "--precision", "--jobs", "--limit", "--json", "--stats", "--quiet"):
        assert option in text


def test_rules_lists_every_rule(capsys: pytest.CaptureFixture[str]) -> None:
    from proofcheck.rules import RULES

    lines = shown(capsys, "rules").splitlines()
    assert [line.split()[0] for line in lines] == sorted(RULES)
    assert all(len(line.split()) > 3 for line in lines)


@pytest.mark.parametrize("command", [["verify"], [], ["verify", "--precision", "many", TWIN], ["verify", "--back", "arb", TWIN]])
def test_usage_errors_of_the_parser_exit_with_2(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as done:
        main(command)
    assert done.value.code == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "usage:" in err


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (["verfy", "x"], "there is no command 'verfy'; did you mean 'verify'?; `proofcheck --help` lists the commands"),
        (["nonsense"], "there is no command 'nonsense'; `proofcheck --help` lists the commands"),
        (["rules", "cubicc"], "there is no rule 'cubicc'; did you mean 'cubic'?; `proofcheck rules` lists them"),
        (["reason", "not-prooved"], "there is no reason code 'not-prooved'; did you mean 'not-proved'?; `proofcheck reason` lists them"),
        (["explain", TWIN, "table"], "the certificate has no step 'table'; did you mean 'tables'?"),
        (["verify", "--limit", "works=1", TWIN], "--limit works=1 is not NAME=VALUE; did you mean 'work'?"),
    ],
)
def test_did_you_mean(command: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(command) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines()[0] == f"usage: {message}"


def test_a_reason_code(capsys: pytest.CaptureFixture[str]) -> None:
    assert_expected_inline(
        shown(capsys, "reason", "wrong-total"),
        """\
wrong-total (REJECTED: the certificate does not prove its claim; exit status 1)

The claimed total is not the number of inputs of the task.

What to do: Write d_vocab^n_ctx.
""",
    )


def test_every_reason_code_is_explained(capsys: pytest.CaptureFixture[str]) -> None:
    from proofcheck import Reason

    lines = shown(capsys, "reason").splitlines()
    assert [line.split()[0] for line in lines] == [str(reason) for reason in Reason]
    for reason in Reason:
        assert "What to do: " in shown(capsys, "reason", str(reason))


def test_explain_all(capsys: pytest.CaptureFixture[str]) -> None:
    """Theorems left out: the values of this network, and where it loses accuracy."""
    path = str(Path(proofcheck.__file__).parent / "selftest_corpus" / "accept--cubic.json")
    lines = shown(capsys, "explain", path).replace(str(ROOT), "ROOT").splitlines()
    kept = [line for line in lines if not line.startswith("c     ") or (line.startswith("c       ") and "." in line.split()[1])]
    assert_expected_inline(
        "\n".join(line for line in kept if line != "c") + "\n",
        """\
c step tables: path-expansion(), N operations, SECONDS s
c       PathExpansion.EUPU [8, 8] -5.000000 \\u2026 7.900001
c       PathExpansion.EVOU [8, 8] -20.000000 \\u2026 0.000000
c       PathExpansion.PVOU [2, 8] 0.000000 \\u2026 0.000000
c       PathExpansion.EQKE [8, 8] 0.000000 \\u2026 164.924225
c       PathExpansion.EQKP [8, 2] 0.000000 \\u2026 0.000000
c step classes: cubic(tables), N operations, SECONDS s
c       ProvedClasses.choices [8, 8, 2] -1 \\u2026 0, 0 of 128 above 0, sum -115
c step blocks: count-classes(classes), 0 operations, SECONDS s
c       ProvedBlocks.counts [8, 8] 0 \\u2026 1, 5 of 64 above 0, sum 5
c       ProvedBlocks.undecided 0
c       ProvedBlocks.wrong none
c step count: sum-blocks(blocks), 0 operations, SECONDS s
c       ProvedCount.correct 5
c       ProvedCount.undecided 0
c       ProvedCount.wrong 0
c 32 of 36 blocks (last token, right answer) are not proved right as a whole
c   last token 6, right answer 6: 0 of 7 right (0.000000), 0 wrong, 7 not proved
c   last token 7, right answer 7: 1 of 8 right (0.125000), 0 wrong, 7 not proved
c   last token 5, right answer 5: 0 of 6 right (0.000000), 0 wrong, 6 not proved
c   last token 4, right answer 4: 0 of 5 right (0.000000), 0 wrong, 5 not proved
c   last token 3, right answer 3: 0 of 4 right (0.000000), 0 wrong, 4 not proved
s VERIFIED accuracy >= 5/64 (0.078125) task max-of-k n_ctx=2 d_vocab=8 network attention-only-one-layer-one-head n_ctx=2 d_vocab=8 d_model=17 d_head=17 model sha256:5eb8875f8d6f735feb408d0699f90a144c291068d2f60bd1ba9dd2f31b81c9d8 certificate ROOT/proofcheck/selftest_corpus/accept--cubic.json
""",
    )


def test_explain_shows_the_steps_before_a_refusal(capsys: pytest.CaptureFixture[str]) -> None:
    out = shown(capsys, "explain", str(REJECT / "not-proved" / "one-higher.json"), status=1)
    assert "c step count: sum-blocks(blocks)" in out
    assert "c       ProvedCount.correct 9" in out
    assert "s REJECTED not-proved" in out


def test_inspect_names_extensions(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    document = json.loads((REJECT / "twin-1.1.json").read_bytes())
    document["extensions"] = {"parity": "1.0"}
    (tmp_path / "c.json").write_text(json.dumps(document))
    assert "extensions  parity 1.0\n" in shown(capsys, "inspect", str(tmp_path / "c.json"))
