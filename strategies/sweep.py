"""Many certificates: each is searched, written as a draft, verified at once by the checker's process, and only then gets its name.

A sweep can be stopped at any moment, by Ctrl-C or kill -9, and begun again: certificates stay, and drafts are verified instead of
searched for again. Files are written under a name of their own and renamed when they are whole; a row of the table is written after the
certificate has its name, and a certificate without its row is verified once more.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from pathlib import Path
from time import perf_counter
from typing import Any

import torch

from proofcheck import Certificate, Limits, ProofcheckError, encode_certificate, load
from strategies import workers
from strategies.budget import Budget
from strategies.checker import CheckerEnded, CheckerProcess
from strategies.emit import ProveError, certify, draft
from strategies.max_of_k.registry import STRATEGIES
from strategies.max_of_k.strategy import Problem
from strategies.metrics.published_cost import published_cost
from strategies.models.load import ModelError
from strategies.suitability import refusal
from strategies.sweep_table import SweepTable, row_of
from strategies.write import file_of, packed_by_size, write


@dataclass(frozen=True, slots=True)
class Pair:
    """A model and a strategy. fresh: a certificate that is there is searched for again."""

    model: Path
    strategy: str
    fresh: bool = False

    @property
    def group(self) -> Path:
        """One process does the strategies of a model: they share its tables and searches."""
        return self.model


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a pair.

    code, message, verdict: why there is no certificate ("" if there is one). report: `Report.as_json` and the published count, {} if none.
    float_bound, left_out: what the search said. flops, unexplained_dimension: published conventions, 0 where they have none.
    """

    code: str = ""
    message: str = ""
    verdict: str = ""
    report: dict[str, Any] = field(default_factory=dict)
    float_bound: str = ""
    left_out: str = ""
    flops: int = 0
    unexplained_dimension: int = 0
    search_seconds: float = 0.0
    check_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Sweep:
    """Certificates `<model>--<strategy>.json` in `folder`, `.json.gz` above 64 KiB; drafts have hidden names.

    search_seconds: of each search. file: how the certificates name the weights, "" for the place where they are.
    """

    folder: Path
    jobs: int = 1
    limits: Limits = field(default_factory=Limits)
    search_seconds: float = float("inf")
    file: str = ""

    def final(self, pair: Pair, content: bytes | None = None) -> Path:
        """Where the certificate of a pair is, or goes if its file has this content."""
        return file_of(self.folder, f"{pair.model.stem}--{pair.strategy}", content)

    def settle(self, pair: Pair, found: Path) -> None:
        """Give the file that has verified its name, and drop one of the other ending."""
        before, final = self.final(pair), self.final(pair, found.read_bytes())
        os.replace(found, final)
        if before != final:
            before.unlink(missing_ok=True)

    def hidden(self, pair: Pair) -> Path:
        """Where its draft lies until it has verified."""
        return self.folder / f".{pair.model.stem}--{pair.strategy}.draft"

    def missing(self, pairs: Sequence[Pair], table: SweepTable, *, force: bool) -> list[Pair]:
        """The pairs without a certificate that the table knows. Drops drafts if `force`, and what a kill left over.

        Raises OSError, ModelError for a bad model.
        """
        for leftover in self.folder.glob(".*.draft.*.tmp"):
            leftover.unlink(missing_ok=True)
        digests = {}
        for model in dict.fromkeys(pair.model for pair in pairs):
            problem = Problem(model)
            refused = refusal(problem)
            if refused:
                raise ModelError(refused)
            digests[model] = problem.sha256
        if force:
            for pair in pairs:
                self.hidden(pair).unlink(missing_ok=True)
            return [replace(pair, fresh=True) for pair in pairs]
        return [pair for pair in pairs if not table.has(pair.model.stem, pair.strategy, digests[pair.model], self.final(pair))]

    def row(self, pair: Pair, result: Result) -> dict[str, Any]:
        """The row of the table."""
        problem = _problem(pair.model)
        return row_of(pair.model.stem, pair.strategy, problem.sha256, problem.task, result)

    def run(self, pairs: Sequence[Pair]) -> Iterator[tuple[Pair, Result]]:
        """Each pair with its result, as it is done. An existing certificate is replaced by the one that has verified."""
        yield from workers.run(pairs, partial(worker, self), _lost, self.jobs)

    def certificate(self, path: Path, problem: Problem, strategy: str) -> Certificate | None:
        """The certificate or draft at `path` if it is one of this strategy and these weights."""
        try:
            found = load(path, self.limits)
        except (OSError, ProofcheckError):
            return None
        sizes = problem.dimensions
        same = found.model.sha256 == problem.sha256 and found.claim.fields.get("total") == sizes.d_vocab**sizes.n_ctx
        return found if same and found.provenance.get("strategy") == strategy else None


def worker(sweep: Sweep) -> Callable[[Pair], Result]:
    """What does one pair after another in this process, with one checker, and the searches of the last model kept."""
    torch.set_num_threads(1)  # the tensors are small, and each process has its core
    gc.freeze()  # torch's modules are half a million objects, which no collection needs to look at
    checker = CheckerProcess(sweep.limits)
    latest: list[Problem] = []

    def work(pair: Pair) -> Result:
        if not latest or latest[0].path != pair.model:
            latest[:] = [Problem(pair.model, sweep.limits, Budget(sweep.search_seconds), file=sweep.file)]
        return do(sweep, latest[0], checker, pair)

    return work


def do(sweep: Sweep, problem: Problem, checker: CheckerProcess, pair: Pair) -> Result:
    """Search unless there is a draft or a certificate, verify, rename."""
    start = perf_counter()
    hidden, final = sweep.hidden(pair), sweep.final(pair)
    places = (hidden,) if pair.fresh else (hidden, final)
    found = next((path for path in places if sweep.certificate(path, problem, pair.strategy)), None)
    try:
        if found is None:
            found = hidden
            write(hidden, packed_by_size(encode_certificate(draft(problem, STRATEGIES[pair.strategy], hidden))))
        certificate = load(found, sweep.limits)
        search_seconds = perf_counter() - start
        start = perf_counter()
        report = certify(checker, found, certificate, problem, packed_by_size)
    except ProveError as error:
        hidden.unlink(missing_ok=True)
        verdict = ("DECLINED" if error.declined else "REJECTED") if error.code else ""
        return Result(error.code or "internal", str(error), verdict, search_seconds=perf_counter() - start)
    except CheckerEnded as error:
        hidden.unlink(missing_ok=True)
        return Result("checker-ended", str(error), search_seconds=perf_counter() - start)
    sweep.settle(pair, found)
    cost = published_cost(certificate)
    said = certificate.provenance
    return Result(
        report=report,
        float_bound=said.get("float_bound", ""),
        left_out=said.get("left_out", ""),
        flops=cost.flops,
        unexplained_dimension=cost.unexplained_dimension,
        search_seconds=search_seconds,
        check_seconds=perf_counter() - start,
    )


@lru_cache(maxsize=8)
def _problem(model: Path) -> Problem:
    """For digests and sizes, which are asked for once for each row."""
    return Problem(model)


def _lost(pair: Pair, why: str) -> Result:
    return Result("worker-lost", why)
