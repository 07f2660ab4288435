"""The items: one for each certificate, one for each expected certificate that is not there."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from proofcheck import Checker, Report, Verdict
from proofcheck.report import decimal, describe
from pytest_proofcheck import ENDINGS, EXPECTATIONS
from pytest_proofcheck.expectations import Expectation, ExpectationError, expected_in

CHECKER = pytest.StashKey[Checker]()


class CertificateError(Exception):
    """Why a certificate fails: lines for people."""


class CertificateFile(pytest.File):
    """One certificate."""

    def collect(self) -> Iterator[pytest.Item]:
        yield CertificateItem.from_parent(self, name="verify")


class CertificateItem(pytest.Item):
    """Passes if the certificate verifies and is as expected."""

    def runtest(self) -> None:
        wanted = expected_in(self.path.parent, self.config, EXPECTATIONS).get(self.path.name, Expectation())
        model = None if wanted.model is None else self.path.parent / wanted.model
        report = checker_of(self.config).verify(self.path, model=model)
        self.user_properties += [("verdict", report.line()), ("proved", report.proved), ("total", report.total)]
        found = list(complaints(self.path, report, wanted))
        if found:
            raise CertificateError("\n".join([*found, *context(report)]))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        if isinstance(excinfo.value, CertificateError | ExpectationError):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, None, str]:
        return self.path, None, f"certificate {self.path.name}"


class Expectations(pytest.File):
    """The file of expectations: an item for each certificate that it names and that is not there, or one if it cannot be read."""

    def collect(self) -> Iterator[pytest.Item]:
        try:
            names = list(expected_in(self.path.parent, self.config, EXPECTATIONS))
        except ExpectationError as error:
            yield Failure.from_parent(self, name="expectations", message=str(error))
            return
        for name in names:
            if not (self.path.parent / name).is_file():
                message = f"{self.path} expects a certificate {name}, and there is none"
                other = name.removesuffix(".gz") if name.endswith(".gz") else f"{name}.gz"
                if (self.path.parent / other).is_file():
                    message += f"; there is {other}"
                yield Failure.from_parent(self, name=name, message=message)
            elif not name.endswith(ENDINGS):
                message = f"{self.path} names {name}, but only {' and '.join(ENDINGS)} are certificates"
                yield Failure.from_parent(self, name=name, message=message)


class Failure(pytest.Item):
    """An item that fails with a message."""

    def __init__(self, *, message: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.message = message

    def runtest(self) -> None:
        raise CertificateError(self.message)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        return str(excinfo.value)


def checker_of(config: pytest.Config) -> Checker:
    """One for the session, so that certificates of one model share its tables."""
    if CHECKER not in config.stash:
        config.stash[CHECKER] = Checker(config.getoption("certificates_backend") or config.getini("proofcheck_backend"))
    return config.stash[CHECKER]


def complaints(path: Path, report: Report, wanted: Expectation) -> Iterator[str]:
    """What is not as expected, the most telling first."""
    code = "" if report.error is None else str(report.error.code)
    if str(report.verdict) != wanted.verdict or (wanted.reason is not None and code != wanted.reason):
        found = f"{report.verdict} {code}".strip()
        yield f"{path.name}: {found}, expected {wanted.verdict} {wanted.reason or ''}".rstrip()
    if wanted.sha256 is not None and (digest := hashlib.sha256(path.read_bytes()).hexdigest()) != wanted.sha256.lower():
        yield f"{path.name}: the file has SHA-256 {digest}, expected {wanted.sha256.lower()}"
    if wanted.model_sha256 is not None and report.model_sha256 != wanted.model_sha256.lower():
        yield f"{path.name}: about a model with SHA-256 {report.model_sha256 or 'unknown'}, expected {wanted.model_sha256.lower()}"
    if wanted.task is not None and report.task != wanted.task:
        yield f"{path.name}: about the task {report.task or 'unknown'}, expected {wanted.task}"
    if report.verdict is not Verdict.VERIFIED:
        return
    least = max(wanted.at_least or 0, -(-wanted.share * report.total // 1))
    if report.claimed < least:
        short = f"{least - report.claimed} fewer than the {least} expected"
        yield f"{path.name}: claims {report.claimed} of {report.total}, {short} (its steps prove {report.proved})"
    if wanted.exact and not report.exact:
        yield f"{path.name}: {report.total - report.proved - report.wrong} inputs are not decided, expected is an exact count"


def context(report: Report) -> Iterator[str]:
    """The refusal in full, and the margin of a claim."""
    if report.error is not None:
        yield from describe(report.error)
    if report.claimed and report.total:
        yield f"claim: {report.claimed} of {report.total} ({decimal(report.claimed, report.total)})"
    if report.steps:
        yield "steps: " + ", ".join(f"{step.id} ({step.rule})" for step in report.steps)
