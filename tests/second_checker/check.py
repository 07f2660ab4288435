"""Replay certificates with the second checker: python -m tests.second_checker.check [--budget OPERATIONS] CERT…"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import stat
import sys
from fractions import Fraction
from math import ceil
from pathlib import Path

from tests.second_checker.certificate_format import ATTENTION_SIZES, Certificate, decode
from tests.second_checker.facts import Context, ProvedCount
from tests.second_checker.gzip_file import expanded
from tests.second_checker.limits import MOST_DIGITS, MOST_DIMENSION, MOST_SEQUENCE_LENGTH, MOST_TABLE_ENTRIES
from tests.second_checker.outcome import Outcome, RefusedError, TooLargeError, declined, rejected
from tests.second_checker.published import unexplained_dimension
from tests.second_checker.rules import RULES, covers
from tests.second_checker.rules_floats import FIELDS as FLOAT_FIELDS
from tests.second_checker.rules_floats import FORMATS, Floats
from tests.second_checker.rules_losses import CLAIMS as LOSS_CLAIMS
from tests.second_checker.rules_losses import LossSum, follows, nats_of
from tests.second_checker.sum_of_tables import SIZES, read_sum_of_tables
from tests.second_checker.tasks import FIELDS as TASK_FIELDS
from tests.second_checker.tasks import Task, read_task, require_names, whole_number
from tests.second_checker.transformer import MAY_BE_ZERO, read_options, read_transformer
from tests.second_checker.transformer import SIZES as TRANSFORMER_SIZES
from tests.second_checker.weights import read_network

BUDGET = 2_000_000
ATTENTION = "attention-only-one-layer-one-head"
ARCHITECTURES = {ATTENTION: ATTENTION_SIZES, "sum-of-tables-relu": SIZES, "transformer": TRANSFORMER_SIZES}


def check(path: str | os.PathLike[str], budget: int = BUDGET) -> Outcome:
    """The outcome for a certificate file. budget: interval operations for one step."""
    claimed = total = -1
    try:
        certificate = decode(expanded(read_regular(Path(path))))
        claimed, total = certificate.correct, certificate.total
        data = read_weights(Path(path), certificate)
        task = read_frame(certificate)
        check_steps(certificate)
        require_small(certificate, budget)
        network = read_model(data, certificate, task.words)
        context = Context(network, budget, task, certificate.precision, rounded_up(margin_of(certificate)), floats_of(certificate))
        conclusion = replay(certificate, context)
        if isinstance(conclusion, LossSum):
            return judged(certificate, conclusion, context)
        numbers = derived(certificate, conclusion)
    except RefusedError as refusal:
        return Outcome(refusal.verdict, refusal.reason, claimed, total, str(refusal))
    except TooLargeError as error:
        return Outcome("TOO-LARGE", "", claimed, total, str(error))
    return Outcome("", "", claimed, total, "", numbers, tuple(context.doubts)).with_claim(claimed)


def read_model(data: bytes, certificate: Certificate, task: str) -> object:
    """The network, as its architecture says."""
    if certificate.architecture == ATTENTION:
        return read_network(data, certificate.dimensions, task)
    if certificate.architecture == "transformer":
        return read_transformer(data, certificate.dimensions, read_options(certificate.options), task)
    return read_sum_of_tables(data, certificate.dimensions, task)


def judged(certificate: Certificate, conclusion: LossSum, context: Context) -> Outcome:
    """The verdict on a claim about the mean loss. Claims between proofcheck's bounds and these may be refused by it."""
    proved = f"steps prove {float(conclusion.lower / certificate.total):.12g} to {float(conclusion.upper / certificate.total):.12g}"
    if follows(certificate.claim_kind, nats_of(certificate.claim["nats"]), certificate.total, conclusion):
        context.doubts.append(("REJECTED", "not-proved"))
        return Outcome("VERIFIED", "", -1, certificate.total, proved, {}, tuple(context.doubts))
    return Outcome("REJECTED", "not-proved", -1, certificate.total, proved)


def derived(certificate: Certificate, conclusion: ProvedCount) -> dict[str, tuple[int, int]]:
    """Every number that a report derives from the steps, as (least, most); exact: 0 or 1, whether all inputs are decided."""
    (least, most), (surely_wrong, most_wrong) = conclusion.correct, conclusion.wrong
    dimension = unexplained_dimension(certificate)
    return {
        "proved": conclusion.correct,
        "wrong": conclusion.wrong,
        "undecided": conclusion.undecided,
        "exact": (int(least + surely_wrong == certificate.total), int(most + most_wrong >= certificate.total)),
        "published": (conclusion.published, conclusion.published),
        "unexplained dimension": (dimension, dimension),
    }


def read_regular(path: Path) -> bytes:
    """The bytes of a regular file that is no symbolic link."""
    try:
        mode = path.lstat().st_mode
    except (OSError, ValueError) as error:
        raise declined("unreadable-file", str(path)) from error
    if not stat.S_ISREG(mode):
        raise declined("not-a-regular-file", str(path))
    return path.read_bytes()


def read_weights(path: Path, certificate: Certificate) -> bytes:
    """The bytes of the weight file, if their digest is that of the certificate."""
    if certificate.weights_file.startswith("/") or certificate.weights_file == "" or "\0" in certificate.weights_file:
        raise rejected("bad-string", "$.model.weights.file")
    data = read_regular(path.parent / certificate.weights_file)
    if hashlib.sha256(data).hexdigest() != certificate.weights_sha256:
        raise rejected("digest-mismatch", "$.model.weights.sha256")
    return data


def require_small(certificate: Certificate, budget: int) -> None:
    """TooLargeError if reading the weights and multiplying them costs more than the budget: one for an entry, one for ten products."""
    if certificate.architecture == "transformer":
        return  # few operations for each weight; the rule looks at what its forward passes cost
    n, d, D = (certificate.dimensions[name] for name in ("n_ctx", "d_vocab", "d_model"))
    if certificate.architecture == ATTENTION:
        H = certificate.dimensions["d_head"]
        entries = (2 * d + n) * D + 4 * D * H + 3 * d * d
        products = (2 * d * d + 4 * d * H + 2 * n * d) * (D + H)
    else:
        entries, products = n * d * D + D * certificate.dimensions["d_vocab_out"], 0
    if entries + products // 10 > budget:
        raise TooLargeError(f"tables: {entries + products // 10} operations, budget {budget}")


def read_frame(certificate: Certificate) -> Task:
    """What the certificate is about, before any arithmetic: extensions, names, sizes, task, total."""
    if certificate.extensions:
        raise declined("untrusted-extension", "$.extensions", list(certificate.extensions))
    if certificate.architecture not in ARCHITECTURES:
        raise declined("unsupported-architecture", "$.model.architecture", certificate.architecture)
    if certificate.task_name not in TASK_FIELDS:
        raise declined("unsupported-task", "$.task.name", certificate.task_name)
    if certificate.claim_kind not in ("accuracy_at_least", FLOAT_CLAIM, *LOSS_CLAIMS):
        raise declined("unsupported-claim", "$.claim", certificate.claim_kind)
    transformer = certificate.architecture == "transformer"
    check_sizes(certificate.dimensions, ARCHITECTURES[certificate.architecture], MAY_BE_ZERO if transformer else ())
    if transformer:
        read_options(certificate.options)
    else:
        require_names(certificate.options, (), "$.model.options")
    task = read_task(certificate)
    answers = certificate.dimensions.get("d_vocab_out", certificate.dimensions["d_vocab"])
    if (task.n_ctx, task.d_vocab) != (certificate.dimensions["n_ctx"], certificate.dimensions["d_vocab"]) or task.answers() > answers:
        raise rejected("task-mismatch", "$.task", certificate.task)
    if certificate.claim_kind == "accuracy_at_least":
        require_names(certificate.claim, ("correct", "total", *(("margin",) if "margin" in certificate.claim else ())), "$.claim")
        whole_number(certificate.claim["correct"], 0, "$.claim.correct")
    elif certificate.claim_kind == FLOAT_CLAIM:
        require_names(certificate.claim, (*FLOAT_FIELDS, *(("activation",) if "activation" in certificate.claim else ())), "$.claim")
        whole_number(certificate.claim["correct"], 0, "$.claim.correct")
    else:
        require_names(certificate.claim, ("nats", "total"), "$.claim")
        nats_of(certificate.claim["nats"])
    total = whole_number(certificate.claim["total"], 1, "$.claim.total")
    margin_of(certificate)
    floats_of(certificate)
    if digits_of(task) > MOST_DIGITS:
        raise declined("limit-exceeded", "$.task", "digits of the number of inputs")
    if total != task.total:
        raise rejected("wrong-total", f"$.claim.{certificate.claim_kind}.total", total)
    return task


FLOAT_CLAIM = "float_accuracy_at_least"
RATIONAL = re.compile(r"(-?[0-9]+)/([0-9]+)")


def floats_of(certificate: Certificate) -> Floats | None:
    """The assumptions of a claim about floats."""
    if certificate.claim_kind != FLOAT_CLAIM:
        return None
    claim = certificate.claim
    if not isinstance(claim["format"], str):
        raise rejected("wrong-type", "$.claim.format", "no string")
    if claim["format"] not in FORMATS:
        raise rejected("bad-string", "$.claim.format", claim["format"])
    N, kappa = whole_number(claim["roundings"], 1, "$.claim.roundings"), whole_number(claim["kappa"], 0, "$.claim.kappa")
    if N > 2**30 or kappa > 2**20:
        raise rejected("bad-number", "$.claim", "too large")
    activation = rational_of(claim["activation"], "$.claim.activation") if "activation" in claim else None
    return Floats(claim["format"], N, rational_of(claim["tau"], "$.claim.tau"), kappa, activation)


def margin_of(certificate: Certificate) -> Fraction:
    """The margin of the claim, 0 where it has none."""
    return rational_of(certificate.claim.get("margin", "0/1"), "$.claim.margin")


def rational_of(text: object, place: str) -> Fraction:
    """p/q in lowest terms, at least 0."""
    if not isinstance(text, str):
        raise rejected("wrong-type", place, type(text).__name__)
    match = RATIONAL.fullmatch(text)
    if not match or not match[2].strip("0"):
        raise rejected("bad-number", place, text[:80])
    if max(len(match[1].lstrip("-")), len(match[2])) > MOST_DIGITS:
        raise declined("limit-exceeded", place, "digits")
    value = Fraction(text)
    if text != f"{value.numerator}/{value.denominator}" or value < 0:
        raise rejected("bad-number", place, text[:80])
    return value


def rounded_up(margin: Fraction) -> Fraction:
    """The least multiple of 2^−64 that is not below it: docs/readings.md."""
    return Fraction(ceil(margin * 2**64), 2**64)


def digits_of(task: Task) -> int:
    """Of the number of inputs, at least."""
    return (task.d_vocab.bit_length() - 1) * task.n_ctx * 3 // 10


def check_sizes(dimensions: dict[str, int], names: tuple[str, ...], may_be_zero: tuple[str, ...] = ()) -> None:
    """The sizes that the architecture names, in its order and within the limits."""
    require_names(dimensions, names, "$.model.dimensions")
    for name, size in dimensions.items():
        if size < (0 if name in may_be_zero else 1):
            raise rejected("bad-number", f"$.model.dimensions.{name}", size)
    for name, size in dimensions.items():
        if size > (MOST_SEQUENCE_LENGTH if name == "n_ctx" else MOST_DIMENSION):
            raise declined("limit-exceeded", f"$.model.dimensions.{name}", size)
    if max(dimensions.values()) ** 2 > MOST_TABLE_ENTRIES:
        raise declined("limit-exceeded", "$.model.dimensions", "table entries")


def check_steps(certificate: Certificate) -> None:
    """Rules, ids, premises and the shapes of hints; the last step concludes, all others are used."""
    if not certificate.steps:
        raise rejected("no-conclusion", "$.steps", "empty")
    floats, margin = floats_of(certificate) is not None, margin_of(certificate) > 0
    for step in certificate.steps:
        if step.rule in RULES and not covers(step.rule, floats, margin):
            raise rejected("rule-not-applicable", step.id, step.rule)
    special = certificate.architecture == ATTENTION and certificate.task_name == "max-of-k"
    for step in certificate.steps:
        if step.rule in RULES and not (special or RULES[step.rule].general):
            raise rejected("rule-not-applicable", step.id, step.rule)
    sizes = dict(zip("ndDH", certificate.dimensions.values(), strict=False))  # only rules of the attention-only network ask for them
    earlier: dict[str, type] = {}
    used: set[str] = set()
    for step in certificate.steps:
        if step.id in earlier:
            raise rejected("duplicate-step", step.id)
        if step.rule not in RULES:
            raise rejected("unknown-rule", step.id, step.rule)
        rule = RULES[step.rule]
        for premise in step.premises:
            if premise not in earlier:
                raise rejected("unknown-step", step.id, premise)
        least = len(rule.premises)
        if len(step.premises) < least or (len(step.premises) > least and not rule.more):
            raise rejected("wrong-premise", step.id, f"{len(step.premises)} premises")
        if sorted(step.hints) != sorted(rule.hints):
            raise rejected("bad-hint", step.id, sorted(step.hints))
        for name, hint in rule.hints.items():
            hint.check(name, step.hints[name], sizes)
        earlier[step.id] = rule.fact
        used.update(step.premises)
    for step in certificate.steps[:-1]:
        if step.id not in used:
            raise rejected("unused-step", step.id)
    for step in certificate.steps:
        rule = RULES[step.rule]
        kinds = rule.premises + rule.premises[-1:] * (len(step.premises) - len(rule.premises))
        if any(not issubclass(earlier[premise], kind) for premise, kind in zip(step.premises, kinds, strict=True)):
            raise rejected("wrong-premise", step.id, "kind of fact")
    wanted = LossSum if certificate.claim_kind in LOSS_CLAIMS else ProvedCount
    if earlier[certificate.steps[-1].id] is not wanted:
        raise rejected("no-conclusion", certificate.steps[-1].id)


def replay(certificate: Certificate, context: Context) -> ProvedCount | LossSum:
    """The fact of the last step."""
    facts: dict[str, object] = {}
    for step in certificate.steps:
        rule = RULES[step.rule]
        facts[step.id] = rule.replay(context, *(facts[premise] for premise in step.premises), **step.hints)
        if not isinstance(facts[step.id], rule.fact):
            raise TypeError(f"{step.rule} gave {type(facts[step.id]).__name__}")
    conclusion = facts[certificate.steps[-1].id]
    if not isinstance(conclusion, ProvedCount | LossSum):
        raise TypeError("the last fact is no conclusion")
    return conclusion


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("certificates", nargs="+")
    parser.add_argument("--budget", type=int, default=BUDGET, help="interval operations for one step")
    arguments = parser.parse_args()
    outcomes = [check(path, arguments.budget) for path in arguments.certificates]
    for path, outcome in zip(arguments.certificates, outcomes, strict=True):
        print(f"{path}: {outcome.line()}")
    return 0 if all(outcome.verdict == "VERIFIED" for outcome in outcomes) else 1


if __name__ == "__main__":
    sys.exit(main())
