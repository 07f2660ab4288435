"""What a certificate is about: from its names to an architecture, a task and a claim that fit together, within the limits.

Theorem (frame). If `read_frame` returns, then task and claim are those that the certificate's fields define, the reading is the claim's,
total and answers are the task's, and every limit on sizes holds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from proofcheck.catalogue import Catalogue
from proofcheck.certificate import Certificate
from proofcheck.claims import Claim, ClaimKind
from proofcheck.errors import Declined, Reason, Rejected
from proofcheck.kinds import read_fields
from proofcheck.limits import Limits
from proofcheck.models import Architecture, Dimensions, Options
from proofcheck.rules.reading import Reading
from proofcheck.tasks import Task

E = TypeVar("E")


@dataclass(frozen=True, slots=True)
class Frame:
    """reading: the claim's.

    sizes: the network's dimensions and, for costs, `inputs`, `candidates`, `answers`, `prepare`, `forward`, `products`.
    """

    architecture: Architecture
    dimensions: Dimensions
    options: Options
    task: Task
    claim: Claim
    claim_kind: ClaimKind
    reading: Reading
    sizes: Dimensions


def read_frame(certificate: Certificate, catalogue: Catalogue, limits: Limits) -> Frame:
    """Declined: untrusted-extension, unsupported-…, limit-exceeded. Rejected: task-mismatch, wrong-total, what is wrong with the fields."""
    require_extensions(certificate, catalogue)
    model = certificate.model
    architecture = _known(
        catalogue.architectures, model.architecture, Reason.UNSUPPORTED_ARCHITECTURE, "architecture", "$.model.architecture"
    )
    task_kind = _known(catalogue.tasks, certificate.task.name, Reason.UNSUPPORTED_TASK, "task", "$.task.name")
    claim_kind = _known(catalogue.claims, certificate.claim.kind, Reason.UNSUPPORTED_CLAIM, "claim", "$.claim")
    _require_names(model.dimensions, architecture)
    dimensions = architecture.read_dimensions(model.dimensions, limits)
    options = read_fields(model.options, architecture.options, "$.model.options", limits)
    fields = read_fields(certificate.task.fields, task_kind.fields, "$.task", limits)
    _require_small(fields, limits)
    task = task_kind.build(**fields)
    _require_fit(task, dimensions, architecture)
    at = f"$.claim.{claim_kind.name}"
    claim = claim_kind.build(**read_fields(certificate.claim.fields, claim_kind.fields, at, limits, claim_kind.optional))
    digits = task.n_ctx * (task.d_vocab.bit_length() - 1) * 3 // 10  # of the number of words, at least: 3/10 < log 2
    limits.require("integer_digits", digits, path="$.task")
    claim.require_task(task)
    sizes = sizes_for_costs(architecture, dimensions, options, task)
    return Frame(architecture, dimensions, options, task, claim, claim_kind, claim_kind.reading(claim), sizes)


def sizes_for_costs(architecture: Architecture, dimensions: Dimensions, options: Options, task: Task) -> Dimensions:
    """What the cost of a rule is computed from."""
    work = {"prepare": architecture.prepare(dimensions, options), "forward": architecture.forward(dimensions, options)}
    work["products"] = architecture.products(dimensions, options)
    return dimensions.with_(inputs=task.total(), candidates=task.candidates(), answers=architecture.answers(dimensions), **work)


def require_extensions(certificate: Certificate, catalogue: Catalogue) -> None:
    """Declined(untrusted-extension) unless each that is named is trusted in this version, and each that is used and trusted is named.

    So the verdict says whom it trusts.
    """
    used = (certificate.model.architecture, certificate.task.name, certificate.claim.kind, *(step.rule for step in certificate.steps))
    for name in used:
        owner, slash, _ = name.partition("/")
        if slash and owner in catalogue.extensions and owner not in certificate.extensions:
            raise Declined(
                Reason.UNTRUSTED_EXTENSION,
                f"the certificate uses {name} and does not name the extension {owner}",
                path="$.extensions",
                expected=f"{owner} {catalogue.extensions[owner].version}",
                found=", ".join(certificate.extensions) or "none",
            )
    for name, version in certificate.extensions.items():
        known = catalogue.extensions.get(name)
        if known is None or known.version != version:
            raise Declined(
                Reason.UNTRUSTED_EXTENSION,
                "the certificate needs an extension that is not trusted",
                path=f"$.extensions.{name}",
                expected=f"{name} {version}",
                found="none of that name" if known is None else f"{name} {known.version}",
                hint=f"if you trust its author as you trust proofcheck, install it and say --trust {name}",
            )


def _known(table: Mapping[str, E], name: str, code: Reason, what: str, path: str) -> E:
    if name not in table:
        raise Declined(code, f"the {what} is not known", path=path, expected=", ".join(table), found=name)
    return table[name]


def _require_names(dimensions: Mapping[str, int], architecture: Architecture) -> None:
    if tuple(dimensions) != architecture.dimensions:
        missing = [name for name in architecture.dimensions if name not in dimensions]
        extra = [name for name in dimensions if name not in architecture.dimensions]
        code = Reason.MISSING_FIELD if missing else Reason.UNKNOWN_FIELD if extra else Reason.FIELD_ORDER
        raise Rejected(
            code,
            f"the dimensions are not those of {architecture.name}",
            path="$.model.dimensions",
            expected=", ".join(architecture.dimensions),
            found=", ".join(dimensions),
        )


def _require_small(fields: Mapping[str, object], limits: Limits) -> None:
    """Before a task makes tables of these sizes."""
    for name, limit in (("n_ctx", "sequence_length"), ("d_vocab", "dimension")):
        size = fields.get(name)
        if isinstance(size, int):
            limits.require(limit, size, path=f"$.task.{name}")
    for name, value in fields.items():
        if isinstance(value, np.ndarray):
            limits.require("table_entries", value.size, path=f"$.task.{name}")


def _require_fit(task: Task, dimensions: Dimensions, architecture: Architecture) -> None:
    for name, size in (("n_ctx", task.n_ctx), ("d_vocab", task.d_vocab)):
        if size != dimensions[name]:
            raise Rejected(
                Reason.TASK_MISMATCH,
                f"the task and the model differ in {name}",
                path=f"$.task.{name}",
                expected=str(dimensions[name]),
                found=str(size),
            )
    if task.answers > architecture.answers(dimensions):
        raise Rejected(
            Reason.TASK_MISMATCH,
            "the task has answers that the network has no logit for",
            path="$.task",
            expected=f"answers below {architecture.answers(dimensions)}",
            found=f"answers below {task.answers}",
        )
