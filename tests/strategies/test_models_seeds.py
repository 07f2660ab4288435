"""Sub-seeds against the published values."""

from __future__ import annotations

from strategies.models.seeds import Seeds, reseed


def test_the_published_seeds_of_123() -> None:
    assert Seeds.of(123) == Seeds(model=613947648, dataset=1914904320, train=3402695680, test=3741094656)


def test_a_label_gives_its_own_seed() -> None:
    assert reseed(123, "model") == 613947648
    assert reseed(123, "dataset_seed") == 1914904320
    assert reseed(124, "model") != reseed(123, "model")
