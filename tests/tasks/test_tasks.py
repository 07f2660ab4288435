"""Every task's definition against its machine, exhaustively; machines against enumeration; broken machines refused."""

from __future__ import annotations

from collections import Counter
from itertools import permutations, product
from typing import Any

import numpy as np
import pytest

from proofcheck import ProofcheckError, Reason, Rejected
from proofcheck.tasks import Automaton, MaxOfK, Task
from proofcheck.tasks.argmax_position import ArgmaxPosition
from proofcheck.tasks.balanced import Balanced
from proofcheck.tasks.finite_automaton import FiniteAutomaton
from proofcheck.tasks.first_unique import FirstUnique
from proofcheck.tasks.group_product import GroupProduct
from proofcheck.tasks.group_word import GroupWord
from proofcheck.tasks.induction import Induction
from proofcheck.tasks.kth_largest import KthLargest
from proofcheck.tasks.min_of_k import MinOfK
from proofcheck.tasks.modular_linear_sum import ModularLinearSum
from proofcheck.tasks.modular_sum import ModularSum
from proofcheck.tasks.multifun import Multifun
from proofcheck.tasks.token_at import TokenAt


def symmetric_group(letters: int = 3) -> np.ndarray[Any, Any]:
    """The Cayley table of S_n, the identity first: (ab)(i) = a(b(i))."""
    elements = list(permutations(range(letters)))
    table = [[elements.index(tuple(a[i] for i in b)) for b in elements] for a in elements]
    return np.array(table, dtype=np.int64)


TASKS: list[Task] = [
    *(kind(n, d) for kind in (MaxOfK, MinOfK, ModularSum) for n, d in ((1, 2), (1, 5), (2, 4), (3, 3), (4, 3))),
    *(TokenAt(n, d, position) for n, d in ((1, 3), (3, 3)) for position in range(n)),
    *(GroupProduct(n, symmetric_group()) for n in (1, 2, 3)),
    GroupProduct(2, np.array([[0, 1], [1, 0]])),
    GroupWord(2, 7, symmetric_group(), (tuple(range(6)),) * 2),
    GroupWord(3, 4, np.array([[0, 1], [1, 0]]), ((0, 1), (3,), (0, 1))),
    KthLargest(3, 5, 2, ((1, 3), (0,), (2, 4))),
    *(KthLargest(n, d, k) for n, d in ((1, 3), (3, 3), (4, 2)) for k in range(1, n + 1)),
    KthLargest(4, 4, 2, ((3,), (0, 1, 2), (0, 1, 2), (1, 3))),
    *(ArgmaxPosition(n, 3, ties) for n in (1, 2, 4) for ties in ("first", "last")),
    ArgmaxPosition(4, 4, "last", ((3,), (0, 1, 2), (0, 1, 2), (3,))),
    *(FirstUnique(n, d) for n, d in ((1, 2), (2, 2), (3, 3), (4, 3), (4, 4))),
    FirstUnique(4, 4, ((0, 1), (3,), (0, 1), (0, 2))),
    ModularLinearSum(3, 6, 5, (1, 1), 0, (tuple(range(5)), tuple(range(5)), (5,))),
    ModularLinearSum(4, 3, 7, (2, 0, 6, 3), 5),
    ModularLinearSum(2, 5, 2),
    *(Balanced(n, 4, 2, 1, 3, 0) for n in (1, 2, 4, 5, 6)),
    Balanced(6, 5, 0, 1, 0, 1, ((4,), (0, 1), (0, 1), (0, 1), (0, 1), (3,))),
    Multifun(4, 4, ("max", "min"), ((2, 3), (0, 1), (0, 1, 2), (0, 1))),
    Multifun(4, 3, ("last", "first", "min"), ((0, 1, 2), (0, 1, 2), (1,), (0, 2))),
    *(Induction(n, d, others) for n, d in ((3, 2), (3, 4), (4, 3), (5, 3), (5, 4)) for others in ("any", "distinct")),
    FiniteAutomaton(3, 2, 0, np.array([[[0, 1], [1, 0]]]), np.array([4, -1])),
    FiniteAutomaton(2, 3, 1, np.array([[[0, 0, 0], [0, 1, 1]], [[1, 1, 0], [1, 0, 1]]]), np.array([0, 1]), ((0, 1), (1, 2))),
]


@pytest.mark.parametrize("task", TASKS, ids=lambda task: f"{type(task).__name__}-{task.n_ctx}-{task.d_vocab}")
def test_the_machine_computes_the_definition(task: Task) -> None:
    words = np.array(list(product(*task.machine.alphabets)))
    answers = [task.answer(tuple(word)) for word in words.tolist()]
    assert task.machine.answers(words).tolist() == [-1 if answer is None else answer for answer in answers]
    blocks = Counter((int(word[-1]), answer) for word, answer in zip(words, answers, strict=True) if answer is not None)
    assert task.total() == sum(blocks.values())
    assert max((answer for _, answer in blocks), default=-1) < task.answers
    for query, answer in product(range(task.d_vocab), range(task.answers)):
        assert task.block_size(query, answer) == blocks[query, answer]
        assert task.machine.block_sizes.get((query, answer), 0) == blocks[query, answer]
        assert task.machine.block(query, answer).count() == blocks[query, answer]
    for size in (1, 2, 7, 10**6):
        for batches in (list(task.machine.batches(size)), list(task.batches(size))):
            assert all(len(tokens) == len(found) <= size for tokens, found in batches)
            assert [word for tokens, _ in batches for word in tokens.tolist()] == [
                word for word, answer in zip(words.tolist(), answers, strict=True) if answer is not None
            ]
            assert [int(y) for _, found in batches for y in found] == [answer for answer in answers if answer is not None]


@pytest.mark.parametrize("task", TASKS, ids=lambda task: f"{type(task).__name__}-{task.n_ctx}-{task.d_vocab}")
def test_the_pieces_partition_the_inputs(task: Task) -> None:
    whole = [(*word, y) for tokens, found in task.batches(10**6) for word, y in zip(tokens.tolist(), found.tolist(), strict=True)]
    assert len(whole) == task.total() <= task.candidates()
    for size, most in product((1, 3, 10), (1, 2, 5, 1000)):
        pieces = task.pieces(size, most)
        assert 1 <= len(pieces) <= most
        batches = [batch for piece in pieces for batch in task.listed(piece, size)]
        assert all(len(tokens) <= size for tokens, _ in batches)
        assert [(*word, y) for tokens, found in batches for word, y in zip(tokens.tolist(), found.tolist(), strict=True)] == whole


def random_machine(seed: int) -> Automaton:
    """Random alphabets, steps that differ by position, and words that are no inputs."""
    rng = np.random.default_rng(seed)
    n, states, letters = int(rng.integers(1, 5)), int(rng.integers(1, 6)), int(rng.integers(2, 5))
    alphabets = tuple(tuple(sorted(rng.choice(letters, size=rng.integers(1, letters + 1), replace=False).tolist())) for _ in range(n))
    steps = tuple(rng.integers(0, states, (states, letters)) for _ in range(n))
    order = tuple(rng.permutation(n).tolist()) if seed % 2 else ()
    return Automaton(alphabets, int(rng.integers(states)), steps, rng.integers(-1, 3, states), order)


@pytest.mark.parametrize("seed", range(60))
def test_random_machines_count_as_enumeration_does(seed: int) -> None:
    machine = random_machine(seed)
    blocks: Counter[tuple[int, int]] = Counter()
    for word in product(*machine.alphabets):
        state = machine.start
        for i in machine.reading_order:
            state = int(machine.step[i][state, word[i]])
        if machine.out[state] >= 0:
            blocks[word[-1], int(machine.out[state])] += 1
    assert machine.block_sizes == dict(blocks)
    assert sum(len(tokens) for tokens, _ in machine.batches(3)) == sum(blocks.values())
    for query, answer in product(range(5), range(3)):
        assert machine.block(query, answer).count() == blocks[query, answer]


def test_max_of_k_has_two_live_states() -> None:
    """The machine of a block of Max-of-K, found by minimisation, is the one that the task gives: the maximum is to come, or was seen."""
    for n, d in ((1, 3), (2, 3), (4, 5), (3, 8)):
        task = MaxOfK(n, d)
        for query, answer in product(range(d), repeat=2):
            found = task.machine.block(query, answer)
            assert all(len(rows) <= 2 for rows in found.levels)
            if query <= answer:
                given = task.block_machine(query == answer, answer)
                assert found.count() == given.count() == (answer + 1) ** (n - 1) - (query < answer) * answer ** (n - 1)
                assert all(len(rows) <= 2 for rows in given.levels)


@pytest.mark.parametrize(
    "change",
    [
        {"start": 2},
        {"start": -1},
        {"alphabets": ((0, 1),)},
        {"alphabets": ((0, 1), ())},
        {"alphabets": ((0, 1), (1, 0))},
        {"alphabets": ((0, 1), (0, 2))},
        {"alphabets": ((0, 1), (-1, 1))},
        {"alphabets": ((0, 1), (1, 1))},
        {"step": (np.array([[0, 1], [1, 2]]),) * 2},
        {"step": (np.array([[0, 1], [1, -1]]),) * 2},
        {"step": (np.array([[0, 1]]),) * 2},
        {"step": (np.array([[0, 1], [1, 0]]),)},
        {"out": np.array([0, -2])},
        {"order": (0, 0)},
        {"order": (0, 2)},
        {"order": (0,)},
    ],
)
def test_what_is_no_machine_is_refused(change: dict[str, Any]) -> None:
    good = {"alphabets": ((0, 1), (0, 1)), "start": 0, "step": (np.array([[0, 1], [1, 0]]),) * 2, "out": np.array([0, 1])}
    assert sum(Automaton(**good).block_sizes.values()) == 4
    with pytest.raises(Rejected) as caught:
        Automaton(**{**good, **change})
    assert caught.value.code is Reason.BAD_ARRAY


@pytest.mark.parametrize(
    "table",
    [
        [[0]],
        [[0, 1], [1, 1]],
        [[1, 0], [0, 1]],
        [[0, 1, 2], [1, 2, 0]],
        [[0, 1], [1, 2]],
        # a loop of five elements with unit 0 that is not associative
        [[0, 1, 2, 3, 4], [1, 0, 3, 4, 2], [2, 4, 0, 1, 3], [3, 2, 4, 0, 1], [4, 3, 1, 2, 0]],
    ],
)
def test_what_is_no_group_is_refused(table: list[list[int]]) -> None:
    with pytest.raises(ProofcheckError) as caught:
        GroupProduct(2, np.array(table))
    assert caught.value.code is Reason.BAD_ARRAY
    with pytest.raises(ProofcheckError) as caught:
        GroupWord(2, 5, np.array(table))
    assert caught.value.code is Reason.BAD_ARRAY


def test_a_position_that_is_not_there_is_refused() -> None:
    assert TokenAt(2, 3, 1).total() == 9
    with pytest.raises(Rejected):
        TokenAt(2, 3, 2)
