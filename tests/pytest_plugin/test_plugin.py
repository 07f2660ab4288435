"""The pytest plugin, as another project would use it: each test is a pytest run in a folder of its own."""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
from pathlib import Path

import pytest

pytest_plugins = "pytester"
CERTIFICATES = Path(__file__).parents[2] / "certificates"
DIGEST = hashlib.sha256((CERTIFICATES / "reject" / "twin.json").read_bytes()).hexdigest()
TASK = "max-of-k n_ctx=2 d_vocab=3"


@pytest.fixture
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    """A project with one test of its own and a folder `proofs` with a certificate that verifies (9 of 9) and its weights."""
    proofs = pytester.mkdir("proofs")
    shutil.copytree(CERTIFICATES / "reject" / "weights", proofs / "weights")
    shutil.copy(CERTIFICATES / "reject" / "twin.json", proofs / "good.json")
    pytester.makepyfile(test_own="def test_own():\n    pass\n")
    return pytester


def run(project: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    return project.runpytest("-p", "pytest_proofcheck", "-p", "no:cacheprovider", *arguments)


def expect(project: pytest.Pytester, text: str) -> None:
    (project.path / "proofs" / "certificates.toml").write_text(text)


def add(project: pytest.Pytester, name: str, source: str) -> None:
    """A certificate of the reject corpus, whose weights are one folder up there and beside it here."""
    document = json.loads((CERTIFICATES / "reject" / source).read_bytes())
    document["model"]["weights"]["file"] = document["model"]["weights"]["file"].removeprefix("../")
    (project.path / "proofs" / name).write_text(json.dumps(document))


def test_off_unless_asked(project: pytest.Pytester) -> None:
    run(project).assert_outcomes(passed=1)
    run(project, "proofs").assert_outcomes()


def test_certificates_of_a_folder_and_of_a_file(project: pytest.Pytester) -> None:
    result = run(project, "--certificates", "proofs", "-v")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*proofs/good.json::verify PASSED*"])
    run(project, "--certificates", "proofs/good.json").assert_outcomes(passed=1)
    run(project, "--certificates", "proofs", "test_own.py").assert_outcomes(passed=2)
    run(project, "--certificates", "proofs", "--certificates-backend", "arb").assert_outcomes(passed=1)


def test_the_ini_file_counts_where_nothing_is_named(project: pytest.Pytester) -> None:
    project.makeini("[pytest]\nproofcheck_certificates = proofs\nproofcheck_backend = arb\n")
    run(project).assert_outcomes(passed=2)
    run(project, "test_own.py").assert_outcomes(passed=1)
    run(project, "--certificates", "proofs/good.json").assert_outcomes(passed=1)
    project.makeini("[pytest]\ntestpaths = .\n")
    run(project, "--certificates", "proofs").assert_outcomes(passed=1)


def test_a_place_that_does_not_exist_is_a_usage_error(project: pytest.Pytester) -> None:
    result = run(project, "--certificates", "prooofs")
    assert result.ret is pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*no certificates at *prooofs*"])


def test_a_failing_one_shows_reason_margin_and_step(project: pytest.Pytester) -> None:
    add(project, "more.json", "not-proved/one-higher.json")
    add(project, "hint.json", "bad-hint/integer-negative.json")
    result = run(project, "--certificates", "proofs")
    result.assert_outcomes(passed=1, failed=2)
    result.stdout.fnmatch_lines_random(
        [
            "more.json: REJECTED not-proved, expected VERIFIED",
            "  expected: at most 9",
            "  found:    10",
            "claim: 10 of 9 (*)",
            "hint.json: REJECTED bad-hint, expected VERIFIED",
            "bad-hint: *step blocks rule separable-minimum*",
        ]
    )
    result.stdout.no_fnmatch_line("*Traceback*")


def test_expectations_that_hold(project: pytest.Pytester) -> None:
    weights = hashlib.sha256((project.path / "proofs" / "weights" / "tiny.safetensors").read_bytes()).hexdigest()
    add(project, "more.json", "not-proved/one-higher.json")
    expect(
        project,
        f"""
        ["good.json"]
        at_least = 9
        accuracy_at_least = "1"
        exact = true
        sha256 = "{DIGEST}"
        model = "weights/tiny.safetensors"
        model_sha256 = "{weights}"
        task = "{TASK}"
        ["more.json"]
        verdict = "REJECTED"
        reason = "not-proved"
        """,
    )
    run(project, "--certificates", "proofs").assert_outcomes(passed=2)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("at_least = 10", "good.json: claims 9 of 9, 1 fewer than the 10 expected (its steps prove 9)"),
        ('sha256 = "00"', f"good.json: the file has SHA-256 {DIGEST}, expected 00"),
        ('model_sha256 = "00"', "good.json: about a model with SHA-256 *, expected 00"),
        ('task = "max-of-k n_ctx=9 d_vocab=3"', f"good.json: about the task {TASK}, expected max-of-k n_ctx=9 d_vocab=3"),
        ('verdict = "REJECTED"', "good.json: VERIFIED, expected REJECTED"),
        ('model = "weights/nan.safetensors"', "good.json: REJECTED digest-mismatch, expected VERIFIED"),
    ],
)
def test_expectations_that_fail(project: pytest.Pytester, line: str, words: str) -> None:
    expect(project, f'["good.json"]\n{line}\n')
    result = run(project, "--certificates", "proofs")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([words])


def test_a_weaker_claim_and_an_undecided_one_fail(project: pytest.Pytester) -> None:
    document = json.loads((project.path / "proofs" / "good.json").read_bytes())
    document["steps"][1] = {"id": "blocks", "rule": "separable-minimum", "premises": ["tables"], "hints": {"refined": 0}}
    document["claim"]["accuracy_at_least"]["correct"] = 0
    (project.path / "proofs" / "weak.json").write_text(json.dumps(document))
    expect(project, '["weak.json"]\naccuracy_at_least = "8/9"\nexact = true\n')
    result = run(project, "--certificates", "proofs")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["weak.json: claims 0 of 9, 8 fewer than the 8 expected (its steps prove *)"])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('["lost.json"]\n', "*expects a certificate lost.json, and there is none"),
        ('["good.json.gz"]\n', "*expects a certificate good.json.gz, and there is none; there is good.json"),
        ('["good.json"]\nat_most = 3\n', "*good.json: no such key at_most; there are at_least, *"),
        ('["good.json"]\nat_least = "9"\n', "*at_least = '9' is no int"),
        ('["good.json"]\nat_least = true\n', "*at_least = True is no int"),
        ('["good.json"]\naccuracy_at_least = "2"\n', "*accuracy_at_least must be from 0 to 1*"),
        ('["good.json"]\naccuracy_at_least = "1/0"\n', "*good.json: Fraction(1, 0)"),
        ("good = 3\n", "*good is no table*"),
        ('["good.json"\n', "*certificates.toml: *"),
        ('["certificates.toml"]\n', "*but only .json and .json.gz are certificates"),
    ],
)
def test_expectations_without_meaning_fail(project: pytest.Pytester, text: str, words: str) -> None:
    """Nothing is skipped in silence: a certificate that was deleted, a misspelt key, a broken file."""
    expect(project, text)
    result = run(project, "--certificates", "proofs")
    assert result.ret is pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines([words])


def test_one_broken_weight_file_fails_one_item(project: pytest.Pytester) -> None:
    (project.path / "proofs" / "weights" / "tiny.safetensors").unlink()
    (project.path / "proofs" / "text.json").write_text("no certificate")
    result = run(project, "--certificates", "proofs")
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines_random(["good.json: DECLINED unreadable-file, expected VERIFIED", "text.json: REJECTED malformed-json*"])


def test_loading_the_plugin_imports_neither_the_checker_nor_numpy(pytester: pytest.Pytester) -> None:
    program = "import sys, pytest, pytest_proofcheck; print([name for name in ('proofcheck', 'numpy', 'flint') if name in sys.modules])"
    result = pytester.run(sys.executable, "-c", program)
    result.stdout.fnmatch_lines(["[[][]]"])
