"""From a proposal to a certificate file that has passed `proofcheck verify` in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from time import perf_counter

import proofcheck
from proofcheck import Certificate, encode_certificate
from proofcheck.certificate import ModelSpec, TaskSpec, accuracy_at_least
from proofcheck.models.attention_only import NAME as ARCHITECTURE
from strategies.max_of_k.strategy import Problem, Strategy


class ProveError(RuntimeError):
    """The strategy's certificate did not verify; nothing was written."""


@dataclass(frozen=True, slots=True)
class Proved:
    """A certificate that was written: its counts and the seconds of search and of checking (the subprocess, whole)."""

    path: Path
    correct: int
    total: int
    search_seconds: float
    check_seconds: float


def prove(problem: Problem, strategy: Strategy, output: Path) -> Proved:
    """Search, let the checker count, write, verify in a subprocess, and only then give the file its name.

    Raises ProveError with the checker's words; an existing file at `output` is replaced only by a verified one.
    """
    start = perf_counter()
    proposed = draft(problem, strategy, output)
    search_seconds = perf_counter() - start
    report = proofcheck.verify(with_claim(proposed, 0), model=problem.path)
    if report.verdict is not proofcheck.Verdict.VERIFIED:
        raise ProveError(f"{strategy.name}: {report.line()}: {report.error}")
    final = with_claim(proposed, report.proved)
    handle, temporary = tempfile.mkstemp(dir=output.parent, prefix=f".{output.name}.", suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(encode_certificate(final))
        start = perf_counter()
        _verify_in_subprocess(Path(temporary), final)
        check_seconds = perf_counter() - start
        Path(temporary).chmod(0o644)
        os.replace(temporary, output)
    except BaseException:  # KeyboardInterrupt too: no partial file
        Path(temporary).unlink(missing_ok=True)
        raise
    return Proved(output, report.proved, report.total, search_seconds, check_seconds)


def draft(problem: Problem, strategy: Strategy, output: Path) -> Certificate:
    """Search; the certificate claims what the search believes (0 if it has no opinion). Its file will lie where `output` says."""
    start = perf_counter()
    proposal = strategy.propose(problem)
    seconds = perf_counter() - start
    sizes = problem.dimensions
    provenance = {"strategy": strategy.name, "proofcheck": proofcheck.__version__, "torch": version("torch")}
    if proposal.float_bound:
        provenance["float_bound"] = proposal.float_bound
    provenance["search_seconds"] = f"{seconds:.2f}"
    weights_file = Path(os.path.relpath(problem.path.resolve(), output.parent.resolve())).as_posix()
    return Certificate(
        claim=accuracy_at_least(proposal.correct, sizes.d_vocab**sizes.n_ctx),
        model=ModelSpec(ARCHITECTURE, sizes, weights_file, problem.sha256),
        task=TaskSpec("max-of-k", {"n_ctx": sizes.n_ctx, "d_vocab": sizes.d_vocab}),
        precision=strategy.precision,
        steps=proposal.steps,
        provenance=provenance,
    )


def with_claim(certificate: Certificate, correct: int) -> Certificate:
    """The same certificate with another claim."""
    return certificate.claiming(correct=correct)


def _verify_in_subprocess(path: Path, certificate: Certificate) -> None:
    command = [sys.executable, "-I", "-m", "proofcheck", "verify", "--json", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    lines = done.stdout.splitlines()
    numbers = certificate.claim.fields
    verdict = f"s VERIFIED accuracy >= {numbers['correct']}/{numbers['total']} "
    if done.returncode != 0 or not lines or not lines[-1].startswith(verdict):
        raise ProveError(f"the certificate did not verify: {lines[-1:]} {done.stderr}")
    report = json.loads(next(line for line in lines if line.startswith("c json ")).removeprefix("c json "))
    if report["model"]["sha256"] != certificate.model.sha256:
        raise ProveError("the checker read another weight file")


__all__ = ["ProveError", "Proved", "draft", "prove", "with_claim"]
