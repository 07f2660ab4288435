"""Alphabets by position: one string for each, and only one; tasks that do not fit are refused."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import pytest

from proofcheck import Declined, ProofcheckError, Reason
from proofcheck.catalogue import BUILT_IN
from proofcheck.kinds import read_fields
from proofcheck.limits import Limits
from proofcheck.tasks.alphabets import AlphabetsKind, written
from proofcheck.tasks.kth_largest import KthLargest


def test_every_alphabet_has_one_string() -> None:
    seen = set()
    for size in range(1, 7):
        for letters in combinations(range(6), size):
            (text,) = written((letters,))
            assert AlphabetsKind().read((text,), "$", Limits()) == (letters,)
            seen.add(text)
    assert len(seen) == 2**6 - 1


@pytest.mark.parametrize("text", ["", "+", "1-", "-1", "2-1", "1-1", "0+1", "1+0", "0-1+2", "00", "0-01", " 1", "1,2", "a", "٣", "0+0", 7])
def test_other_strings_are_refused(text: Any) -> None:
    with pytest.raises(ProofcheckError):
        AlphabetsKind().read((text,), "$", Limits())


def test_large_numbers_are_refused_before_anything_is_made() -> None:
    with pytest.raises(Declined) as caught:
        AlphabetsKind().read(("0-999999999",), "$", Limits())
    assert caught.value.code is Reason.LIMIT_EXCEEDED
    with pytest.raises(ProofcheckError):
        AlphabetsKind().read(("0-9999999999",), "$", Limits())


GOOD: dict[str, dict[str, Any]] = {
    "kth-largest": {"n_ctx": 2, "d_vocab": 3, "k": 2, "alphabets": ("0-2", "0-2")},
    "argmax-position": {"n_ctx": 2, "d_vocab": 3, "ties": "first", "alphabets": ("0-2", "0-2")},
    "first-unique": {"n_ctx": 2, "d_vocab": 3, "alphabets": ("0-2", "0-2")},
    "modular-linear-sum": {"n_ctx": 3, "d_vocab": 6, "modulus": 5, "coefficients": (1, 1), "offset": 0, "alphabets": ("0-4", "0-4", "5")},
    "group-word": {"n_ctx": 2, "d_vocab": 3, "table": np.array([[0, 1], [1, 0]]), "alphabets": ("0-1", "0-1")},
    "balanced": {"n_ctx": 2, "d_vocab": 3, "opening": 0, "closing": 1, "yes": 1, "no": 0, "alphabets": ("0-1", "0-1")},
    "multifun": {"n_ctx": 3, "d_vocab": 3, "functions": ("max", "min"), "alphabets": ("0-1", "0-2", "0-2")},
    "induction": {"n_ctx": 4, "d_vocab": 3, "others": "any"},
    "finite-automaton": {
        "n_ctx": 2,
        "d_vocab": 2,
        "start": 0,
        "step": np.array([[[0, 1], [1, 0]]]),
        "out": np.array([0, 1]),
        "alphabets": ("0-1", "0-1"),
    },
}
BAD: list[tuple[str, dict[str, Any]]] = [
    *((name, {"alphabets": fields["alphabets"][:-1]}) for name, fields in GOOD.items() if "alphabets" in fields),
    *((name, {"alphabets": (*fields["alphabets"][:-1], "4095")}) for name, fields in GOOD.items() if "alphabets" in fields),
    *((name, {"alphabets": ()}) for name, fields in GOOD.items() if "alphabets" in fields),
    *((name, {"alphabets": ("0",) * fields["n_ctx"]}) for name, fields in GOOD.items() if name not in ("induction", "finite-automaton")),
    ("kth-largest", {"k": 3}),
    ("kth-largest", {"k": 0}),
    ("argmax-position", {"ties": "any"}),
    ("modular-linear-sum", {"coefficients": (1, 1, 1)}),
    ("modular-linear-sum", {"coefficients": (1, 5)}),
    ("modular-linear-sum", {"coefficients": ()}),
    ("modular-linear-sum", {"offset": 5}),
    ("modular-linear-sum", {"modulus": 1}),
    ("group-word", {"alphabets": ("0-1", "1-2")}),
    ("balanced", {"closing": 0}),
    ("balanced", {"closing": 3}),
    ("balanced", {"no": 1}),
    ("balanced", {"alphabets": ("0-2", "0-1")}),
    ("multifun", {"functions": ("max",)}),
    ("multifun", {"functions": ("max", "mean")}),
    ("induction", {"others": "all"}),
    ("induction", {"n_ctx": 2}),
    ("finite-automaton", {"start": 2}),
    ("finite-automaton", {"step": np.array([[[0, 1], [1, 2]]])}),
    ("finite-automaton", {"step": np.array([[[0, 1], [1, 0]]] * 2)}),
    ("finite-automaton", {"step": np.array([[[0, 1, 0], [1, 0, 0]]])}),
    ("finite-automaton", {"step": np.array([[[0, 0], [1, 0]]])}),
    ("finite-automaton", {"out": np.array([0])}),
    ("finite-automaton", {"out": np.array([0, -2])}),
]


def build(name: str, fields: dict[str, Any]) -> Any:
    kind = BUILT_IN.tasks[name]
    return kind.build(**read_fields(fields, kind.fields, "$.task", Limits()))


@pytest.mark.parametrize(("name", "change"), BAD)
def test_tasks_that_do_not_fit_are_refused(name: str, change: dict[str, Any]) -> None:
    assert build(name, GOOD[name]).total() > 0
    with pytest.raises(ProofcheckError):
        build(name, {**GOOD[name], **change})


def test_machines_that_are_too_large_are_declined() -> None:
    assert KthLargest(4, 64, 1).total() == 64**4
    with pytest.raises(Declined) as caught:
        KthLargest(8, 1000, 3).total()
    assert caught.value.code is Reason.LIMIT_EXCEEDED
    states = 2**10
    step = np.stack([np.arange(states), (np.arange(states) + 1) % states], axis=1)[None]
    fields = {"d_vocab": 2, "start": 0, "step": step, "out": np.zeros(states, dtype=np.int64)}
    assert build("finite-automaton", {"n_ctx": 1, **GOOD["finite-automaton"], "alphabets": ("0-1",) * 2}).total() > 0
    with pytest.raises(Declined) as caught:
        build("finite-automaton", {"n_ctx": 257, **fields, "alphabets": ("0-1",) * 257})
    assert caught.value.code is Reason.LIMIT_EXCEEDED


def test_induction_counts() -> None:
    distinct = build("induction", {"n_ctx": 6, "d_vocab": 16, "others": "distinct"})
    assert distinct.total() == 2_096_640
    assert build("induction", {"n_ctx": 6, "d_vocab": 16, "others": "any"}).total() == 4 * 16 * 15**4
    assert sum(len(tokens) for tokens, _ in distinct.batches(8192)) == 2_096_640
