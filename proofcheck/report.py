"""The report of one verification: data first, text and JSON from the data. No mathematics."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from enum import Enum
from fractions import Fraction
from typing import Any, NoReturn

from proofcheck.blocks import Blocks
from proofcheck.decimals import decimal
from proofcheck.errors import Declined, ProofcheckError, Rejected
from proofcheck.escape import escape
from proofcheck.kernel import StepRecord


class Verdict(str, Enum):
    """VERIFIED: the claim is proved. REJECTED: it is not, by this certificate. DECLINED: nothing is said."""

    __str__ = str.__str__

    VERIFIED = "VERIFIED"
    REJECTED = "REJECTED"
    DECLINED = "DECLINED"


@dataclass(frozen=True, slots=True)
class Report:
    """What `proofcheck.verify` found out about one certificate.

    claimed, proved, total: counts of inputs (proved = 0 unless VERIFIED; what was derived, which may exceed the claim).
    undecided: inputs that were examined, one by one or in whole boxes, and could not be decided; they count as wrong.
    wrong: inputs that are proved to be answered wrongly.
    claim: in words, as the verdict line has it; "" unless VERIFIED. model_words: architecture, sizes and options.
    proved_words: what was derived, where it is no count of inputs; "" where it is.
    notes: what a reader should know about the weight file. assumptions: of the claim, in full sentences.
    trusting: extensions and machines that the verdict relies on.
    error: the refusal behind REJECTED or DECLINED, else None.
    blocks: what the steps prove for each last token and right answer; None unless VERIFIED by steps about blocks.
    """

    certificate: str
    verdict: Verdict
    error: ProofcheckError | None
    claim: str = ""
    proved_words: str = ""
    claimed: int = 0
    proved: int = 0
    total: int = 0
    undecided: int = 0
    wrong: int = 0
    strategy: str = ""
    model_file: str = ""
    model_sha256: str = ""
    model_words: str = ""
    task: str = ""
    backend: str = ""
    precision: int = 0
    steps: tuple[StepRecord, ...] = ()
    notes: tuple[str, ...] = ()
    assumptions: tuple[str, ...] = ()
    trusting: tuple[str, ...] = ()
    seconds: float = 0.0
    versions: tuple[str, ...] = ()
    blocks: Blocks | None = field(default=None, repr=False, compare=False)

    @property
    def accuracy(self) -> Fraction:
        """The proved lower bound on the accuracy; 0 unless VERIFIED."""
        return Fraction(self.proved, self.total) if self.verdict is Verdict.VERIFIED and self.total else Fraction(0)

    @property
    def exact(self) -> bool:
        """Every input is decided: `proved` is the exact number of correct answers and `wrong` the rest."""
        return self.verdict is Verdict.VERIFIED and self.proved + self.wrong == self.total > 0

    @property
    def operations(self) -> int:
        """The checker's own count of arithmetic operations."""
        return sum(step.operations for step in self.steps)

    @property
    def exit_code(self) -> int:
        """0 verified, 1 rejected, 2 declined."""
        return {Verdict.VERIFIED: 0, Verdict.REJECTED: 1, Verdict.DECLINED: 2}[self.verdict]

    def raise_for_verdict(self) -> None:
        """Raise the Rejected or Declined error unless VERIFIED."""
        if self.error is not None:
            raise self.error

    def __bool__(self) -> NoReturn:
        raise TypeError("a Report has no truth value: compare report.verdict with Verdict.VERIFIED, or call raise_for_verdict()")

    def line(self) -> str:
        """The verdict line: what is claimed, about what, by which file. Closed grammar, docs/soundness.md.

        s VERIFIED <claim> task <task> network <architecture, sizes, options> model sha256:<digest>
            [trusting <extension> <version> sha256:<digest>|workers at <address>, …] certificate <file>
        s REJECTED|DECLINED <reason code> certificate <file>
        """
        file = f"certificate {escape(self.certificate)}"
        if self.verdict is Verdict.VERIFIED:
            trusting = f"trusting {escape(', '.join(self.trusting))} " if self.trusting else ""
            about = f"task {escape(self.task)} network {escape(self.model_words)}"
            return f"s VERIFIED {self.claim} {about} model sha256:{self.model_sha256} {trusting}{file}"
        return f"s {self.verdict} {self.error.code if self.error else 'internal'} {file}"

    def as_json(self) -> dict[str, Any]:
        """The same report for machines; integers beyond 2^53 are still integers."""
        error = self.error
        return {
            "certificate": self.certificate,
            "verdict": str(self.verdict),
            "line": self.line(),
            "exit_code": self.exit_code,
            "claim": self.claim,
            "claimed": self.claimed,
            "proved": self.proved,
            "proved_words": self.proved_words,
            "total": self.total,
            "wrong": self.wrong,
            "exact": self.exact,
            "undecided": self.undecided,
            "strategy": self.strategy,
            "model": {"file": self.model_file, "sha256": self.model_sha256, "words": self.model_words},
            "task": self.task,
            "arithmetic": {"backend": self.backend, "precision": self.precision},
            "operations": self.operations,
            "steps": [asdict(step) for step in self.steps],
            "notes": list(self.notes),
            "assumptions": list(self.assumptions),
            "trusting": list(self.trusting),
            "seconds": self.seconds,
            "versions": list(self.versions),
            "error": None
            if error is None
            else {
                "code": str(error.code),
                "message": error.message,
                "step": error.step,
                "rule": error.rule,
                "path": error.path,
                "expected": error.expected,
                "found": error.found,
                "hint": error.hint,
            },
        }

    def details(self) -> list[str]:
        """What is known, in lines for people, each with the name of what it says; escaped."""
        lines = [("certificate", self.certificate)]
        if self.model_sha256:
            lines += [
                ("model", f"{self.model_file} SHA-256 {self.model_sha256}"),
                ("network", self.model_words),
                ("task", self.task),
                ("strategy", f"{self.strategy} (as the certificate calls itself)"),
                ("arithmetic", f"{self.backend}, balls of {self.precision} bits; {', '.join(self.versions)}"),
            ]
        if self.verdict is Verdict.VERIFIED:
            lines += [("note", note) for note in self.notes]
            lines.append(("proved", self.proved_words or f"{self.proved} of {self.total} inputs"))
            if self.exact:
                lines.append(("exact", f"every input is decided: {self.wrong} are answered wrongly"))
            if self.undecided:
                lines.append(("undecided", f"{self.undecided} inputs, counted as wrong"))
            lines.append(("cost", f"{self.operations} operations, {self.seconds:.2f} s"))
        return [escape(f"{name:11} {text}") for name, text in lines]

    def __str__(self) -> str:
        """For `print`: the verdict with its claim or its reason, then the details."""
        about = [f"{self.verdict} {self.claim}"] if self.error is None else [str(self.verdict), *describe(self.error)]
        return "\n".join([*about, *self.details()])

    def to_rows(self, table: str = "blocks") -> list[dict[str, Any]]:
        """A table as rows: "blocks" (those that have inputs), "steps", or "report": one row, for tables of several reports.

        ValueError for another name. Rows of "blocks" are none where `blocks` is None.
        """
        if table == "blocks":
            return [block._asdict() for block in self.blocks or ()]
        if table == "steps":
            return [asdict(step) for step in self.steps]
        if table != "report":
            raise ValueError(f"there is no table {table!r}; there are 'blocks', 'steps' and 'report'")
        kept = ("certificate", "claimed", "proved", "total", "wrong", "undecided", "exact", "strategy", "task", "operations", "seconds")
        names = {"verdict": str(self.verdict), "code": str(self.error.code) if self.error else "", "accuracy": float(self.accuracy)}
        return [names | {name: getattr(self, name) for name in kept} | {"model_sha256": self.model_sha256}]

    def to_pandas(self, table: str = "blocks") -> Any:
        """`to_rows(table)` as a pandas.DataFrame. ImportError where pandas is not installed."""
        try:
            from pandas import DataFrame
        except ImportError as error:
            raise ImportError("to_pandas needs pandas, which is not installed: pip install pandas; to_rows does without") from error
        return DataFrame(self.to_rows(table))

    def _repr_html_(self) -> str:
        """For notebooks."""
        from proofcheck.html import report_as_html

        return report_as_html(self)


def refusal(certificate: str, error: ProofcheckError, **known: Any) -> Report:
    """The report of a refusal."""
    verdict = Verdict.REJECTED if isinstance(error, Rejected) else Verdict.DECLINED
    return Report(certificate, verdict, error, **known)


_LONGEST_LINE = 1_000


def describe(error: ProofcheckError) -> list[str]:
    """The lines of an error message: what, where, numbers, what to try."""
    where = " ".join(f"{name} {text}" for name, text in (("step", error.step), ("rule", error.rule), ("at", error.path)) if text)
    lines = [f"{error.code}: {error.message}" + (f" ({where})" if where else "")]
    if error.expected:
        lines.append(f"  expected: {error.expected}")
    if error.found:
        lines.append(f"  found:    {error.found}")
    if error.hint:
        lines.append(f"  hint:     {error.hint}")
    return [escape(line if len(line) <= _LONGEST_LINE else line[:_LONGEST_LINE] + "…") for line in lines]


__all__ = ["Declined", "Rejected", "Report", "Verdict", "decimal", "describe", "escape", "refusal"]
