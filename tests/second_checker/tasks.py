"""The tasks of docs/semantics.md by their definitions: all words, and the right answer of each. No machines but those of certificates."""

from __future__ import annotations

import hashlib
import struct
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product as every
from math import prod

from tests.second_checker import alphabet_tasks
from tests.second_checker.certificate_format import Array, Certificate, Values
from tests.second_checker.limits import MOST_DIMENSION, MOST_SEQUENCE_LENGTH, MOST_TABLE_ENTRIES
from tests.second_checker.outcome import TooLargeError, declined, rejected

Sequence = tuple[int, ...]


@dataclass(frozen=True)
class Task:
    """Inputs are the words over the alphabets that have an answer (which is not −1). words: the task as metadata have it."""

    name: str
    n_ctx: int
    d_vocab: int
    answer: Callable[[Sequence], int]
    words: str
    alphabets: tuple[tuple[int, ...], ...] | None = None
    answers_below: int | None = None

    @property
    def every_word(self) -> int:
        """Number of words over the alphabets."""
        return int(self.d_vocab**self.n_ctx) if self.alphabets is None else prod(map(len, self.alphabets))

    @property
    def total(self) -> int:
        """Inputs. Where some words are none, by formula, or by looking at every word."""
        n, d = self.n_ctx, self.d_vocab
        if self.name == "induction":
            if "others=distinct" in self.words:
                return (n - 2) * d * prod(range(d - n + 2, d)) if d >= n - 1 else 0
            return int((n - 2) * d * (d - 1) ** (n - 2))
        if self.name in ("first-unique", "finite-automaton"):
            return sum(1 for _ in self.inputs())
        return self.every_word

    def inputs(self) -> Iterator[Sequence]:
        words = every(range(self.d_vocab), repeat=self.n_ctx) if self.alphabets is None else every(*self.alphabets)
        if self.name not in alphabet_tasks.FIELDS:
            return words
        self.require_countable()
        return (x for x in words if self.answer(x) >= 0)

    def require_countable(self) -> None:
        if self.every_word > MOST_WORDS:
            raise TooLargeError(f"{self.every_word} words")

    def answers(self) -> int:
        """The network has a logit for every number below this."""
        return self.d_vocab if self.answers_below is None else self.answers_below

    def block_sizes(self) -> Counter[tuple[int, int]]:
        """(last token, right answer) -> inputs."""
        return Counter((x[-1], self.answer(x)) for x in self.inputs())


MOST_WORDS = 3_000_000
FIELDS = {
    "max-of-k": ("n_ctx", "d_vocab"),
    "min-of-k": ("n_ctx", "d_vocab"),
    "token-at": ("n_ctx", "d_vocab", "position"),
    "modular-sum": ("n_ctx", "d_vocab"),
    "group-product": ("n_ctx", "table"),
    **alphabet_tasks.FIELDS,
}
LEAST = {"n_ctx": 1, "d_vocab": 2, "position": 0}
MOST_TABLE_ENTRY = 4_096


def read_task(certificate: Certificate) -> Task:
    """The task that the certificate names, or a refusal."""
    name, values = certificate.task_name, certificate.task
    if name not in FIELDS:
        raise declined("unsupported-task", "$.task.name", name)
    require_names(values, FIELDS[name], "$.task")
    for key, value in values.items():
        if key in LEAST:
            whole_number(value, LEAST[key], f"$.task.{key}")
        elif key == "table":
            check_table(value, f"$.task.{key}")
    for key, most in (("n_ctx", MOST_SEQUENCE_LENGTH), ("d_vocab", MOST_DIMENSION)):
        if whole(values.get(key, 0)) > most:
            raise declined("limit-exceeded", f"$.task.{key}", values[key])
    n_ctx = whole(values["n_ctx"])
    if name in alphabet_tasks.FIELDS:
        return with_alphabets(name, n_ctx, whole(values["d_vocab"]), values)
    table = values.get("table")
    d_vocab = read_group(table) if isinstance(table, Array) else whole(values["d_vocab"])
    return Task(name, n_ctx, d_vocab, definition(name, n_ctx, d_vocab, values), words_of(name, values))


def with_alphabets(name: str, n: int, d: int, values: Values) -> Task:
    """A task of which each position has an alphabet."""
    alphabet_tasks.check_kinds(values, alphabet_tasks.FIELDS[name])
    every_token = (tuple(range(d)),) * n
    tokens = alphabet_tasks.read_alphabets(values["alphabets"], n, d) if "alphabets" in values else every_token
    answer = alphabet_tasks.definition(name, n, d, values, alphabet_tasks.Alphabets(tokens), read_group)
    below = alphabet_tasks.answers_below(name, n, d, values, tokens)
    return Task(name, n, d, answer, words_of(name, values), tokens, below)


def definition(name: str, n_ctx: int, d_vocab: int, values: Values) -> Callable[[Sequence], int]:
    """The right answer of a sequence."""
    if name == "max-of-k":
        return max
    if name == "min-of-k":
        return min
    if name == "modular-sum":
        return lambda x: sum(x) % d_vocab
    if name == "token-at":
        position = whole(values["position"])
        if position >= n_ctx:
            raise rejected("bad-number", "$.task.position", position)
        return lambda x: x[position]
    table = values["table"]
    assert isinstance(table, Array)
    rows = table.rows()

    def multiply(x: Sequence) -> int:
        result = x[0]
        for factor in x[1:]:
            result = int(rows[result][factor])
        return result

    return multiply


def require_names(values: dict[str, object] | dict[str, int], names: tuple[str, ...], path: str) -> None:
    """Exactly these fields in this order."""
    if any(key not in values for key in names):
        raise rejected("missing-field", path, list(values))
    if any(key not in names for key in values):
        raise rejected("unknown-field", path, list(values))
    if tuple(values) != names:
        raise rejected("field-order", path, list(values))


def whole(value: object) -> int:
    """A value that was found to be an integer."""
    if not isinstance(value, int):
        raise TypeError(f"{value} is no integer")
    return value


def whole_number(value: object, least: int, path: str) -> int:
    if not isinstance(value, int):
        raise rejected("wrong-type", path, type(value).__name__)
    if value < least:
        raise rejected("bad-number", path, value)
    return value


def check_table(value: object, path: str) -> None:
    """An i64 array with two axes, entries 0 … 4096."""
    if not isinstance(value, Array):
        raise rejected("wrong-type", path, type(value).__name__)
    if value.dtype != "i64" or len(value.shape) != 2:
        raise rejected("bad-array", path, f"{value.dtype} {value.shape}")
    if any(not 0 <= entry <= MOST_TABLE_ENTRY for entry in value.entries):
        raise rejected("bad-number", path, "entries")
    if len(value.entries) > MOST_TABLE_ENTRIES:
        raise declined("limit-exceeded", path, len(value.entries))


def read_group(table: Array) -> int:
    """The order of the group; refuses what is no Cayley table with unit 0."""
    d = table.shape[0]
    if d < 2 or table.shape[1] != d:
        raise rejected("bad-array", "$.task.table", table.shape)
    rows, elements = table.rows(), list(range(d))
    columns = [list(column) for column in zip(*rows, strict=True)]
    unit = rows[0] == elements and columns[0] == elements
    latin = all(sorted(line) == elements for line in rows + columns)
    if not (unit and latin) or any(
        rows[int(rows[a][b])][c] != rows[a][int(rows[b][c])] for a in elements for b in elements for c in elements
    ):
        raise rejected("bad-array", "$.task.table", "no group")
    return d


def words_of(name: str, values: Values) -> str:
    """The task in one line; an array by its shape and the digest of its entries."""
    return " ".join([name, *(f"{key}={word(value)}" for key, value in values.items())])


def word(value: object) -> str:
    if isinstance(value, Array):
        data = struct.pack(f"<{len(value.entries)}q", *(int(entry) for entry in value.entries))
        return f"[{'x'.join(map(str, value.shape))}]sha256:{hashlib.sha256(data).hexdigest()}"
    if isinstance(value, list):
        return f"({','.join(map(word, value))})"
    return str(value)
