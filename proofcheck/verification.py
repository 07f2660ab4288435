"""`Checker` and `verify`: files in, report out. The only place of the library that reads files.

Several threads may verify at once: flint's precision belongs to the process, so replays take turns, and it is restored afterwards.
Nothing is kept between calls but the tables and facts of one network, inside a `Checker`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from time import perf_counter
from typing import Any

import safetensors

from proofcheck._version import __version__
from proofcheck.arithmetic import Arithmetic, exclusive_precision, platform_failures
from proofcheck.arithmetic.backend import LEAST_PRECISION, Backend
from proofcheck.arithmetic.software import versions as arithmetic_versions
from proofcheck.blocks import BlocksOf
from proofcheck.catalogue import BUILT_IN, Extension
from proofcheck.certificate import (
    Certificate,
    decode_certificate,
    encode_certificate,
    read_certificate_file,
    read_regular_file,
    sha256_hex,
)
from proofcheck.errors import Declined, ProofcheckError, Reason, Rejected
from proofcheck.kernel import Observer, Pool, Progress, replay, require_sound_platform, unseen
from proofcheck.limits import Limits, shown
from proofcheck.memo import Memo
from proofcheck.report import Report, Verdict, refusal

_MOST_BITS = 2**20  # whatever --limit says: flint would take the machine's memory

Place = str | Path


@dataclass(frozen=True, slots=True)
class Expected:
    """What the caller expects a certificate to be about; None expects nothing. Compared before anything is computed.

    sha256: of the weight file. task: its words as reports print them, such as "max-of-k n_ctx=4 d_vocab=64".
    """

    sha256: str | None = None
    task: str | None = None

    def require(self, certificate: Certificate) -> None:
        """Declined(unexpected-model, unexpected-task) where the certificate is about something else."""
        if self.sha256 is not None and certificate.model.sha256 != self.sha256.lower():
            raise Declined(
                Reason.UNEXPECTED_MODEL,
                "the certificate is about another model than expected",
                path="$.model.weights.sha256",
                expected=self.sha256.lower(),
                found=certificate.model.sha256,
            )
        if self.task is not None and certificate.task.words() != self.task:
            raise Declined(
                Reason.UNEXPECTED_TASK,
                "the certificate is about another task than expected",
                path="$.task",
                expected=self.task,
                found=certificate.task.words(),
            )


class Checker:
    """Verifies certificates one after another; what they share about one network is computed once.

    backend: "fast" (float64 intervals) or "arb" (balls only). limits: None for those of `Limits()`, which verify every shipped certificate.
    precision: bits of the balls instead of each certificate's.
    trust: extensions whose code is trusted as this package's; Declined(untrusted-extension) for bad names.
    """

    def __init__(
        self,
        backend: Backend = "fast",
        limits: Limits | None = None,
        precision: int | None = None,
        trust: Sequence[Extension] = (),
    ) -> None:
        self.backend = backend
        self.limits = Limits() if limits is None else limits
        self.precision = precision
        self.trust = tuple(trust)
        self.catalogue = BUILT_IN.trusting(self.trust)
        self._memo = Memo()

    def verify(
        self,
        certificate: Place | Certificate,
        model: Place | Sequence[Place] | None = None,
        expected: Expected | None = None,
        observe: Observer | None = None,
        progress: Progress | None = None,
        pool: Pool | None = None,
    ) -> Report:
        """Verify one certificate: a file, `-` for standard input, or a `Certificate`.

        model: another place of the same weight file, or several files, of which the one with the right digest is taken. Where it is not
        given, the name in the certificate counts, relative to the certificate's folder (else to the working folder).
        observe: is called with each step and its fact, for reports; progress with a long step, inputs done and all inputs. They decide
        nothing. pool: processes that share the work (docs/soundness.md, Processes).
        Never raises on a bad certificate: the report's verdict and error say what is wrong.
        """
        start = perf_counter()
        name = "<certificate>" if isinstance(certificate, Certificate) else str(certificate)
        known: dict[str, Any] = {"backend": self.backend, "versions": versions()}
        found = BlocksOf(observe)
        try:
            require_sound_platform()
            decoded, folder = self._read(certificate)
            bits = _precision(decoded, self.precision, self.limits)
            known |= _described(decoded, bits)
            (expected or Expected()).require(decoded)
            weights = _read_weights(decoded, folder, model, self.limits)
            with exclusive_precision(), self._taken_memo() as memo:
                arithmetic = Arithmetic(self.backend, bits)
                outcome = replay(decoded, weights, arithmetic, self.limits, memo, self.catalogue, found, progress or unseen, pool)
        except ProofcheckError as error:
            return refusal(name, error, seconds=perf_counter() - start, **known)
        except MemoryError:
            lack = Declined(Reason.LIMIT_EXCEEDED, "the memory of this process ran out", hint="nothing is said about the certificate")
            return refusal(name, lack, seconds=perf_counter() - start, **known)
        numbers = outcome.frame.claim_kind.numbers(outcome.fact)
        return Report(
            name,
            Verdict.VERIFIED,
            None,
            claim=outcome.frame.claim.words(),
            proved_words=outcome.frame.claim_kind.words(outcome.fact, outcome.frame.task.total()),
            steps=outcome.steps,
            notes=outcome.notes,
            assumptions=outcome.frame.claim_kind.assumptions(outcome.frame.claim),
            trusting=tuple(self._trusted(name) for name in decoded.extensions),
            seconds=perf_counter() - start,
            **known,
            proved=numbers.get("proved", 0),
            undecided=numbers.get("undecided", 0),
            wrong=numbers.get("wrong", 0),
            blocks=found.blocks(outcome.frame.task),
        )

    def read(self, certificate: Place | Certificate, model: Place | Sequence[Place] | None = None) -> tuple[Certificate, bytes]:
        """The decoded certificate and the bytes of its weight file, both unchecked; places as for `verify`. Raises Rejected, Declined."""
        decoded, folder = self._read(certificate)
        return decoded, _read_weights(decoded, folder, model, self.limits)

    @contextmanager
    def _taken_memo(self) -> Iterator[Memo]:
        """The memo; a fresh one where an observer verifies while its own replay is under way, so that two replays never share one.

        What is kept stays where the claim is proved, or is more than what is proved. After any other refusal or error, and in a float mode
        that something set meanwhile, nothing stays: a step may have computed in that mode, or not to its end.
        """
        memo, self._memo = self._memo, Memo()
        try:
            yield memo
        except ProofcheckError as error:
            memo = memo if error.code is Reason.NOT_PROVED and not platform_failures() else Memo()
            raise
        except BaseException:
            memo = Memo()
            raise
        finally:
            self._memo = memo

    def _trusted(self, name: str) -> str:
        extension = self.catalogue.extensions[name]
        return f"{name} {extension.version} sha256:{extension.digest}"

    def _read(self, certificate: Place | Certificate) -> tuple[Certificate, Path]:
        """The decoded certificate and the folder that its weights are relative to.

        What is in memory passes the same decoder: no subclass, view or shared array of the caller's reaches a rule.
        """
        if not isinstance(certificate, Certificate):
            path = Path(certificate)
            return decode_certificate(read_certificate_file(path, self.limits), self.limits), path.parent
        try:
            data = encode_certificate(certificate)
        except (TypeError, ValueError, AttributeError, OverflowError, RecursionError) as error:
            raise Rejected(Reason.WRONG_TYPE, f"the certificate cannot be written as a file: {error}") from error
        return decode_certificate(data, self.limits), Path()


def verify(
    certificate: Place | Certificate,
    model: Place | Sequence[Place] | None = None,
    backend: Backend = "fast",
    limits: Limits | None = None,
    precision: int | None = None,
    expected: Expected | None = None,
    trust: Sequence[Extension] = (),
) -> Report:
    """Verify one certificate: `Checker(backend, limits, precision, trust).verify(certificate, model, expected)`."""
    return Checker(backend, limits, precision, trust).verify(certificate, model, expected)


def versions() -> tuple[str, ...]:
    """The software a verdict relies on."""
    return (
        f"proofcheck {__version__}",
        *arithmetic_versions(),
        f"safetensors {safetensors.__version__}",
    )


def _described(certificate: Certificate, precision: int) -> dict[str, Any]:
    return {
        "claimed": _count(certificate, "correct"),
        "total": _count(certificate, "total"),
        "strategy": certificate.provenance.get("strategy", ""),
        "model_file": certificate.model.file,
        "model_sha256": certificate.model.sha256,
        "model_words": certificate.model.words(),
        "task": certificate.task.words(),
        "precision": precision,
    }


def _count(certificate: Certificate, name: str) -> int:
    """A number of the claim; 0 where it has none of that name, or something else (the frame is not read yet)."""
    value = certificate.claim.fields.get(name, 0)
    return value if isinstance(value, int) else 0


def _precision(certificate: Certificate, override: int | None, limits: Limits) -> int:
    bits = certificate.precision if override is None else override
    limits.require("precision_most", bits, path="--precision")
    if bits > _MOST_BITS:
        raise Declined(Reason.LIMIT_EXCEEDED, "precision exceeds the maximum", expected=f"at most {_MOST_BITS}", found=shown(bits))
    least = max(limits.precision_least, LEAST_PRECISION)
    if bits < least:
        raise Declined(Reason.USAGE, f"a precision of {bits} bits is too small", expected=f"at least {least}")
    return bits


def _read_weights(certificate: Certificate, folder: Path, model: Place | Sequence[Place] | None, limits: Limits) -> bytes:
    """One of the files that the user named, or the certificate's: then relative to it, and no symbolic link."""
    if isinstance(model, str | Path):
        return read_regular_file(Path(model), "weights_bytes", limits, follow_links=True)
    if model is not None:
        return _with_digest(certificate.model.sha256, model, limits)
    name = PurePosixPath(certificate.model.file)
    if name.is_absolute() or not certificate.model.file or "\0" in certificate.model.file:
        raise Rejected(
            Reason.BAD_STRING,
            "the weights must be named relative to the certificate",
            path="$.model.weights.file",
            expected="a relative path",
            found=certificate.model.file[:200],
        )
    try:
        return read_regular_file(folder / name, "weights_bytes", limits, follow_links=False)
    except Declined as error:
        if error.code is Reason.UNREADABLE_FILE:
            error.expected = f"the weight file with SHA-256 {certificate.model.sha256}"
            error.hint = "if it lies elsewhere, name it with --model FILE"
        raise


def _with_digest(digest: str, models: Sequence[Place], limits: Limits) -> bytes:
    """The bytes of the first file with this digest; files that cannot be read are passed over, unless none has it."""
    unread: Declined | None = None
    for model in models:
        try:
            data = read_regular_file(Path(model), "weights_bytes", limits, follow_links=True)
        except Declined as error:
            unread = unread or error
            continue
        if sha256_hex(data) == digest:
            return data
    if unread is not None:
        raise unread
    raise Declined(
        Reason.UNEXPECTED_MODEL,
        "none of the files named by --model is the one that the certificate is about",
        expected=digest,
        found=", ".join(map(str, models))[:400],
        hint="name the file with this SHA-256",
    )
