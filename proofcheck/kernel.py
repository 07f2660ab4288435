"""The kernel: replays a certificate's steps and compares its claim with what was derived.

Theorem (kernel). If `replay` returns an Outcome without raising, then what `frame.claim` says is true of the network that `weights`
(SHA-256 = the certificate's) define under `frame.architecture`, and of the inputs of `frame.task`.
Proof: by induction over the steps every fact in `facts` is true in the claim's reading of "answered correctly": each is made by a rule of
the catalogue from true premises of the kinds that the rule's theorem names, for a network, a task and a reading to which it applies.
The claim is compared with the last step's fact, last.  ∎

1. The digest of the weights and the frame are checked before anything is computed.
2. The work is computed from sizes and compared with the limits before any arithmetic.
3. Steps run in file order; premises are ids of earlier steps, so there are no cycles. Every step but the last is a premise of a later one.
4. The kernel knows no architecture, task, claim or rule by name.
5. A fact is true of the network, the task and the reading that it was made for, whoever made it from what; so `memo`, which keeps facts
   within one network, task and reading, brings only true ones. Its keys name the rule, the hints, the premises' keys and the arithmetic,
   so that a step has the fact that it would make.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Any, Protocol

import numpy as np

from proofcheck.arithmetic import Arithmetic, platform_failures
from proofcheck.arithmetic.backend import Backend
from proofcheck.arithmetic.operations import counting
from proofcheck.catalogue import Catalogue
from proofcheck.certificate import Certificate, Step, sha256_hex
from proofcheck.decimals import duration
from proofcheck.errors import Declined, ProofcheckError, Reason, Rejected
from proofcheck.frame import Frame, read_frame
from proofcheck.limits import Limits, shown
from proofcheck.memo import Memo
from proofcheck.models import Dimensions, Model, decode_weights
from proofcheck.rules import Rule
from proofcheck.rules.fact import Fact, rule_application, sealed
from proofcheck.rules.reading import Reading
from proofcheck.rules.rule import Context
from proofcheck.rules.sweep import Part, PartOf, Sweep, Watch, in_turn
from proofcheck.tasks import Piece, Task

WORK_A_SECOND = 10**10  # roughly; for people (docs/limits.md)

Observer = Callable[[Step, Fact], object]
Progress = Callable[[Step, int, int], object]  # of `whole` inputs `done` are done


class Pool(Protocol):
    """Other processes, for steps that go over pieces. They are trusted to compute `part_of` of the same certificate: docs/soundness.md."""

    def sweep(self, certificate: Certificate, weights: bytes, arithmetic: Arithmetic, limits: Limits, step: Step) -> Sweep: ...


class Alone:
    """This process alone."""

    def sweep(self, certificate: Certificate, weights: bytes, arithmetic: Arithmetic, limits: Limits, step: Step) -> Sweep:
        return in_turn


def unseen(*whatever: object) -> None:
    """Observes nothing."""


@dataclass(frozen=True, slots=True)
class StepRecord:
    """What one step cost: counted arithmetic operations and seconds."""

    id: str
    rule: str
    operations: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """The fact that implies the claim. notes: what a reader should know about the weight file."""

    frame: Frame
    fact: Fact
    steps: tuple[StepRecord, ...]
    notes: tuple[str, ...]


def replay(
    certificate: Certificate,
    weights: bytes,
    arithmetic: Arithmetic,
    limits: Limits,
    memo: Memo,
    catalogue: Catalogue,
    observe: Observer = unseen,
    progress: Progress = unseen,
    pool: Pool | None = None,
) -> Outcome:
    """Check `certificate` against the bytes of its weight file. Raises Rejected or Declined with a reason code.

    memo: values of the last network, computed again where this one is another.
    observe: is handed each step with its fact, after it was made. progress: is told how far a long step is. pool: other processes.
    """
    frame, rules, context, notes = _opened(certificate, weights, arithmetic, limits, memo, catalogue)
    pool = pool or Alone()
    facts: dict[str, Fact] = {}
    records = []
    keys = _keys(certificate.steps, arithmetic)
    memo.begin(set(keys.values()))
    arithmetic.activate()
    for step, rule in zip(certificate.steps, rules, strict=True):
        start = perf_counter()
        require_sound_platform()

        def make(rule: Rule = rule, step: Step = step) -> Fact:
            sweep = pool.sweep(certificate, weights, arithmetic, limits, step)
            return _apply(replace(context, sweep=sweep, watch=_watch(frame, step, progress)), rule, step, facts)

        with _errors_in(step), counting() as counter:
            facts[step.id] = memo.fact(keys[step.id], make, shared=rule.shared)
        require_sound_platform()  # in the mode that the step ran in, too
        observe(step, facts[step.id])
        records.append(StepRecord(step.id, step.rule, counter.total, perf_counter() - start))
    last = certificate.steps[-1]
    conclusion = facts[last.id]
    if not isinstance(conclusion, frame.claim.conclusion):
        raise Rejected(
            Reason.NO_CONCLUSION,
            "the last step does not prove what the claim is about",
            step=last.id,
            rule=last.rule,
            expected=frame.claim.conclusion.__name__,
            found=type(conclusion).__name__,
        )
    frame.claim.compare(conclusion)
    return Outcome(frame, conclusion, tuple(records), notes)


def part_of(certificate: Certificate, weights: bytes, arithmetic: Arithmetic, limits: Limits, catalogue: Catalogue, step: str) -> PartOf:
    """The function by which the step of this id goes over pieces, for another process than the one that replays the certificate.

    Raises what `replay` raises before the step; LookupError if there is no such step, or it does not go over pieces.
    """
    _, rules, context, _ = _opened(certificate, weights, arithmetic, limits, Memo(), catalogue)
    found, rule = next((pair for pair in zip(certificate.steps, rules, strict=True) if pair[0].id == step), (None, None))
    if found is None or rule is None or rule.part is None:
        raise LookupError(f"step {step!r} does not go over pieces")
    arithmetic.activate()
    require_sound_platform()
    part = rule.part(context, **_decoded_hints(rule, found))

    def soundly(piece: Piece) -> Part:
        require_sound_platform()
        numbers = part(piece)
        require_sound_platform()
        return numbers

    return soundly


def _opened(
    certificate: Certificate, weights: bytes, arithmetic: Arithmetic, limits: Limits, memo: Memo, catalogue: Catalogue
) -> tuple[Frame, list[Rule], Context[Model, Task], tuple[str, ...]]:
    """All that is checked before the first step, its rules, what they may use, and notes."""
    check_digest(certificate, weights)
    frame = read_frame(certificate, catalogue, limits)
    check_applicable(certificate.steps, frame, catalogue)
    rules = check_steps(certificate.steps, frame.sizes, catalogue, limits, arithmetic.backend)
    network = (certificate.model.sha256, frame.architecture.name, frame.dimensions, _identity(certificate.model.options))
    memo.enter((*network, certificate.task.name, _identity(certificate.task.fields), limits, frame.reading))
    model, metadata = memo.once(("model",), lambda: decode_model(frame, weights, limits))
    notes = check_task_metadata(metadata, certificate.task.words())
    return frame, rules, Context(model, frame.task, arithmetic, limits, memo, frame.reading), notes


def _watch(frame: Frame, step: Step, progress: Progress) -> Watch:
    """Tells how far a step is, and gives up a claim that is refuted. The steps never see the claim, and what they prove is the same."""

    def watch(done: int, whole: int, wrong: int) -> None:
        if done < whole:  # else the comparison is as near, and says more
            frame.claim_kind.refute(frame.claim, done, whole, wrong)
        progress(step, done, whole)

    return watch


def require_sound_platform() -> None:
    """Declined(unsound-platform) if float64 arithmetic of this thread, now, does not round to nearest with subnormals; both backends."""
    failures = platform_failures()
    if failures:
        raise Declined(
            Reason.UNSOUND_PLATFORM,
            "; ".join(failures),
            expected="IEEE-754 binary64, round to nearest, gradual underflow",
            hint="something in this process has set a float mode (torch.set_flush_denormal, a library built with -ffast-math): "
            "undo it, or verify with the command `proofcheck`, in a process of its own",
        )


def check_digest(certificate: Certificate, weights: bytes) -> None:
    """Rejected(digest-mismatch) unless the weights are the ones the certificate is about."""
    digest = sha256_hex(weights)
    if digest != certificate.model.sha256:
        raise Rejected(
            Reason.DIGEST_MISMATCH,
            "the weight file is not the one the certificate is about",
            path="$.model.weights.sha256",
            expected=certificate.model.sha256,
            found=digest,
            hint="--model FILE names another copy of the same bytes; it cannot name another model",
        )


def check_applicable(steps: Sequence[Step], frame: Frame, catalogue: Catalogue) -> None:
    """Rejected(rule-not-applicable) before costs and hints are looked at: they may name sizes that only some architectures have."""
    for step in steps:
        with _errors_in(step):
            if step.rule in catalogue.rules:
                _require_applicable(frame.architecture.model, type(frame.task), frame.reading, catalogue.rules[step.rule])


def check_steps(steps: Sequence[Step], sizes: Dimensions, catalogue: Catalogue, limits: Limits, backend: Backend) -> list[Rule]:
    """The shape of the proof: known rules, earlier premises in the right number, hints of the right shape, every step used, work."""
    if not steps:
        raise Rejected(Reason.NO_CONCLUSION, "there are no steps", path="$.steps", expected="at least one step", found="none")
    known: set[str] = set()
    used: set[str] = set()
    rules = []
    work = 0
    for step in steps:
        with _errors_in(step):
            rule = _rule(step, catalogue)
            if step.id in known:
                raise Rejected(Reason.DUPLICATE_STEP, f"duplicate step id {step.id}", found=step.id)
            for premise in step.premises:
                if premise not in known:
                    message = f"{premise} is not an earlier step"
                    raise Rejected(Reason.UNKNOWN_STEP, message, expected="the id of an earlier step", found=premise)
            _check_arity(rule, step)
            _check_hints(rule, step, sizes, limits)
            rules.append(rule)
            work += rule.work(sizes, limits, step.hints, len(step.premises), backend)
            if work > limits.work:
                later = [(catalogue.rules[other.rule], other) for other in steps[len(rules) :] if other.rule in catalogue.rules]
                known_costs = [*zip(rules, steps, strict=False), *((rule, other) for rule, other in later if not rule.hints)]
                raise _too_much(work, known_costs, sizes, limits, backend)
        known.add(step.id)
        used.update(step.premises)
    for step in steps[:-1]:
        if step.id not in used:
            raise Rejected(Reason.UNUSED_STEP, "no later step uses this one", step=step.id, rule=step.rule, found=step.id)
    return rules


def _too_much(work: int, steps: Sequence[tuple[Rule, Step]], sizes: Dimensions, limits: Limits, backend: Backend) -> Declined:
    """Names a limit that is enough for these steps: what may be settled in balls grows with it."""
    enough = work
    for _ in range(64):
        more = replace(limits, work=enough)
        needed = sum(rule.work(sizes, more, step.hints, len(step.premises), backend) for rule, step in steps)
        if needed <= enough:
            break
        enough = needed + needed // 8
    return Declined(
        Reason.LIMIT_EXCEEDED,
        f"work is {shown(work)}, above the limit {shown(limits.work)}",
        expected=f"at most {shown(limits.work)}",
        found=shown(work),
        hint=f"raise it with --limit work={shown(enough)} if you trust the source: in the order of {duration(enough // WORK_A_SECOND)} of "
        "one processor; `verify --jobs N` shares the inputs of an evaluation",
    )


def check_task_metadata(metadata: Mapping[str, str], task: str) -> tuple[str, ...]:
    """Rejected(metadata-mismatch) if the weight file declares another task; a note where it declares none."""
    declared = metadata.get("proofcheck.task")
    if declared is None:
        return ("the weight file does not say for which task the network was trained",)
    if declared != task:
        raise Rejected(
            Reason.METADATA_MISMATCH,
            "the weight file declares another task than the certificate",
            path="__metadata__.proofcheck.task",
            expected=task,
            found=declared[:200],
            hint="claim something about the task that the network was trained for, or correct the metadata",
        )
    return ()


def _apply(context: Context[Model, Task], rule: Rule, step: Step, facts: Mapping[str, Fact]) -> Fact:
    _require_applicable(type(context.model), type(context.task), context.reading, rule)
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
        return sealed(rule.apply(context, *premises, **_decoded_hints(rule, step)))


def _decoded_hints(rule: Rule, step: Step) -> dict[str, Any]:
    return {name: kind.decode(step.hints[name]) for name, kind in rule.hints.items()}


def _require_applicable(model: type, task: type, reading: Reading, rule: Rule) -> None:
    """Rejected(rule-not-applicable) unless the rule's theorem is about such networks, such tasks and this reading."""
    if reading.kind not in rule.readings:
        raise Rejected(
            Reason.RULE_NOT_APPLICABLE,
            "the rule's theorem is about another reading of `answered correctly` than the claim's",
            expected=", ".join(sorted(rule.readings)),
            found=str(reading.kind),
            hint="docs/readings.md says which rules prove which claims",
        )
    for what, found, kind in (("network", model, rule.model), ("task", task, rule.task)):
        if not issubclass(found, kind):
            raise Rejected(
                Reason.RULE_NOT_APPLICABLE,
                f"the rule's theorem is about another kind of {what}",
                expected=kind.__name__,
                found=found.__name__,
                hint="`proofcheck rules NAME` says to what it applies; `evaluation` applies to every network and task",
            )


def _rule(step: Step, catalogue: Catalogue) -> Rule:
    if step.rule not in catalogue.rules:
        raise Rejected(Reason.UNKNOWN_RULE, f"unknown rule {step.rule}", found=step.rule, hint="`proofcheck rules` lists the rules")
    return catalogue.rules[step.rule]


def _check_arity(rule: Rule, step: Step) -> None:
    wanted, found = len(rule.premises), len(step.premises)
    if found < wanted or (found > wanted and not rule.variadic):
        more = " or more" if rule.variadic else ""
        raise Rejected(Reason.WRONG_PREMISE, "wrong number of premises", expected=f"{wanted}{more}", found=str(found))


def _check_hints(rule: Rule, step: Step, sizes: Dimensions, limits: Limits) -> None:
    if set(step.hints) != set(rule.hints):
        raise Rejected(
            Reason.BAD_HINT,
            "the hints are not those of the rule",
            expected=", ".join(sorted(rule.hints)) or "no hints",
            found=", ".join(sorted(step.hints)) or "no hints",
        )
    for name, kind in rule.hints.items():
        kind.check(name, step.hints[name], sizes, limits)


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


def _keys(steps: Sequence[Step], arithmetic: Arithmetic) -> dict[str, str]:
    """For each step a digest of what its fact depends on, apart from the network, the task, the limits and the reading."""
    keys: dict[str, str] = {}
    for step in steps:
        premises = tuple(keys[premise] for premise in step.premises)
        made_from = (step.rule, arithmetic.backend, arithmetic.precision, _identity(step.hints), premises)
        keys[step.id] = sha256_hex(repr(made_from).encode())
    return keys


def _identity(value: object) -> Hashable:
    """A value of a certificate by its whole content (arrays by their digest): the text form of an array may be cut short."""
    if isinstance(value, np.ndarray):
        return value.dtype.str, value.shape, sha256_hex(value.tobytes())
    if isinstance(value, Mapping):
        return tuple((name, _identity(item)) for name, item in value.items())
    return tuple(map(_identity, value)) if isinstance(value, tuple) else (type(value).__name__, str(value))


def decode_model(frame: Frame, weights: bytes, limits: Limits) -> tuple[Model, Mapping[str, str]]:
    """The exact network, and what its file declares."""
    decoded = decode_weights(weights, frame.architecture.tensors(frame.dimensions, frame.options), limits)
    frame.architecture.require_declarations(frame.options, decoded.metadata)
    model = frame.architecture.build(frame.dimensions, frame.options, decoded)
    limits.require("table_bits", model.table_bits(), path="$.model")
    return model, decoded.metadata
