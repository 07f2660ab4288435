"""Values that certificates about one network share: computed once, counted every time, forgotten with the network."""

from __future__ import annotations

import pytest

from proofcheck.arithmetic.operations import count, counting
from proofcheck.memo import Memo


def test_values_are_computed_once_and_counted_every_time() -> None:
    memo, calls = Memo(), []

    def inner() -> str:
        count(5)
        return "inner"

    def outer() -> list[int]:
        count(7)
        assert memo.once(("inner",), inner) == "inner"
        calls.append(1)
        return calls

    memo.enter("network")
    for _ in range(3):
        with counting() as counter:
            assert memo.once(("outer",), outer) is calls
        assert counter.total == 12  # what it computes itself, and what it takes from the memo
    assert calls == [1]
    with counting() as counter:
        memo.once(("inner",), inner)
    assert counter.total == 5


def test_another_network_finds_nothing() -> None:
    memo = Memo()
    memo.enter(("a", 1))
    assert memo.once(("key",), lambda: "of a") == "of a"
    memo.enter(("a", 1))
    assert memo.once(("key",), lambda: "again") == "of a"
    memo.enter(("a", 2))
    assert memo.once(("key",), lambda: "of another") == "of another"
    memo.enter(("a", 1))
    assert memo.once(("key",), lambda: "anew") == "anew"


def test_the_least_recently_used_value_goes_first() -> None:
    memo, made = Memo(), []
    memo.enter("network")

    def value(k: int) -> int:
        return memo.once((k,), lambda: made.append(k) or k)  # type: ignore[func-returns-value]

    for k in range(memo.MOST_VALUES):
        value(k)
    value(0)
    value(memo.MOST_VALUES)  # one too many: 1 goes, 0 was used since
    assert value(0) == 0
    assert made.count(0) == 1
    value(1)
    assert made.count(1) == 2


def test_a_fact_of_the_last_replay_is_taken_again_and_counted() -> None:
    memo, made = Memo(), []

    def fact(key: str, *, shared: bool = False) -> tuple[str, int]:
        def make() -> str:
            made.append(key)
            count(3)
            return key.upper()

        with counting() as counter:
            value = memo.fact(key, make, shared=shared)
        return value, counter.total

    def replay(*keys: str) -> None:
        memo.enter("network")
        memo.begin(set(keys))
        assert [fact(key, shared=key.startswith("shared")) for key in keys] == [(key.upper(), 3) for key in keys]

    replay("shared", "a", "b")
    replay("shared", "a", "b")
    assert made == ["shared", "a", "b"]
    replay("shared", "a", "c")
    assert made == ["shared", "a", "b", "c"]
    replay("shared", "b")  # b went when a replay without it began
    assert made == ["shared", "a", "b", "c", "b"]
    memo.enter("another network")
    fact("shared", shared=True)
    fact("b")
    assert made[5:] == ["shared", "b"]


def test_a_fact_that_could_not_be_made_is_not_kept() -> None:
    memo = Memo()
    memo.enter("network")
    for shared in (True, False):
        for _ in range(2):
            with pytest.raises(KeyError):
                memo.fact("key", lambda: {}["x"], shared=shared)
        assert memo.fact("key", lambda: 1, shared=shared) == 1
