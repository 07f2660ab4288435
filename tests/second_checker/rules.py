"""Every rule of format 1.0 by name: kinds of premises, hints, replay."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from tests.second_checker.facts import ProvedBlocks, ProvedClasses, ProvedCount, Tables
from tests.second_checker.hints import Hint
from tests.second_checker.rules_counts import count_classes, sum_blocks
from tests.second_checker.rules_cubic import cubic
from tests.second_checker.rules_enumeration import enumeration
from tests.second_checker.rules_tables import path_expansion


@dataclass(frozen=True)
class Rule:
    """replay(context, *premises, **hints) gives a fact of the named type. premises: fact types in order; more: the last one may repeat."""

    replay: Callable[..., object]
    fact: type
    premises: tuple[type, ...] = ()
    more: bool = False
    hints: dict[str, Hint] = field(default_factory=dict)


RULES: dict[str, Rule] = {
    "path-expansion": Rule(path_expansion, Tables),
    "enumeration": Rule(enumeration, ProvedBlocks, (Tables,)),
    "cubic": Rule(cubic, ProvedClasses, (Tables,)),
    "count-classes": Rule(count_classes, ProvedBlocks, (ProvedClasses,)),
    "sum-blocks": Rule(sum_blocks, ProvedCount, (ProvedBlocks,), more=True),
}
