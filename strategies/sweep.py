"""Many certificates: each is searched, written as a draft, verified at once by the checker's process, and only then gets its name.

A sweep can be stopped at any moment, by Ctrl-C or kill -9, and begun again: certificates stay, and drafts are verified instead of
searched for again. Files are written under a name of their own and renamed when they are whole.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

import torch

from proofcheck import Certificate, Limits, ProofcheckError, decode_certificate, encode_certificate
from strategies import workers
from strategies.budget import Budget
from strategies.checker import CheckerEnded, CheckerProcess
from strategies.emit import ProveError, certify, draft
from strategies.max_of_k.registry import STRATEGIES
from strategies.max_of_k.strategy import Problem
from strategies.models.load import ModelError
from strategies.suitability import refusal


@dataclass(frozen=True, slots=True)
class Pair:
    """A model and a strategy."""

    model: Path
    strategy: str

    @property
    def group(self) -> tuple[Path, str]:
        """Strategies of one QK error share its directions."""
        return self.model, self.strategy.rpartition("--")[2]


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a pair. code, message: why there is no certificate ("" if there is one); report: `Report.as_json`, {} if none."""

    code: str = ""
    message: str = ""
    report: dict[str, Any] = field(default_factory=dict)
    left_out: str = ""
    search_seconds: float = 0.0
    check_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Sweep:
    """Certificates `<model>--<strategy>.json` in `folder`; drafts have hidden names. search_seconds: of each search."""

    folder: Path
    jobs: int = 1
    limits: Limits = field(default_factory=Limits)
    search_seconds: float = float("inf")

    def final(self, pair: Pair) -> Path:
        """Where the certificate of a pair goes."""
        return self.folder / f"{pair.model.stem}--{pair.strategy}.json"

    def hidden(self, pair: Pair) -> Path:
        """Where its draft lies until it has verified."""
        return self.folder / f".{pair.model.stem}--{pair.strategy}.draft"

    def missing(self, pairs: Sequence[Pair], *, force: bool) -> list[Pair]:
        """The pairs without a certificate. Drops drafts if `force`, and what a kill left over.

        Raises OSError, ModelError for a bad model.
        """
        for leftover in self.folder.glob(".*.draft.*.tmp"):
            leftover.unlink(missing_ok=True)
        problems = {model: Problem(model) for model in dict.fromkeys(pair.model for pair in pairs)}
        for problem in problems.values():
            refused = refusal(problem)
            if refused:
                raise ModelError(refused)
        if force:
            for pair in pairs:
                self.hidden(pair).unlink(missing_ok=True)
            return list(pairs)
        return [pair for pair in pairs if self.certificate(self.final(pair), problems[pair.model], pair.strategy) is None]

    def run(self, pairs: Sequence[Pair]) -> Iterator[tuple[Pair, Result]]:
        """Each pair with its result, as it is done. An existing certificate is replaced by the one that has verified."""
        yield from workers.run(pairs, partial(worker, self), _lost, self.jobs)

    def certificate(self, path: Path, problem: Problem, strategy: str) -> Certificate | None:
        """The certificate or draft at `path` if it is one of this strategy and these weights."""
        try:
            found = decode_certificate(path.read_bytes(), self.limits)
        except (OSError, ProofcheckError):
            return None
        sizes = problem.dimensions
        same = found.weights_sha256 == problem.sha256 and found.total == sizes.d_vocab**sizes.n_ctx
        return found if same and found.provenance.get("strategy") == strategy else None


def worker(sweep: Sweep) -> Callable[[Pair], Result]:
    """What does one pair after another in this process, with one checker, and the searches of the last model kept."""
    torch.set_num_threads(1)  # the tensors are small, and each process has its core
    checker = CheckerProcess(sweep.limits)
    latest: list[Problem] = []

    def work(pair: Pair) -> Result:
        if not latest or latest[0].path != pair.model:
            latest[:] = [Problem(pair.model, sweep.limits, Budget(sweep.search_seconds))]
        return do(sweep, latest[0], checker, pair)

    return work


def do(sweep: Sweep, problem: Problem, checker: CheckerProcess, pair: Pair) -> Result:
    """Search unless there is a draft, verify, rename."""
    start = perf_counter()
    hidden = sweep.hidden(pair)
    certificate = sweep.certificate(hidden, problem, pair.strategy)
    if certificate is None:
        try:
            certificate = draft(problem, STRATEGIES[pair.strategy], hidden)
        except ProveError as error:
            return Result(error.code, str(error), search_seconds=perf_counter() - start)
        write(hidden, encode_certificate(certificate))
    search_seconds = perf_counter() - start
    start = perf_counter()
    try:
        report = certify(checker, hidden, certificate, problem)
    except ProveError as error:
        hidden.unlink(missing_ok=True)
        return Result(error.code or "internal", str(error), search_seconds=search_seconds, check_seconds=perf_counter() - start)
    except CheckerEnded as error:
        hidden.unlink(missing_ok=True)
        return Result("checker-ended", str(error), search_seconds=search_seconds, check_seconds=perf_counter() - start)
    os.replace(hidden, sweep.final(pair))
    return Result("", "", report, certificate.provenance.get("left_out", ""), search_seconds, perf_counter() - start)


def write(path: Path, data: bytes) -> None:
    """The file whole or not at all, whatever happens meanwhile."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f"{path.name}.", suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        Path(temporary).chmod(0o644)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _lost(pair: Pair, why: str) -> Result:
    return Result("worker-lost", why)
