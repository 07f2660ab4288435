"""The tasks with alphabets by position of docs/semantics.md, by their definitions: every word, and its right answer, −1 for no input."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from tests.second_checker.certificate_format import Array, Values
from tests.second_checker.limits import MOST_MACHINE_ENTRIES, MOST_MACHINE_PAIRS
from tests.second_checker.outcome import declined, rejected

Word = tuple[int, ...]
Answer = Callable[[Word], int]
COMMON = ("n_ctx", "d_vocab")
FIELDS = {
    "kth-largest": (*COMMON, "k", "alphabets"),
    "argmax-position": (*COMMON, "ties", "alphabets"),
    "first-unique": (*COMMON, "alphabets"),
    "modular-linear-sum": (*COMMON, "modulus", "coefficients", "offset", "alphabets"),
    "group-word": (*COMMON, "table", "alphabets"),
    "balanced": (*COMMON, "opening", "closing", "yes", "no", "alphabets"),
    "multifun": (*COMMON, "functions", "alphabets"),
    "induction": (*COMMON, "others"),
    "finite-automaton": (*COMMON, "start", "step", "out", "alphabets"),
}
WORDS = {"ties": ("first", "last"), "others": ("any", "distinct")}
LEAST = {"k": 1, "modulus": 2, "offset": 0, "opening": 0, "closing": 0, "yes": 0, "no": 0, "start": 0}
MOST = {"modulus": 4_096, "yes": 4_095, "no": 4_095}
FUNCTIONS = ("max", "min", "first", "last")
RUN = re.compile(r"(0|[1-9][0-9]*)(?:-(0|[1-9][0-9]*))?")


def read_alphabet(text: object, d_vocab: int) -> tuple[int, ...]:
    """The tokens of one position, if they are written in the only way."""
    if not isinstance(text, str):
        raise rejected("wrong-type", "alphabets", text)
    tokens: list[int] = []
    for run in text.split("+"):
        found = RUN.fullmatch(run)
        if found is None:
            raise rejected("bad-string", "alphabets", text)
        first = int(found[1])
        last = first if found[2] is None else int(found[2])
        if (found[2] is not None and last <= first) or (tokens and first <= tokens[-1] + 1):
            raise rejected("bad-string", "alphabets", text)
        if last >= d_vocab:
            raise rejected("bad-string", "alphabets", text)
        tokens += range(first, last + 1)
    return tuple(tokens)


def read_alphabets(value: object, n: int, d_vocab: int) -> tuple[tuple[int, ...], ...]:
    if not isinstance(value, list):
        raise rejected("wrong-type", "alphabets", value)
    found = tuple(read_alphabet(text, d_vocab) for text in value)
    if len(found) != n:
        raise rejected("bad-string", "alphabets", len(found))
    return found


def require_integer(value: object, least: int, most: int, path: str) -> int:
    if not isinstance(value, int):
        raise rejected("wrong-type", path, value)
    if not least <= value <= most:
        raise rejected("bad-number", path, value)
    return value


def check_kinds(values: Values, names: tuple[str, ...]) -> None:
    """Each field alone."""
    for key in names:
        value = values[key]
        if key in LEAST:
            require_integer(value, LEAST[key], MOST.get(key, 2**62), key)
        elif key in WORDS:
            require_word(value, WORDS[key], key)
        elif key == "coefficients":
            require_list(value, key)
            for entry in listed(value):
                require_integer(entry, 0, 2**62, key)
        elif key == "functions":
            require_list(value, key)
            for entry in listed(value):
                require_word(entry, FUNCTIONS, key)


def require_word(value: object, words: tuple[str, ...], path: str) -> None:
    if not isinstance(value, str):
        raise rejected("wrong-type", path, value)
    if value not in words:
        raise rejected("bad-string", path, value)


def require_list(value: object, path: str) -> None:
    if not isinstance(value, list):
        raise rejected("wrong-type", path, value)


def listed(value: object) -> list[object]:
    if not isinstance(value, list):
        raise TypeError(f"{value} is no list")
    return value


@dataclass(frozen=True)
class Alphabets:
    """positions: of the operands."""

    every: tuple[tuple[int, ...], ...]

    @property
    def positions(self) -> list[int]:
        return [i for i, tokens in enumerate(self.every) if len(tokens) > 1]

    def operands(self, least: int) -> Callable[[Word], Word]:
        positions = self.positions
        if len(positions) < least:
            raise rejected("bad-string", "alphabets", "operands")
        return lambda x: tuple(x[i] for i in positions)


def definition(name: str, n: int, d: int, values: Values, alphabets: Alphabets, group: Callable[[Array], int]) -> Answer:
    """The right answer of a word, −1 for no input. group: checks a Cayley table and gives its order."""
    number = {key: value for key, value in values.items() if isinstance(value, int)}
    if name == "induction":
        return induction(n, str(values["others"]))
    if name == "finite-automaton":
        return automaton(values, n, d, alphabets)
    if name == "multifun":
        return multifun(values, alphabets)
    operands = alphabets.operands(1)
    count = len(alphabets.positions)
    if name == "kth-largest":
        if number["k"] > count:
            raise rejected("bad-number", "k", number["k"])
        return lambda x: sorted(operands(x), reverse=True)[number["k"] - 1]
    if name == "argmax-position":
        return argmax_position(alphabets.positions, operands, str(values["ties"]))
    if name == "first-unique":
        return lambda x: next((t for t in operands(x) if operands(x).count(t) == 1), -1)
    if name == "modular-linear-sum":
        coefficients, modulus = [int(str(entry)) for entry in listed(values["coefficients"])], number["modulus"]
        if len(coefficients) != count or not all(c < modulus for c in (*coefficients, number["offset"])):
            raise rejected("bad-number", "coefficients", coefficients)
        return lambda x: (sum(c * t for c, t in zip(coefficients, operands(x), strict=True)) + number["offset"]) % modulus
    if name == "group-word":
        return group_word(values["table"], d, alphabets, operands, group)
    return balanced(number, alphabets, operands, d)


def answers_below(name: str, n: int, d: int, values: Values, alphabets: tuple[tuple[int, ...], ...]) -> int:
    """Every answer that the task can have is below this."""
    if name == "argmax-position":
        return n
    if name == "induction":
        return d
    if name == "modular-linear-sum":
        return int(str(values["modulus"]))
    if name == "balanced":
        return 1 + max(int(str(values["yes"])), int(str(values["no"])))
    table, out = values.get("table"), values.get("out")
    if isinstance(table, Array):
        return table.shape[0]
    if isinstance(out, Array):
        return 1 + max(0, *(int(entry) for entry in out.entries))
    operands = alphabets[1:] if name == "multifun" else alphabets
    return 1 + max(tokens[-1] for tokens in operands if len(tokens) > 1)


def argmax_position(positions: list[int], operands: Callable[[Word], Word], ties: str) -> Answer:
    def answer(x: Word) -> int:
        seen = operands(x)
        best = [i for i, t in zip(positions, seen, strict=True) if t == max(seen)]
        return best[0] if ties == "first" else best[-1]

    return answer


def group_word(table: object, d: int, alphabets: Alphabets, operands: Callable[[Word], Word], group: Callable[[Array], int]) -> Answer:
    assert isinstance(table, Array)
    order = group(table)
    if order > d:
        raise rejected("bad-array", "table", order)
    if any(t >= order for i in alphabets.positions for t in alphabets.every[i]):
        raise rejected("bad-number", "alphabets", order)
    rows = table.rows()

    def answer(x: Word) -> int:
        result, *factors = operands(x)
        for factor in factors:
            result = int(rows[result][factor])
        return result

    return answer


def balanced(number: dict[str, int], alphabets: Alphabets, operands: Callable[[Word], Word], d: int) -> Answer:
    opening, closing, yes, no = (number[key] for key in ("opening", "closing", "yes", "no"))
    if opening == closing or yes == no or max(opening, closing) >= d:
        raise rejected("bad-number", "closing", number)
    if any(set(alphabets.every[i]) != {opening, closing} for i in alphabets.positions):
        raise rejected("bad-string", "alphabets", alphabets.every)

    def answer(x: Word) -> int:
        depth = 0
        for token in operands(x):
            depth += 1 if token == opening else -1
            if depth < 0:
                return no
        return yes if depth == 0 else no

    return answer


def multifun(values: Values, alphabets: Alphabets) -> Answer:
    names, choices = [str(entry) for entry in listed(values["functions"])], alphabets.every[0]
    positions = [i for i in alphabets.positions if i > 0]
    if len(choices) < 2 or not positions:
        raise rejected("bad-string", "alphabets", choices)
    if len(names) != len(choices):
        raise rejected("bad-string", "functions", names)
    table: dict[str, Callable[[list[int]], int]] = {"max": max, "min": min, "first": lambda x: x[0], "last": lambda x: x[-1]}
    return lambda x: table[names[choices.index(x[0])]]([x[i] for i in positions])


def induction(n: int, others: str) -> Answer:
    if n < 3:
        raise rejected("bad-number", "n_ctx", n)

    def answer(x: Word) -> int:
        places = [i for i in range(n - 1) if x[i] == x[-1]]
        if len(places) != 1 or places[0] > n - 3:
            return -1
        if others == "distinct" and len(set(x[:-1])) < n - 1:
            return -1
        return x[places[0] + 1]

    return answer


def automaton(values: Values, n: int, d: int, alphabets: Alphabets) -> Answer:
    """The machine of the certificate itself."""
    step, out, start = values["step"], values["out"], values["start"]
    for key, value, axes in (("step", step, 3), ("out", out, 1)):
        if not isinstance(value, Array):
            raise rejected("wrong-type", key, value)
        if value.dtype != "i64" or len(value.shape) != axes:
            raise rejected("bad-array", key, value.shape)
    assert isinstance(step, Array) and isinstance(out, Array) and isinstance(start, int)
    (states,) = out.shape
    if any(not -1 <= entry <= 4_095 for entry in out.entries) or any(not 0 <= entry <= 4_096**2 for entry in step.entries):
        raise rejected("bad-number", "step", "entries")
    if step.shape[0] not in (1, n) or step.shape[1:] != (states, d) or states == 0:
        raise rejected("bad-array", "step", step.shape)
    if start >= states or any(entry >= states for entry in step.entries):
        raise rejected("bad-array", "step", "states")
    if len(step.entries) > MOST_MACHINE_ENTRIES or n * states > MOST_MACHINE_PAIRS:
        raise declined("limit-exceeded", "step", step.shape)
    size = states * d
    tables = [[int(entry) for entry in step.entries[i * size : (i + 1) * size]] for i in range(step.shape[0])]
    if len(tables) > 1 and all(table == tables[0] for table in tables):
        raise rejected("bad-array", "step", "one table would do")
    reached = front = {start}
    for i, tokens in enumerate(alphabets.every):
        table = tables[i if len(tables) > 1 else 0]
        front = {table[s * d + t] for s in front for t in tokens}
        reached = reached | front
    if len(reached) < states:
        raise rejected("bad-array", "step", "a state that no word reaches")

    def answer(x: Word) -> int:
        state = start
        for i, token in enumerate(x):
            state = tables[i if len(tables) > 1 else 0][state * d + token]
        return int(out.entries[state])

    return answer
