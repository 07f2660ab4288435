"""`verify`: files in, report out. The only place of the library that reads files."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from time import perf_counter
from typing import Any

import safetensors

from proofcheck._version import __version__
from proofcheck.arithmetic import Arithmetic
from proofcheck.arithmetic.backend import Backend
from proofcheck.arithmetic.software import versions as arithmetic_versions
from proofcheck.certificate import Certificate, decode_certificate, read_regular_file
from proofcheck.errors import Declined, ProofcheckError, Reason, Rejected
from proofcheck.kernel import replay
from proofcheck.limits import Limits, shown
from proofcheck.published_cost import published_cost
from proofcheck.report import Report, Verdict, refusal

_MOST_BITS = 2**20  # whatever --limit says: flint would take the machine's memory


def verify(
    certificate: str | Path | Certificate,
    model: str | Path | None = None,
    backend: Backend = "fast",
    limits: Limits | None = None,
    precision: int | None = None,
) -> Report:
    """Verify one certificate.

    certificate: a file, or a `Certificate` (then its weights file is relative to the working folder). model: another place of the same
    weight file (same bytes: the digest decides). backend: "fast" (float64 intervals) or "arb" (balls only). precision: bits of the balls
    instead of the certificate's. Never raises on a bad certificate: the report's verdict and error say what is wrong.
    """
    bounds = Limits() if limits is None else limits
    start = perf_counter()
    name = "<certificate>" if isinstance(certificate, Certificate) else str(certificate)
    known: dict[str, Any] = {"backend": backend, "versions": versions()}
    try:
        if isinstance(certificate, Certificate):
            decoded, folder = certificate, Path()
        else:
            path = Path(certificate)
            decoded = decode_certificate(read_regular_file(path, "certificate_bytes", bounds, follow_links=True), bounds)
            folder = path.parent
        bits = _precision(decoded, precision, bounds)
        known |= _described(decoded, bits)
        weights = _read_weights(decoded, folder, model, bounds)
        outcome = replay(decoded, weights, Arithmetic(backend, bits), bounds)
    except ProofcheckError as error:
        return refusal(name, error, seconds=perf_counter() - start, **known)
    except MemoryError:
        lack = Declined(Reason.LIMIT_EXCEEDED, "the memory of this process ran out", hint="nothing is said about the certificate")
        return refusal(name, lack, seconds=perf_counter() - start, **known)
    return Report(
        name,
        Verdict.VERIFIED,
        None,
        proved=outcome.correct,
        undecided=outcome.undecided,
        published=outcome.published,
        wrong=outcome.wrong,
        published_cost=published_cost(decoded),
        steps=outcome.steps,
        seconds=perf_counter() - start,
        **known,
    )


def versions() -> tuple[str, ...]:
    """The software a verdict relies on."""
    return (
        f"proofcheck {__version__}",
        *arithmetic_versions(),
        f"safetensors {safetensors.__version__}",
    )


def _described(certificate: Certificate, precision: int) -> dict[str, Any]:
    return {
        "claimed": certificate.correct,
        "total": certificate.total,
        "strategy": certificate.provenance.get("strategy", ""),
        "model_file": certificate.weights_file,
        "model_sha256": certificate.weights_sha256,
        "task": f"{certificate.task} n_ctx={certificate.task_n_ctx} d_vocab={certificate.task_d_vocab}",
        "precision": precision,
    }


def _precision(certificate: Certificate, override: int | None, limits: Limits) -> int:
    bits = certificate.precision if override is None else override
    limits.require("precision_most", bits, path="--precision")
    if bits > _MOST_BITS:
        raise Declined(Reason.LIMIT_EXCEEDED, "nobody needs balls of so many bits", expected=f"at most {_MOST_BITS}", found=shown(bits))
    if bits < limits.precision_least:
        raise Declined(Reason.USAGE, f"a precision of {bits} bits is too small", expected=f"at least {limits.precision_least}")
    return bits


def _read_weights(certificate: Certificate, folder: Path, model: str | Path | None, limits: Limits) -> bytes:
    """The file named by the user, or by the certificate: then relative to it, and no symbolic link."""
    if model is not None:
        return read_regular_file(Path(model), "weights_bytes", limits, follow_links=True)
    name = PurePosixPath(certificate.weights_file)
    if name.is_absolute() or not certificate.weights_file or "\0" in certificate.weights_file:
        raise Rejected(
            Reason.BAD_STRING,
            "the weights must be named relative to the certificate",
            path="$.model.weights.file",
            expected="a relative path",
            found=certificate.weights_file[:200],
        )
    return read_regular_file(folder / name, "weights_bytes", limits, follow_links=False)
