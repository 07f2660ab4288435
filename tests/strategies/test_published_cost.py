"""The published cost numbers, as functions of shapes, against numbers of the published code (d = 64, n = 4, D = H = 32)."""

from dataclasses import replace

import numpy as np
import pytest

from proofcheck import Certificate, load
from proofcheck.models import Dimensions
from strategies.metrics import published_flops
from strategies.metrics.published_cost import NO_COST, published_cost, subcubic_dimension
from strategies.metrics.published_qk_flops import qk_error
from tests.shipped import one

SIZES = Dimensions(n_ctx=4, d_vocab=64, d_model=32, d_head=32)
DIRECT = {
    "global-max-diff-exact": (282_623, 2),
    "max-diff-exact": (274_368, 128),
    "mean-query+max-diff": (18_272, 2114),
    "max-diff": (18_272, 2050),
    "svd-query+max-diff": (16_224, 2114),
}
QK = {
    "svd": (2_752_830, 128),
    "max-diff-exact": (1_802_493, 256),
    "mean+max-diff": (1_554_780, 256),
    "max-diff": (1_546_461, 192),
    "mean+max-diff-subproduct": (813_208, 256),
    "max-diff-subproduct": (788_251, 192),
    "exact-EQKE+max-diff-exact": (569_596, 4096),
    "mean-recursive+max-diff-subproduct-recursive": (284_664, 256),
    "mean+max-diff-subproduct-recursive": (270_234, 256),
    "max-diff-subproduct-recursive": (257_947, 192),
}
ALL_GAPS_1 = 1_693_195  # what the axes share
CUBIC_RECORDED, CUBIC_DIFFERENCE = 35_181_664, -93_824


@pytest.mark.parametrize(("name", "flops"), [(name, flops) for name, (flops, _) in DIRECT.items()])
def test_direct_path_flops(name: str, flops: int) -> None:
    assert published_flops.direct_path(SIZES, name) == flops


@pytest.mark.parametrize(("name", "flops"), [(name, flops) for name, (flops, _) in QK.items()])
def test_qk_error_flops(name: str, flops: int) -> None:
    assert qk_error(SIZES, name) == flops


def test_shared_flops_for_gaps_of_one() -> None:
    gaps = np.ones((64, 64, 4), dtype=np.int64)
    assert published_flops.attention_and_count(SIZES, gaps, average=True) == ALL_GAPS_1
    classes = 63 * 3  # (m, c) pairs, each with the mean of d_vocab numbers that may be missing
    assert published_flops.attention_and_count(SIZES, gaps, average=False) == ALL_GAPS_1 - classes * 3 * 64


def test_larger_gaps_skip_classes() -> None:
    counts = [published_flops.attention_and_count(SIZES, np.full((64, 64, 4), g, dtype=np.int64), average=False) for g in (1, 8, 64)]
    assert counts[0] > counts[1] > counts[2] > 0


def test_brute_force_and_cubic_flops() -> None:
    assert published_flops.brute_force(SIZES) == 876_123_000_832
    assert published_flops.cubic(SIZES) == CUBIC_RECORDED + CUBIC_DIFFERENCE


def test_unexplained_dimension_is_a_sum_over_the_axes() -> None:
    for direct, (_, direct_dimension) in DIRECT.items():
        for error, (_, error_dimension) in QK.items():
            assert subcubic_dimension(SIZES, direct, error) == direct_dimension + error_dimension + 64 + 64**2
    totals = [subcubic_dimension(SIZES, direct, error) for direct in DIRECT for error in QK]
    assert (min(totals), max(totals)) == (4290, 10370)


@pytest.mark.parametrize(("strategy", "dimension"), [("brute-force", 64**5), ("cubic", 12_800)])
def test_certificates_name_their_published_cost(strategy: str, dimension: int) -> None:
    cost = published_cost(accepted(strategy))
    assert cost.unexplained_dimension == dimension
    assert cost.flops > 0


def test_other_rules_have_no_published_cost() -> None:
    certificate = accepted("cubic")
    assert published_cost(replace(certificate, steps=certificate.steps[:-1])) == NO_COST


def accepted(strategy: str) -> Certificate:
    """The shipped certificate of the reference model."""
    return load(one("accept", f"max-of-4-seed-123--{strategy}"))
