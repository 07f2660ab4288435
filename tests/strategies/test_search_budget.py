"""Searches that end in time and fit the checker's limit on work, and always leave a certificate that says what it leaves out."""

from __future__ import annotations

import io
import re
import shutil
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

import proofcheck
from proofcheck import Limits, Step
from strategies.budget import Budget, OutOfTime
from strategies.cli.main import main
from strategies.emit import ProveError, draft, prove
from strategies.max_of_k.fitting import fits, work_of
from strategies.max_of_k.registry import STRATEGIES
from strategies.max_of_k.separable_terms import FloatTerms, block_minimum
from strategies.max_of_k.strategy import Problem
from strategies.models.save import save
from strategies.progress import Progress

MODELS = Path(__file__).parents[2] / "certificates" / "models"
SMALL = MODELS / "max-of-3-d-vocab-16-seed-0.safetensors"
SEARCHES = ("exact", "separable-counting")


@cache
def untrained_positions(folder: Path, n_ctx: int) -> Path:
    """A network of 16 tokens that was trained for 3 positions, with n_ctx random ones: most blocks are open, and few are settled easily."""
    tensors = load_file(SMALL)
    generator = torch.Generator().manual_seed(0)
    tensors["pos_embed.W_pos"] = 0.14 * torch.randn(n_ctx, tensors["pos_embed.W_pos"].shape[1], generator=generator)
    path = folder / f"untrained-{n_ctx}.safetensors"
    save(tensors, path)
    return path


@pytest.fixture(scope="module")
def hard(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return untrained_positions(tmp_path_factory.mktemp("hard"), 8)


@pytest.fixture(scope="module")
def medium(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return untrained_positions(tmp_path_factory.mktemp("medium"), 5)


@pytest.mark.parametrize("name", SEARCHES)
def test_a_search_without_time_still_leaves_a_certificate(name: str, medium: Path, tmp_path: Path) -> None:
    short = prove(Problem(medium, budget=Budget(1e-9)), STRATEGIES[name], tmp_path / "short.json")
    assert "--search-seconds" in short.left_out
    assert proofcheck.verify(tmp_path / "short.json", model=medium).verdict is proofcheck.Verdict.VERIFIED
    long = prove(Problem(medium), STRATEGIES[name], tmp_path / "long.json")
    assert long.left_out == ""
    assert long.correct > short.correct


class Questions(Budget):
    """A budget of so many questions about the time, so that a test does not depend on the machine."""

    def __init__(self, most: int) -> None:
        super().__init__(seconds=60)
        self.most = most

    def start(self) -> None:
        """No clock."""

    @property
    def left(self) -> float:
        return float(max(0, self.most))

    def check(self) -> None:
        self.most -= 1
        if self.most < 0:
            raise OutOfTime


def test_a_hopeless_network_ends_and_says_what_is_left(hard: Path, tmp_path: Path) -> None:
    """All its blocks would take minutes; the search stops when it is told to, in the middle of a block too."""
    minimum = prove(Problem(hard), STRATEGIES["separable-minimum"], tmp_path / "minimum.json")
    counts = [minimum.correct]
    for questions in (2_000, 10_000):
        proved = prove(Problem(hard, budget=Questions(questions)), STRATEGIES["exact"], tmp_path / f"{questions}.json")
        said = r"^\d+ of \d+ open blocks are not settled in full, [0-9.e-]+ of all inputs: the search ended after 60 s"
        assert re.search(said, proved.left_out)
        counts.append(proved.correct)
    assert counts[0] < counts[1] < counts[2] < 16**8


def test_exact_is_exact_where_time_and_work_suffice(medium: Path, tmp_path: Path) -> None:
    prove(Problem(medium), STRATEGIES["exact"], tmp_path / "exact.json")
    report = proofcheck.verify(tmp_path / "exact.json", model=medium)
    brute = prove(Problem(medium), STRATEGIES["brute-force"], tmp_path / "brute.json")
    assert report.exact
    assert report.proved == brute.correct


@pytest.mark.parametrize("name", SEARCHES)
def test_blocks_are_dropped_to_fit_the_limit_on_work(name: str, medium: Path, tmp_path: Path) -> None:
    whole = draft(Problem(medium), STRATEGIES[name], tmp_path / "whole.json")
    base = work_of(Problem(medium), draft(Problem(medium, budget=Budget(1e-9)), STRATEGIES[name], tmp_path / "base.json").steps)
    needed = work_of(Problem(medium), whole.steps)
    assert base < needed
    limits = Limits(work=(base + needed) // 2)
    proved = prove(Problem(medium, limits), STRATEGIES[name], tmp_path / "part.json")
    assert "--limit work=" in proved.left_out
    assert proofcheck.verify(tmp_path / "part.json", model=medium, limits=limits).verdict is proofcheck.Verdict.VERIFIED
    assert proved.correct <= proofcheck.verify(whole, model=medium).proved


@pytest.mark.parametrize("name", SEARCHES)
def test_a_network_beyond_the_limit_on_work_is_refused_before_the_search(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = Path(shutil.copy(SMALL, tmp_path / "model.safetensors"))
    command = ["prove", str(model), "--strategy", name, "-o", str(tmp_path / "proof.json"), "--limit"]
    with pytest.raises(ProveError) as caught:
        draft(Problem(model, Limits(work=1000)), replace(STRATEGIES[name]), tmp_path / "proof.json")
    assert caught.value.declined
    assert main([*command, "work=1000"]) == 2
    said = re.search(r"--limit work=(\d+)", capsys.readouterr().err)
    assert said
    assert main([*command, f"work={int(said[1]) - 1}"]) == 2
    assert main([*command, f"work={said[1]}"]) == 0


def test_the_work_of_steps_is_the_checker_s_own_bound() -> None:
    problem = Problem(SMALL)
    steps = draft(problem, STRATEGIES["exact"], Path("proof.json")).steps
    work = work_of(problem, steps)
    assert fits(problem, steps, work)
    assert not fits(problem, steps, work - 1)
    more = [*steps[:-1], Step("more", "enumeration", ("tables",)), replace(steps[-1], premises=(*steps[-1].premises, "more"))]
    assert work_of(problem, more) > work


def test_other_limits_are_not_taken_for_the_limit_on_work() -> None:
    problem = Problem(SMALL)
    with pytest.raises(proofcheck.Declined, match="exponent"):
        fits(
            replace(problem, limits=Limits(exponent=0)),
            draft(problem, STRATEGIES[f"subcubic--svd-query+max-diff--{DROP}--svd"], Path("x")).steps,
        )


DROP = "drop-average-query-per-output-logit-reasoning"


def test_the_additions_of_a_counting_certificate_are_enough_and_not_many_more(medium: Path, tmp_path: Path) -> None:
    certificate = draft(Problem(medium), STRATEGIES["separable-counting"], tmp_path / "x.json")
    counted = certificate.steps[2]
    report = proofcheck.verify(certificate.claiming(correct=0), model=medium)
    more = replace(counted, hints={**counted.hints, "additions": 10**10})
    steps = (*certificate.steps[:2], more, certificate.steps[3])
    generous = proofcheck.verify(replace(certificate, steps=steps).claiming(correct=0), model=medium)
    fewer = replace(counted, hints={**counted.hints, "additions": counted.hints["additions"] // 8})
    steps = (*certificate.steps[:2], fewer, certificate.steps[3])
    mean = proofcheck.verify(replace(certificate, steps=steps).claiming(correct=0), model=medium)
    assert report.proved == generous.proved > mean.proved


@pytest.mark.parametrize("model", ["max-of-3-d-vocab-16-seed-0", "max-of-4-seed-123-biases", "counterexample-mean-diff-direct"])
def test_the_coarse_bound_of_the_search_settles_nothing_that_the_minimum_does_not(model: str) -> None:
    terms = FloatTerms(Problem(MODELS / f"{model}.safetensors").model)
    settled = 0
    for m in range(0, terms.d_vocab, 5):
        coarse = terms.coarse_open(m)
        rivals, _ = terms.open_rivals(m, 10**9)
        none_refined, _ = terms.open_rivals(m, 0)
        for q in range(m + 1):
            all_rivals = np.delete(np.arange(terms.d_vocab), m)
            minimum = block_minimum(terms.terms(q, m, all_rivals), q, m)
            assert (minimum[~coarse[q, all_rivals]] > 0).all()
            assert set(rivals[q].tolist()) == set(all_rivals[minimum <= terms.safety(m)].tolist())
            assert none_refined[q].tolist() == np.flatnonzero(coarse[q]).tolist()
            settled += int((~coarse[q, all_rivals]).sum())
    assert settled > 0


def test_progress_is_shown_when_asked_for(
    medium: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("strategies.progress.SECONDS_BETWEEN_LINES", 0.0)
    command = ["prove", str(medium), "--strategy", "exact", "-o", str(tmp_path / "proof.json"), "--force"]
    assert main(command) == 0
    assert "left" not in capsys.readouterr().err
    assert main([*command, "--progress"]) == 0
    assert re.search(r"^blocks.* \[#*\.*\] \d+/\d+ \d+ s left", capsys.readouterr().err, re.MULTILINE)
    with pytest.raises(SystemExit):
        main([*command, "--search-seconds", "-1"])


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_the_time_left_is_never_more_than_the_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("strategies.progress.time.monotonic", lambda: now[0])
    stream = Terminal()
    with Progress("work", 10, stream, budget=30.0) as progress:
        now[0] = 5.0
        progress.refresh()
        assert stream.getvalue().endswith("0/10 25 s left at most")
        now[0] = 10.0
        progress.step()
        assert stream.getvalue().endswith("1/10 20 s left at most")
        now[0] = 15.0
        progress.step(8)
        assert stream.getvalue().endswith("9/10 2 s left")
    assert stream.getvalue().endswith("\r\033[K")
    quiet = io.StringIO()
    with Progress("work", 10, quiet) as progress:
        now[0] = 60.0
        progress.step()
    assert quiet.getvalue() == ""
