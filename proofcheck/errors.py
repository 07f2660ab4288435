"""Errors with reason codes. A refusal is data (code, place, numbers, next thing to try); `report.py` renders it.

`Rejected`: the certificate does not prove its claim (exit status 1). `Declined`: nothing is said about it (exit status 2).
Any other exception that leaves the kernel is a bug (exit status 3).
"""

from __future__ import annotations

from enum import Enum
from typing import Any


class Reason(str, Enum):
    """Reason codes: printed after the verdict, documented in docs/reason-codes.md, never reused."""

    __str__ = str.__str__

    # rejected: the file is not a certificate
    MALFORMED_JSON = "malformed-json"
    DUPLICATE_KEY = "duplicate-key"
    MISSING_FIELD = "missing-field"
    UNKNOWN_FIELD = "unknown-field"
    FIELD_ORDER = "field-order"
    WRONG_TYPE = "wrong-type"
    BAD_NUMBER = "bad-number"
    BAD_ARRAY = "bad-array"
    BAD_STRING = "bad-string"
    # rejected: its parts do not fit together
    DIGEST_MISMATCH = "digest-mismatch"
    BAD_WEIGHTS = "bad-weights"
    NON_FINITE_WEIGHT = "non-finite-weight"
    WRONG_SHAPE = "wrong-shape"
    TASK_MISMATCH = "task-mismatch"
    METADATA_MISMATCH = "metadata-mismatch"
    WRONG_TOTAL = "wrong-total"
    UNKNOWN_RULE = "unknown-rule"
    UNKNOWN_STEP = "unknown-step"
    DUPLICATE_STEP = "duplicate-step"
    UNUSED_STEP = "unused-step"
    NO_CONCLUSION = "no-conclusion"
    WRONG_PREMISE = "wrong-premise"
    RULE_NOT_APPLICABLE = "rule-not-applicable"
    BAD_HINT = "bad-hint"
    # rejected: the proof fails
    NOT_PROVED = "not-proved"
    OUT_OF_RANGE = "out-of-range"
    # declined
    USAGE = "usage"
    UNSOUND_PLATFORM = "unsound-platform"
    UNEXPECTED_MODEL = "unexpected-model"
    UNEXPECTED_TASK = "unexpected-task"
    UNREADABLE_FILE = "unreadable-file"
    NOT_A_REGULAR_FILE = "not-a-regular-file"
    UNSUPPORTED_FORMAT = "unsupported-format"
    UNSUPPORTED_ARCHITECTURE = "unsupported-architecture"
    UNSUPPORTED_TASK = "unsupported-task"
    UNSUPPORTED_CLAIM = "unsupported-claim"
    UNTRUSTED_EXTENSION = "untrusted-extension"
    LIMIT_EXCEEDED = "limit-exceeded"


class ProofcheckError(Exception):
    """Base of all refusals.

    code: why. message: one sentence. step, rule: the certificate step at fault. path: JSON path or tensor name. expected, found: the two
    numbers or words that differ. hint: the next thing to try.
    """

    def __init__(
        self,
        code: Reason,
        message: str,
        *,
        step: str = "",
        rule: str = "",
        path: str = "",
        expected: str = "",
        found: str = "",
        hint: str = "",
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.step = step
        self.rule = rule
        self.path = path
        self.expected = expected
        self.found = found
        self.hint = hint

    def __reduce__(self) -> tuple[Any, ...]:
        """Keyword-only data survives pickling: refusals cross process boundaries in `verify --jobs`."""
        return type(self), (self.code, self.message), self.__dict__

    def in_step(self, step: str, rule: str) -> None:
        """Record the step that was being checked, unless a place is already known."""
        self.step = self.step or step
        self.rule = self.rule or rule


class Rejected(ProofcheckError):
    """The certificate is not a proof of its claim."""


class Declined(ProofcheckError):
    """Nothing is said about the certificate: it could not be read, is of another version, or exceeds a limit."""
