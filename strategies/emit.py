"""From a proposal to a certificate file that has passed the checker in a process of its own."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache, partial
from importlib.metadata import version
from pathlib import Path
from time import perf_counter
from typing import Any

import proofcheck
from proofcheck import Certificate, Declined, Step, encode_certificate
from proofcheck.certificate import ClaimSpec, ModelSpec, TaskSpec, accuracy_at_least
from proofcheck.models.attention_only import NAME as ARCHITECTURE
from proofcheck.rules.reading import FloatRun
from strategies.checker import CheckerProcess
from strategies.max_of_k.fitting import DoesNotFit
from strategies.max_of_k.strategy import Problem, Strategy
from strategies.write import packed

ROUNDS = 3  # a claim is the search's guess, then the checker's own count; more rounds mean that the checker contradicts itself


class ProveError(RuntimeError):
    """The strategy's certificate did not verify. code: the checker's reason; declined: nothing is said about the certificate."""

    def __init__(self, message: str, *, code: str = "", declined: bool = False) -> None:
        super().__init__(message)
        self.code, self.declined = code, declined


@dataclass(frozen=True, slots=True)
class Proved:
    """A certificate that was written: its counts, what its search left out, the seconds of search and of checking (whole)."""

    path: Path
    correct: int
    total: int
    search_seconds: float
    check_seconds: float
    left_out: str = ""


def prove(problem: Problem, strategy: Strategy, output: Path, *, force: bool = False) -> Proved:
    """Search, let the checker count, write, verify the file, and only then give it its name.

    Raises ProveError with the checker's words; FileExistsError, before the search, if `output` exists and not `force`. With `force` a
    file at `output` is replaced only by a verified one.
    """
    refuse_existing(output, force=force)
    start = perf_counter()
    proposed = draft(problem, strategy, output)
    search_seconds = perf_counter() - start
    handle, name = tempfile.mkstemp(dir=output.parent, prefix=f".{output.name}.", suffix=".tmp")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(packed(output, encode_certificate(proposed)))
        start = perf_counter()
        with CheckerProcess(problem.limits) as checker:
            report = certify(checker, temporary, proposed, problem, partial(packed, output))
        check_seconds = perf_counter() - start
        temporary.chmod(0o644)
        refuse_existing(output, force=force)
        os.replace(temporary, output)
    except BaseException:  # KeyboardInterrupt too: no partial file
        temporary.unlink(missing_ok=True)
        raise
    left_out = proposed.provenance.get("left_out", "")
    return Proved(output, report["proved"], report["total"], search_seconds, check_seconds, left_out)


def refuse_existing(output: Path, *, force: bool) -> None:
    """FileExistsError naming --force if something is at `output`."""
    if os.path.lexists(output) and not force:
        raise FileExistsError(
            errno.EEXIST, "a certificate may be there already; give another --output, or --force to replace it", str(output)
        )


def certify(
    checker: CheckerProcess, path: Path, certificate: Certificate, problem: Problem, pack: Callable[[bytes], bytes]
) -> dict[str, Any]:
    """Rewrite the claim of the file at `path` until it is what the checker counts; returns the report of the file as it then is.

    pack: what the file holds for these bytes of a certificate.

    Raises ProveError, CheckerEnded.
    """
    # the checker follows no link that a certificate names
    model = problem.path if problem.file or problem.path.is_symlink() else None
    for _ in range(ROUNDS):
        report = checker.verify(path, model)
        if report["verdict"] == "VERIFIED" and report["proved"] == report["claimed"]:
            if report["model"]["sha256"] != problem.sha256:
                raise ProveError("the weight file changed during the search; run the command again", declined=True)
            return report
        refused = report["error"]
        if refused is not None and refused["code"] != "not-proved":
            raise ProveError(_words(report), code=refused["code"], declined=report["verdict"] == "DECLINED")
        certificate = with_claim(certificate, 0 if refused else report["proved"])
        path.write_bytes(pack(encode_certificate(certificate)))
    raise ProveError("the checker counts differently each time; this is a bug")


def _words(report: dict[str, Any]) -> str:
    error = report["error"]
    where = " ".join(f"{name} {error[name]}" for name in ("step", "rule") if error[name])
    place = f" ({where})" if where else ""
    return f"{report['verdict']} {error['code']}: {error['message']}{place}" + (f"; {error['hint']}" if error["hint"] else "")


def draft(problem: Problem, strategy: Strategy, output: Path) -> Certificate:
    """Search; the certificate claims what the search believes (0 if it has no opinion). Its file will lie where `output` says.

    Raises ProveError if no certificate of the strategy is within the checker's limits.
    """
    start = perf_counter()
    problem.budget.start()
    try:
        proposal = strategy.propose(problem)
    except DoesNotFit as error:
        raise ProveError(f"{strategy.name}: {error}", code="limit-exceeded", declined=True) from error
    except Declined as error:  # another limit of the checker, met by its own test before the search
        raise ProveError(f"{error.code}: {error.message}; {error.hint}", code=str(error.code), declined=True) from error
    seconds = perf_counter() - start
    sizes = problem.dimensions
    provenance = {"strategy": strategy.name, "proofcheck": proofcheck.__version__, "torch": _torch_version()}
    if proposal.float_bound:
        provenance["float_bound"] = proposal.float_bound
    if proposal.left_out:
        provenance["left_out"] = proposal.left_out
    provenance["search_seconds"] = f"{seconds:.2f}"
    return Certificate(
        claim=claim_of(problem, proposal.correct),
        model=ModelSpec(ARCHITECTURE, sizes, problem.file or relative_name(problem.path, output.parent), problem.sha256),
        task=TaskSpec("max-of-k", {"n_ctx": sizes.n_ctx, "d_vocab": sizes.d_vocab}),
        precision=strategy.precision,
        steps=proposal.steps if problem.run is None else with_float_tables(proposal.steps, problem.run),
        provenance=provenance,
    )


@cache
def _torch_version() -> str:
    return version("torch")


def claim_of(problem: Problem, correct: int) -> ClaimSpec:
    """The claim that so many sequences are right, in the sense of the problem."""
    sizes, run = problem.dimensions, problem.run
    total = sizes.d_vocab**sizes.n_ctx
    if run is None:
        return accuracy_at_least(correct, total, problem.margin)
    numbers = {"roundings": run.roundings, "tau": f"{run.tau.numerator}/{run.tau.denominator}", "kappa": run.kappa}
    return ClaimSpec("float_accuracy_at_least", {"correct": correct, "total": total, "format": run.format.name, **numbers})


def with_float_tables(steps: tuple[Step, ...], run: FloatRun) -> tuple[Step, ...]:
    """The steps with the tables of float evaluations between the path expansion and what follows."""
    rule = "float-tables" if run.format.short is None else "float-stages"
    found: list[Step] = []
    tables = {step.id for step in steps if step.rule == "path-expansion"}
    for step in steps:
        found.append(replace(step, premises=tuple("floats" if premise in tables else premise for premise in step.premises)))
        if step.id in tables:
            found.append(Step("floats", rule, (step.id,)))
    return tuple(found)


def relative_name(file: Path, folder: Path) -> str:
    """`file` as seen from `folder`, by the name that the user gave: a link stays a link, so a Hugging Face snapshot names no blob.

    The folders in between are resolved only where the plain name would lead elsewhere, as `..` after a linked folder does.
    """
    plain = os.path.relpath(file.absolute(), folder.absolute())
    try:
        leads_there = (folder / plain).samefile(file)
    except OSError:
        leads_there = False
    if not leads_there:
        plain = os.path.relpath(file.parent.resolve() / file.name, folder.resolve())
    return Path(plain).as_posix()


def with_claim(certificate: Certificate, correct: int) -> Certificate:
    """The same certificate with another claim."""
    return certificate.claiming(correct=correct)


__all__ = ["ProveError", "Proved", "certify", "draft", "prove", "refuse_existing", "relative_name", "with_claim"]
