"""Several threads may verify at once, and flint's precision is theirs again afterwards."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import flint
import pytest
from soundness.small_models import BRUTE_FORCE, CUBIC, Shape, certificate, random_model, safetensors_bytes, trained_like

from proofcheck import Certificate, Checker, Verdict, verify


@pytest.fixture(autouse=True)
def eager_switches() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(before)


def cases(folder: Path) -> list[tuple[Certificate, Path, int]]:
    """(certificate, weights, what it proves) of several networks of one shape, of which some answer nearly nothing."""
    found = []
    for k in range(4):
        shape = Shape(2, 4)
        weights = safetensors_bytes(trained_like(shape, k) if k % 2 else random_model(shape, k))
        path = folder / f"{k}.safetensors"
        path.write_bytes(weights)
        for steps in (BRUTE_FORCE, CUBIC):
            these = certificate(weights, shape, steps)
            found.append((these, path, verify(these, model=path).proved))
    assert len({proved for _, _, proved in found}) > 2
    return found


@pytest.mark.parametrize("shared", [False, True])
def test_threads_do_not_mix(shared: bool, tmp_path: Path) -> None:
    """160 verifications in four threads: each proves what it proves alone, with the same operations, and one more is refused.

    Before replays took turns 12 to 20 % of such calls raised TypeError, and a switch at the wrong place gave another network's tables.
    """
    all_cases = cases(tmp_path)
    operations = [verify(these, model=path).operations for these, path, _ in all_cases]
    checker = Checker()

    def once(k: int) -> tuple[Verdict, int, int]:
        these, path, proved = all_cases[k % len(all_cases)]
        claim = these.claiming(correct=proved + (k // len(all_cases)) % 2)
        report = checker.verify(claim, model=path) if shared else verify(claim, model=path)
        return report.verdict, report.proved, report.operations

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(once, range(160)))
    for k, (verdict, proved, spent) in enumerate(found):
        row, false = k % len(all_cases), (k // len(all_cases)) % 2
        wanted = (Verdict.REJECTED, 0, 0) if false else (Verdict.VERIFIED, all_cases[row][2], operations[row])
        assert (verdict, proved, spent) == wanted


def test_precision_is_restored(tmp_path: Path) -> None:
    (these, path, _), *_ = cases(tmp_path)
    with flint.ctx.workprec(77):
        other = replace(these, model=replace(these.model, architecture="other"))
        for claim in (these, these.claiming(correct=10**6), replace(these, precision=200), other):
            verify(claim, model=path)
            assert flint.ctx.prec == 77
