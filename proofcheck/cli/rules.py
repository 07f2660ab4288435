"""`proofcheck rules [NAME]`: the rules, or one theorem."""

from __future__ import annotations

import argparse
import inspect
import sys

from proofcheck.cli.main import DECLINED, OK
from proofcheck.rules import RULES
from proofcheck.tasks import Task


def run(options: argparse.Namespace) -> int:
    """Print one line per rule, or the theorem of one."""
    if options.name is None:
        width = max(map(len, RULES))
        for name, rule in sorted(RULES.items()):
            print(f"{name:{width}}  {inspect.cleandoc(rule.theorem).splitlines()[0]}")
        return OK
    if options.name not in RULES:
        print(f"usage: there is no rule {options.name!r}; `proofcheck rules` lists them", file=sys.stderr)
        return DECLINED
    rule = RULES[options.name]
    print(f"{rule.name}\n")
    premises = ", ".join(kind.__name__ for kind in rule.premises) + (" …" if rule.variadic else "")
    print(f"premises: {premises or 'none'}")
    print(f"networks: {_words(rule.model)}; tasks: {_words(rule.task)}; readings: {', '.join(sorted(rule.readings))}")
    print(f"hints:    {', '.join(f'{name} ({kind.words()})' for name, kind in rule.hints.items()) or 'none'}\n")
    print(inspect.cleandoc(rule.theorem))
    return OK


def _words(kind: type) -> str:
    """A kind of network or task; `object` and `Task` are all of them."""
    return "any" if kind in (object, Task) else kind.__name__
