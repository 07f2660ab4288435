"""`--dask ADDRESS`: certificates verified by the workers of a Dask cluster. Imported only when it is asked for; `distributed` likewise.

Every verdict is then a worker's word: each verdict line says `trusting workers at ADDRESS`. What a line is about is not: certificate and
weight file are read and decoded here, and claim, task, network and digest in the line are those of the files that were sent.
Messages of Dask are pickles, which run code: a scheduler or worker can do in this process whatever this process may do.
"""

from __future__ import annotations

import sys
import tempfile
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from proofcheck.certificate import Certificate, decode_certificate, encode_certificate, sha256_hex
from proofcheck.cli.main import DECLINED, INTERNAL
from proofcheck.cli.parallel import Job
from proofcheck.cli.settings import Settings
from proofcheck.errors import Declined, ProofcheckError, Reason, Rejected
from proofcheck.escape import escape
from proofcheck.frame import read_frame
from proofcheck.report import Report, Verdict, refusal
from proofcheck.verification import Checker, versions

CONNECT_SECONDS = 30
CHUNK = 16  # certificates of a task: neighbours share the tables of their network
AHEAD = 4  # tasks in flight for each thread of the cluster
RETRIES = 3  # of a task whose worker was lost


@dataclass(frozen=True, slots=True)
class _Sent:
    """One certificate and its weights, as they go to a worker."""

    certificate: bytes
    weights: bytes


def on_cluster(settings: Settings, jobs: list[Job], address: str) -> Iterator[Report]:
    """As `settings.checker().verify(*job)` for each job, in order; the verdicts are the workers'. SystemExit: 2 no cluster, 3 no answer."""
    try:
        from distributed import Client as UntypedClient
    except ImportError as error:
        print(
            f"proofcheck: --dask needs the package distributed: pip install 'proofcheck-nn[dask]' ({escape(str(error))})", file=sys.stderr
        )
        raise SystemExit(DECLINED) from error
    trusted = f"workers at {escape(address)}"
    print(f"proofcheck: the {trusted} are trusted: every verdict below is theirs, and their messages can run code here", file=sys.stderr)
    Client: Any = UntypedClient
    try:
        client = Client(address, timeout=CONNECT_SECONDS)
    except (OSError, ValueError) as error:
        print(f"proofcheck: no Dask cluster at {escape(address)}: {escape(str(error))}", file=sys.stderr)
        raise SystemExit(DECLINED) from error
    with client:
        client.unsubscribe_topic("print")  # nothing but this process writes to its standard output
        try:
            yield from _reports(client, settings, jobs, trusted)
        except (ProofcheckError, OSError):
            raise
        except Exception as error:  # what Dask raises for a task whose workers died, among others
            print(f"proofcheck: the cluster gave no answer: {escape(str(error))[:400]}", file=sys.stderr)
            raise SystemExit(INTERNAL) from error


def _reports(client: Any, settings: Settings, jobs: list[Job], trusted: str) -> Iterator[Report]:
    checker = settings.checker()
    chunks = iter([jobs[start : start + CHUNK] for start in range(0, len(jobs), CHUNK)])
    waiting: deque[tuple[list[Certificate | Report], list[str], Any]] = deque()
    ahead = AHEAD * max(1, sum(client.nthreads().values()))
    while True:
        while len(waiting) < ahead and (chunk := next(chunks, None)) is not None:
            read = [_read(checker, job) for job in chunk]
            sent = [there for _, there in read if there is not None]
            future = client.submit(verify_there, settings, sent, pure=False, retries=RETRIES) if sent else None
            waiting.append(([about for about, _ in read], [str(job[0]) for job in chunk], future))
        if not waiting:
            return
        known, names, future = waiting.popleft()
        answers = iter(future.result() if future is not None else ())
        for name, about in zip(names, known, strict=True):
            yield about if isinstance(about, Report) else _signed(name, about, next(answers), checker, trusted)


def _read(checker: Checker, job: Job) -> tuple[Certificate | Report, _Sent | None]:
    """What a job is about, and what goes to a worker; or the refusal of this process, and nothing."""
    name, models, expected = job
    try:
        certificate, weights = checker.read(name, models)
        expected.require(certificate)
        read_frame(certificate, checker.catalogue, checker.limits)
        if sha256_hex(weights) != certificate.model.sha256:
            raise Rejected(
                Reason.DIGEST_MISMATCH,
                "the weight file is not the one that the certificate is about",
                path="$.model.weights.sha256",
                expected=certificate.model.sha256,
                found=sha256_hex(weights),
            )
    except ProofcheckError as error:
        return refusal(str(name), error), None
    return certificate, _Sent(encode_certificate(certificate), weights)


def verify_there(settings: Settings, sent: Iterable[_Sent]) -> list[Report]:
    """On a worker: one report for each, by this package as it is installed there."""
    try:
        checker = settings.checker()
    except Declined as error:  # an extension that is not installed there
        return [refusal("", error) for _ in sent]
    reports = []
    with tempfile.TemporaryDirectory(prefix="proofcheck-") as folder:
        for one in sent:
            weights = Path(folder) / f"{sha256_hex(one.weights)}.safetensors"
            if not weights.exists():
                weights.write_bytes(one.weights)
            reports.append(replace(checker.verify(decode_certificate(one.certificate, settings.limits), weights), blocks=None))
    return reports


def _signed(name: str, certificate: Certificate, answer: Report, checker: Checker, trusted: str) -> Report:
    """A worker's report under this process's name for the file, with what is known here about it, and whom it trusts."""
    if answer.verdict is Verdict.VERIFIED and answer.versions[0] != versions()[0]:
        error = Declined(
            Reason.USAGE, "the workers run another release", path="--dask", expected=versions()[0], found=str(answer.versions[0])[:80]
        )
        return refusal(name, error)
    about = read_frame(certificate, checker.catalogue, checker.limits)
    verified = answer.verdict is Verdict.VERIFIED
    return replace(
        answer,
        certificate=name,
        claim=about.claim.words() if verified else "",
        assumptions=about.claim_kind.assumptions(about.claim) if verified else (),
        model_file=certificate.model.file,
        model_sha256=certificate.model.sha256,
        model_words=certificate.model.words(),
        task=certificate.task.words(),
        trusting=(*answer.trusting, trusted),
    )
