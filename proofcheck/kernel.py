"""The kernel: replays a certificate's steps and compares its claim with what was derived.

Theorem (kernel). If `replay` returns an Outcome without raising, then the network defined by `weights` (SHA-256 = the certificate's)
answers at least `outcome.correct` of `outcome.total` inputs of the task correctly, and certificate.correct ≤ outcome.correct,
certificate.total = outcome.total.
Proof: by induction over the steps every fact in `facts` is true: each is made by a rule of `RULES` from true premises of the kinds that
the rule's theorem names. The last step's fact is a `ProvedCount`, and the claim is compared with it last.  ∎

1. The digest of the weights, the dimensions, the task and the total are checked before anything is computed.
2. The work is computed from shapes and compared with the limits before any arithmetic.
3. Steps run in file order; premises are ids of earlier steps, so there are no cycles. Every step but the last is a premise of a later one.
4. The kernel knows rules by name and facts by type, and no strategy.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from time import perf_counter

from proofcheck.arithmetic import Arithmetic
from proofcheck.arithmetic.backend import Backend
from proofcheck.arithmetic.operations import counting
from proofcheck.certificate import Certificate, Step, sha256_hex
from proofcheck.errors import Declined, ProofcheckError, Reason, Rejected
from proofcheck.limits import Limits, shown
from proofcheck.memo import Memo
from proofcheck.models import AttentionOnly, Dimensions, decode_weights
from proofcheck.models.attention_only import ARCHITECTURE, TENSORS, refuse_other_declarations
from proofcheck.rules import RULES, Rule
from proofcheck.rules.facts import Fact, ProvedCount, rule_application
from proofcheck.rules.rule import Context
from proofcheck.tasks import MaxOfK
from proofcheck.tasks.max_of_k import NAME as MAX_OF_K

Observer = Callable[[Step, Fact], object]


@dataclass(frozen=True, slots=True)
class StepRecord:
    """What one step cost: counted arithmetic operations and seconds."""

    id: str
    rule: str
    operations: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was derived: at least `correct` of `total` inputs, at least `wrong` wrongly; undecided: see `ProvedBlocks`.

    notes: what a reader should know about the weight file.
    """

    correct: int
    total: int
    undecided: int
    wrong: int
    steps: tuple[StepRecord, ...]
    notes: tuple[str, ...] = ()


def replay(
    certificate: Certificate,
    weights: bytes,
    arithmetic: Arithmetic,
    limits: Limits,
    memo: Memo,
    observe: Observer,
) -> Outcome:
    """Check `certificate` against the bytes of its weight file. Raises Rejected or Declined with a reason code.

    memo: values of the last network, computed again where this one is another.
    observe: is handed each step with its fact, after it was made.
    """
    check_digest(certificate, weights)
    task = check_frame(certificate, limits)
    rules = check_steps(certificate, limits, arithmetic.backend)
    memo.enter((certificate.weights_sha256, certificate.dimensions, limits))
    model, metadata = memo.once(("model",), lambda: _decode_model(certificate.dimensions, weights, limits))
    notes = check_metadata(metadata, task)
    context = Context(model, task, arithmetic, limits, memo)
    facts: dict[str, Fact] = {}
    records = []
    arithmetic.activate()
    for step, rule in zip(certificate.steps, rules, strict=True):
        start = perf_counter()
        with _errors_in(step), counting() as counter:
            facts[step.id] = _apply(context, rule, step, facts)
        observe(step, facts[step.id])
        records.append(StepRecord(step.id, step.rule, counter.total, perf_counter() - start))
    conclusion = facts[certificate.steps[-1].id]
    if not isinstance(conclusion, ProvedCount):
        last = certificate.steps[-1]
        raise Rejected(
            Reason.NO_CONCLUSION,
            "the last step does not prove a count",
            step=last.id,
            rule=last.rule,
            expected="ProvedCount",
            found=type(conclusion).__name__,
        )
    outcome = Outcome(conclusion.correct, task.total(), conclusion.undecided, conclusion.wrong, tuple(records), notes)
    if not certificate.correct <= outcome.correct:
        raise Rejected(
            Reason.NOT_PROVED,
            "the claim is larger than what the steps prove",
            path="$.claim.accuracy_at_least.correct",
            expected=f"at most {outcome.correct}",
            found=str(certificate.correct),
            hint=_hint_not_proved(outcome),
        )
    return outcome


def check_digest(certificate: Certificate, weights: bytes) -> None:
    """Rejected(digest-mismatch) unless the weights are the ones the certificate is about."""
    digest = sha256_hex(weights)
    if digest != certificate.weights_sha256:
        raise Rejected(
            Reason.DIGEST_MISMATCH,
            "the weight file is not the one the certificate is about",
            path="$.model.weights.sha256",
            expected=certificate.weights_sha256,
            found=digest,
            hint="--model FILE names another copy of the same bytes; it cannot name another model",
        )


def check_frame(certificate: Certificate, limits: Limits) -> MaxOfK:
    """Architecture, dimensions, task and total; returns the task."""
    if certificate.architecture != ARCHITECTURE:
        raise Declined(
            Reason.UNSUPPORTED_ARCHITECTURE,
            "the architecture is not known",
            path="$.model.architecture",
            expected=ARCHITECTURE,
            found=certificate.architecture,
        )
    if certificate.task != MAX_OF_K:
        raise Declined(Reason.UNSUPPORTED_TASK, "the task is not known", path="$.task.name", expected=MAX_OF_K, found=certificate.task)
    sizes = certificate.dimensions
    limits.require("sequence_length", sizes.n_ctx, path="$.model.dimensions.n_ctx")
    for name in ("d_vocab", "d_model", "d_head"):
        limits.require("dimension", sizes.size(name), path=f"$.model.dimensions.{name}")
    largest_table = max(sizes.d_vocab, sizes.n_ctx, sizes.d_model, sizes.d_head) ** 2
    limits.require("table_entries", largest_table, path="$.model.dimensions")
    for name, size in (("n_ctx", certificate.task_n_ctx), ("d_vocab", certificate.task_d_vocab)):
        if size != sizes.size(name):
            raise Rejected(
                Reason.TASK_MISMATCH,
                f"the task and the model differ in {name}",
                path=f"$.task.{name}",
                expected=str(sizes.size(name)),
                found=str(size),
            )
    digits = sizes.n_ctx * (sizes.d_vocab.bit_length() - 1) * 3 // 10  # of the total, at least: 3/10 < log 2
    limits.require("integer_digits", digits, path="$.task")
    task = MaxOfK(sizes.n_ctx, sizes.d_vocab)
    if certificate.total != task.total():
        raise Rejected(
            Reason.WRONG_TOTAL,
            "the claimed total is not the number of inputs of the task",
            path="$.claim.accuracy_at_least.total",
            expected=shown(task.total()),
            found=shown(certificate.total),
        )
    return task


def check_steps(certificate: Certificate, limits: Limits, backend: Backend) -> list[Rule]:
    """The shape of the proof: known rules, earlier premises in the right number, hints of the right shape, every step used, work."""
    if not certificate.steps:
        raise Rejected(Reason.NO_CONCLUSION, "there are no steps", path="$.steps", expected="at least one step", found="none")
    known: set[str] = set()
    used: set[str] = set()
    rules = []
    work = 0
    for step in certificate.steps:
        with _errors_in(step):
            rule = _rule(step)
            if step.id in known:
                raise Rejected(Reason.DUPLICATE_STEP, f"the step id {step.id} stands twice", found=step.id)
            for premise in step.premises:
                if premise not in known:
                    message = f"{premise} is not an earlier step"
                    raise Rejected(Reason.UNKNOWN_STEP, message, expected="the id of an earlier step", found=premise)
            _check_arity(rule, step)
            _check_hints(rule, step, certificate.dimensions, limits)
            work += rule.work(certificate.dimensions, limits, step.hints, len(step.premises), backend)
            limits.require("work", work)
        known.add(step.id)
        used.update(step.premises)
        rules.append(rule)
    for step in certificate.steps[:-1]:
        if step.id not in used:
            raise Rejected(Reason.UNUSED_STEP, "no later step uses this one", step=step.id, rule=step.rule, found=step.id)
    return rules


def _apply(context: Context, rule: Rule, step: Step, facts: Mapping[str, Fact]) -> Fact:
    premises = tuple(facts[premise] for premise in step.premises)
    for k, fact in enumerate(premises):
        kind = rule.premises[min(k, len(rule.premises) - 1)]
        if not isinstance(fact, kind):
            raise Rejected(
                Reason.WRONG_PREMISE,
                f"premise {k} is of the wrong kind",
                expected=kind.__name__,
                found=type(fact).__name__,
            )
    with rule_application():
        return rule.apply(context, *premises, **{name: kind.decode(step.hints[name]) for name, kind in rule.hints.items()})


def _rule(step: Step) -> Rule:
    if step.rule not in RULES:
        raise Rejected(Reason.UNKNOWN_RULE, f"there is no rule {step.rule}", found=step.rule, hint="`proofcheck rules` lists the rules")
    return RULES[step.rule]


def _check_arity(rule: Rule, step: Step) -> None:
    wanted, found = len(rule.premises), len(step.premises)
    if found < wanted or (found > wanted and not rule.variadic):
        more = " or more" if rule.variadic else ""
        raise Rejected(Reason.WRONG_PREMISE, "wrong number of premises", expected=f"{wanted}{more}", found=str(found))


def _check_hints(rule: Rule, step: Step, dimensions: Dimensions, limits: Limits) -> None:
    if set(step.hints) != set(rule.hints):
        raise Rejected(
            Reason.BAD_HINT,
            "the hints are not those of the rule",
            expected=", ".join(sorted(rule.hints)) or "no hints",
            found=", ".join(sorted(step.hints)) or "no hints",
        )
    for name, kind in rule.hints.items():
        kind.check(name, step.hints[name], dimensions, limits)


@contextmanager
def _errors_in(step: Step) -> Iterator[None]:
    """Refusals name the step; arithmetic that leaves its range is a refusal, not a crash."""
    try:
        yield
    except ProofcheckError as error:
        error.in_step(step.id, step.rule)
        raise
    except ArithmeticError as error:
        raise Rejected(
            Reason.OUT_OF_RANGE,
            f"the arithmetic of this step left its range: {error}",
            step=step.id,
            rule=step.rule,
            hint="try --backend arb, or a higher --precision",
        ) from error
    except MemoryError as error:
        raise Declined(Reason.LIMIT_EXCEEDED, "this step needs more memory than there is", step=step.id, rule=step.rule) from error


def check_metadata(metadata: Mapping[str, str], task: MaxOfK) -> tuple[str, ...]:
    """Rejected(metadata-mismatch) if the weight file declares another task; a note where it declares none."""
    declared = metadata.get("proofcheck.task")
    if declared is None:
        return ("the weight file does not say for which task the network was trained",)
    if declared != task.words():
        raise Rejected(
            Reason.METADATA_MISMATCH,
            "the weight file declares another task than the certificate",
            path="__metadata__.proofcheck.task",
            expected=task.words(),
            found=declared[:200],
            hint="claim something about the task that the network was trained for, or correct the metadata",
        )
    return ()


def _decode_model(dimensions: Dimensions, weights: bytes, limits: Limits) -> tuple[AttentionOnly, Mapping[str, str]]:
    """The exact model, and what its file declares."""
    decoded = decode_weights(weights, TENSORS, limits)
    refuse_other_declarations(decoded.metadata)
    model = AttentionOnly(dimensions, decoded.tensors)
    limits.require("table_bits", model.table_bits(), path="$.model")
    return model, decoded.metadata


def _hint_not_proved(outcome: Outcome) -> str:
    if outcome.undecided:
        return f"{outcome.undecided} sequences stayed undecided: try a higher --precision"
    return "the strategy that wrote the certificate claims more than it proves"
