"""`rival-tree` with random hints against ground truth, block by block; T1 against exact products; and that
the false T1 would be seen.
"""

from __future__ import annotations

import numpy as np
import pytest
from soundness import windows_attacks
from soundness.subcubic_steps import apply
from soundness.test_grouped_queries import cases
from soundness.window_hints import tree_hints
from soundness.windows_cases import context, model, true_blocks

import proofcheck
from proofcheck.arithmetic import DyadicArray
from proofcheck.arithmetic.operations import counting
from proofcheck.arithmetic.roots import root_above
from proofcheck.limits import Limits
from proofcheck.rules import RULES
from proofcheck.rules.attention_only.windows.tree import RivalTree

PARTS = 6


def proved(k: int, seed: int, backend: str = "fast") -> np.ndarray:
    where = context(k, backend)
    hints = tree_hints(where.model, np.random.default_rng(4000 * k + seed))
    with counting() as counter:
        fact = apply(where, "rival-tree", (), hints)
    assert counter.total <= RULES["rival-tree"].cost(where.model.dimensions, Limits(), **hints).operations
    return np.array(fact.counts)


@pytest.mark.parametrize("part", range(PARTS))
def test_never_more_than_the_truth(part: int) -> None:
    total = 0
    for k in cases()[part::PARTS]:
        for seed in range(3):
            counts = proved(k, seed)
            assert (counts <= true_blocks(k)[0]).all(), (model(k)[0], seed)
            total += int(counts.sum())
    assert total > 0


def test_without_floats() -> None:
    for k in cases()[3::23]:
        assert (proved(k, 0, "arb") <= true_blocks(k)[0]).all(), model(k)[0]


@pytest.mark.parametrize("seed", range(40))
def test_ranges_are_bounded_from_above(seed: int) -> None:
    """T1 for every range and token, whatever the basis is."""
    rng = np.random.default_rng(seed)
    d, D = int(rng.integers(2, 7)), int(rng.integers(1, 5))
    R = int(rng.integers(1, D + 2))
    A, U, B, bias = (rng.integers(-8, 9, size) / 8 for size in ((d, D), (d, D), (D, R), (1, d)))
    if seed % 2:
        B = np.round(np.linalg.qr(rng.standard_normal((D, D)))[0][:, : min(R, D)] * 32) / 32
    exact = [DyadicArray.from_floats(part) for part in (A, U, bias, B)]
    order = rng.permutation(d)
    tree = RivalTree(exact[0], exact[1], exact[2].reshape(-1), exact[3], order, DyadicArray.zeros((1, D)))
    for t in range(d):
        for start in range(d):
            for end in range(start + 1, d + 1):
                largest = max(tree.entry(t, int(j)).fractions().item() for j in order[start:end])
                assert tree._bound(t, start, end).fractions().item() >= largest


def _natural(self, token, start, end):  # type: ignore[no-untyped-def]
    """T1 with the true residuals and without its last term."""
    low, high, _, _, bias = self._node(start, end)
    coordinates = self._small_values[token]
    exponent = min(low.exponent, high.exponent)
    positive = np.asarray(coordinates.integers > 0, dtype=np.bool_)
    corner = DyadicArray(np.where(positive, high.at_exponent(exponent), low.at_exponent(exponent)), exponent)
    norms = []
    for vectors, small in ((self._values, self._small_values), (self._columns, self._small_columns)):
        rest = vectors - small @ self._basis.T
        norms.append(root_above((rest * rest).sum(axis=1)))
    return (coordinates * corner).sum(axis=0) + norms[0][token] * norms[1][self._order[start:end]].max(axis=0) + bias


def test_the_natural_bound_is_false(monkeypatch: pytest.MonkeyPatch) -> None:
    """Somewhere among random networks, and for the network of the corpus, all of whose logits tie."""
    monkeypatch.setattr(RivalTree, "_bound", _natural)
    assert any((proved(k, seed) > true_blocks(k)[0]).any() for k in cases() for seed in range(6))


def test_the_network_whose_logits_all_tie(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    """The rule proves nothing about it; the natural bound would certify a whole block."""
    path = tmp_path / "all-tie.safetensors"
    path.write_bytes(windows_attacks.weights()["all-tie"])
    certificate = proofcheck.decode_certificate(windows_attacks.all_tie(0), proofcheck.Limits())
    report = proofcheck.verify(certificate, model=path)
    report.raise_for_verdict()
    assert report.proved == 0
    monkeypatch.setattr(RivalTree, "_bound", _natural)
    report = proofcheck.verify(certificate, model=path)
    assert report.proved > 0
