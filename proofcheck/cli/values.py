"""A fact's numbers for people: sizes and ranges of its tables, sums of its counts. Nothing is decided by them."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from proofcheck.arithmetic import DyadicArray
from proofcheck.blocks import Blocks
from proofcheck.decimals import decimal, signed

_WORST = 5


def values_of(fact: object) -> list[str]:
    """One line for each field of a fact: its name, shape, and what is in it."""
    return _lines(type(fact).__name__, fact)


def _lines(name: str, value: object) -> list[str]:
    if not is_dataclass(value):
        return [f"{name} {_shown(value)}"]
    return [line for field in fields(value) for line in _lines(f"{name}.{field.name}", getattr(value, field.name))]


def worst_blocks(blocks: Blocks) -> list[str]:
    """The blocks with the most inputs that are not proved right, those with most first."""
    left = [block for block in blocks if block.right < block.size]
    lines = [f"{len(left)} of {len(blocks)} blocks (last token, right answer) are not proved right as a whole"]
    for block in sorted(left, key=lambda block: block.right - block.size)[:_WORST]:
        share = decimal(block.right, block.size)
        where = f"last token {block.query}, right answer {block.answer}"
        lines.append(f"  {where}: {block.right} of {block.size} right ({share}), {block.wrong} wrong, {block.undecided} not proved")
    return lines


def _shown(value: Any) -> str:
    if isinstance(value, DyadicArray):
        flat = value.reshape(-1)
        ends = (flat.min(0).fractions().item(), flat.max(0).fractions().item()) if value.size else ()
        return f"{list(value.shape)} " + " … ".join(signed(Fraction(end), up=up) for end, up in zip(ends, (False, True), strict=False))
    if isinstance(value, np.ndarray):
        return f"{list(value.shape)} " + (f"{value.min()} … {value.max()}" if value.size else "")
    if isinstance(value, tuple):
        return _listed(value)
    if isinstance(value, Fraction):
        return f"{signed(value, up=False)} … {signed(value, up=True)}"
    return str(value) if isinstance(value, int | str) else type(value).__name__


def _listed(value: tuple[Any, ...]) -> str:
    numbers: list[Any] = [value]
    shape: list[int] = []
    while numbers and all(isinstance(item, tuple) for item in numbers):
        shape.append(max(map(len, numbers)))
        numbers = [entry for item in numbers for entry in item]
    if not all(isinstance(number, int) for number in numbers):
        return f"{shape} of {type(numbers[0]).__name__}"
    above = sum(number > 0 for number in numbers)
    return f"{shape} {min(numbers)} … {max(numbers)}, {above} of {len(numbers)} above 0, sum {sum(numbers)}" if numbers else "none"
