"""`--jobs N` of a claim about losses: the same bounds, digit for digit, and no worker that ends, lies about its piece or answers junk makes
a verdict.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from process.test_pieces import ANSWERING, SETTINGS, replaced

import proofcheck
from proofcheck import Limits, Reason, Report, Step, Verdict
from proofcheck.certificate import Certificate, ClaimSpec
from proofcheck.cli.pieces import PiecesInProcesses, Unfit
from proofcheck.cli.settings import Settings
from proofcheck.rules.counting import evaluation, evaluation_losses
from proofcheck.rules.counting.loss_tally import decoded, encoded

NETWORKS = Path(__file__).parents[2] / "certificates" / "networks"
STEPS = (Step("losses", "evaluation-losses"), Step("count", "sum-losses", ("losses",)))


@pytest.fixture(autouse=True)
def many_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluation, "MOST_AT_ONCE", 64)


def about_losses(name: str = "max-of-2-layernorm", nats: str = "1/1") -> tuple[Certificate, Path]:
    found = proofcheck.load(NETWORKS / f"{name}.json")
    claim = ClaimSpec("mean_loss_at_most", {"nats": nats, "total": found.claim.fields["total"]})
    return replace(found, claim=claim, steps=STEPS), NETWORKS / found.model.file


def both(settings: Settings, processes: int, name: str = "max-of-2-layernorm") -> tuple[Report, Any]:
    """The report and the fact about blocks."""
    certificate, model = about_losses(name)
    facts: list[Any] = []

    def observe(step: Step, fact: Any) -> None:
        facts.append(fact)

    if processes == 1:
        report = settings.checker().verify(certificate, model=model, observe=observe)
    else:
        with closing(PiecesInProcesses(settings, processes, 0.0)) as pool:
            report = settings.checker().verify(certificate, model=model, observe=observe, pool=pool)
    return report, facts[0] if facts else None


def slowly(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """This process's own pieces take long; a list of them."""
    import time

    whole, own = evaluation_losses.losses_of, []

    def slow(context: Any) -> Any:
        part = whole(context)

        def waits(piece: Any) -> Any:
            own.append(piece)
            time.sleep(0.2)
            return part(piece)

        return waits

    monkeypatch.setattr(evaluation_losses, "losses_of", slow)
    return own


def test_the_bounds_are_the_same_and_others_did_some_of_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    alone, exact = both(SETTINGS, 1)
    alone.raise_for_verdict()
    own = slowly(monkeypatch)
    report, shared = both(SETTINGS, 2)
    assert shared.blocks == exact.blocks
    assert (report.verdict, report.proved_words, report.operations) == (Verdict.VERIFIED, alone.proved_words, alone.operations)
    assert 0 < len(own) < 64


@pytest.mark.parametrize("allowed", [0, 10, 100, 10**6])
def test_what_is_wide_is_settled_in_the_same_order(allowed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every enclosure is called wide: the first inputs are settled in balls, of the others the enclosures count."""
    monkeypatch.setattr(evaluation_losses, "wide", lambda losses: np.ones(losses.size, dtype=np.bool_))
    settings = Settings("fast", Limits(settled_in_balls=allowed), None, ())
    _, exact = both(settings, 1)
    monkeypatch.setattr(evaluation_losses, "checked", lambda sweep, pieces, here: _backwards(pieces, here))
    _, turned = both(settings, 1)
    assert turned.blocks == exact.blocks
    narrow = [block.upper - block.lower for block in exact.blocks.values()]
    monkeypatch.setattr(evaluation_losses, "wide", lambda losses: np.zeros(losses.size, dtype=np.bool_))
    _, plain = both(settings, 1)
    wide = [block.upper - block.lower for block in plain.blocks.values()]
    assert sum(narrow) <= sum(wide) if allowed else narrow == pytest.approx(wide)
    for key, block in exact.blocks.items():
        assert max(plain.blocks[key].lower, block.lower) <= min(plain.blocks[key].upper, block.upper)


def _backwards(pieces: Any, here: Any) -> Any:
    for index in reversed(range(len(pieces))):
        yield index, here(pieces[index])


def test_balls_in_two_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluation, "MOST_AT_ONCE", 2048)
    settings = Settings("arb", Limits(), 64, ())
    _, exact = both(settings, 1)
    _, shared = both(settings, 2)
    assert shared.blocks == exact.blocks


LIES = {
    "another piece": "honest(stream, (question[0], question[1] + 64, question[2] + 64), part, operations)",
    "junk": "stream.write(bytes(range(256)) * 100); stream.flush()",
    "no numbers": "honest(stream, question, part[:0], operations)",
    "numbers cut short": "honest(stream, question, part[:-1], operations)",
    "more numbers": "honest(stream, question, np.append(part, 7), operations)",
    "negative numbers": "honest(stream, question, -part, operations)",
    "inputs of another piece": "k = part[0]; part[1 + k : 1 + 2 * k] += 1; honest(stream, question, part, operations)",
    "inputs forgotten": "honest(stream, question, np.zeros(3, dtype=np.int64), operations)",
    "bounds of blocks that are none": "k = part[0]; part[2 + 5 * k - 1] = 2**40; honest(stream, question, part, operations)",
    "a lower bound above the upper": "k = 4 * part[0] + 1; b = part[k]; part[k + 2 + b] = 0; honest(stream, question, part, operations)",
    "a bound of a million words": "k = 4 * part[0] + 1; b = part[k]; part[k + 3 + b] = 10**6; honest(stream, question, part, operations)",
    "open inputs invented": "honest(stream, question, np.append(part, [99, 99, 99, 0, 0]), operations)",
}


@pytest.mark.parametrize("lie", LIES)
def test_a_lie_is_an_internal_error(lie: str, monkeypatch: pytest.MonkeyPatch) -> None:
    slowly(monkeypatch)
    replaced(monkeypatch, ANSWERING.format(body=LIES[lie]))
    with pytest.raises(RuntimeError):
        both(SETTINGS, 2)


def test_those_workers_would_be_believed_if_they_were_honest(monkeypatch: pytest.MonkeyPatch) -> None:
    own = slowly(monkeypatch)
    replaced(monkeypatch, ANSWERING.format(body="honest(stream, question, part, operations)"))
    assert both(SETTINGS, 2)[0].verdict is Verdict.VERIFIED
    assert len(own) < 64


@pytest.mark.parametrize("code", ["", "import os\nos.kill(os.getpid(), 9)"], ids=["ends at once", "is killed"])
def test_a_worker_that_ends_is_declined(code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    slowly(monkeypatch)
    replaced(monkeypatch, code)
    try:
        report, _ = both(SETTINGS, 2)
    except Unfit:
        return
    assert (report.verdict, report.error and report.error.code) == (Verdict.DECLINED, Reason.LIMIT_EXCEEDED)


def test_what_a_worker_cannot_do_is_done_here(monkeypatch: pytest.MonkeyPatch) -> None:
    own = slowly(monkeypatch)
    replaced(monkeypatch, ANSWERING.format(body="honest(stream, question, None, 0)"))
    monkeypatch.setattr(evaluation, "MOST_AT_ONCE", 1024)
    assert both(SETTINGS, 2)[0].verdict is Verdict.VERIFIED
    assert len(own) == 4


def test_numbers_are_read_as_they_were_written() -> None:
    rng = np.random.default_rng(0)
    numbers = [Fraction(0), Fraction(1), Fraction(2**64), Fraction(2**64 - 1, 2**300), Fraction(float(np.nextafter(0, 1)))]
    numbers += [Fraction(float(x)) for x in np.exp(rng.normal(size=50) * 100)]
    assert list(decoded(encoded(numbers))) == numbers
    assert list(decoded(encoded([]))) == []
    for wrong in (Fraction(-1), Fraction(1, 3)):
        with pytest.raises(ValueError, match="dyadic"):
            encoded([wrong])
    for cut in (1, 2, 4, 5):  # 3 integers are the last number
        with pytest.raises(RuntimeError):
            list(decoded(encoded(numbers[2:4])[:-cut]))
