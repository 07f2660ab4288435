"""`proofcheck rules [NAME]`: the rules, or one theorem and its machine-checked statement."""

from __future__ import annotations

import argparse
import inspect
import sys

from proofcheck.cli.data import texts
from proofcheck.cli.main import DECLINED, OK
from proofcheck.cli.terminal import did_you_mean, width, wrapped
from proofcheck.escape import escape
from proofcheck.rules import RULES
from proofcheck.tasks import Task


def run(options: argparse.Namespace) -> int:
    """Print one line per rule, or the theorem of one."""
    columns = width(sys.stdout, 1_000)
    if options.name is None:
        longest = max(map(len, RULES))
        for name, rule in sorted(RULES.items()):
            line = f"{name:{longest}}  {inspect.cleandoc(rule.theorem).splitlines()[0]}"
            print(line if len(line) <= columns else line[: columns - 1] + "…")
        return OK
    if options.name not in RULES:
        near = did_you_mean(options.name[:80], list(RULES))
        print(escape(f"usage: there is no rule {options.name[:80]!r}{near}; `proofcheck rules` lists them"), file=sys.stderr)
        return DECLINED
    print("\n".join(wrapped([*_signature(options.name), *theorem(options.name), *statement(options.name)], columns)))
    return OK


def theorem(name: str) -> list[str]:
    """The lines of a rule's theorem."""
    return inspect.cleandoc(RULES[name].theorem).splitlines()


def _signature(name: str) -> list[str]:
    rule = RULES[name]
    premises = ", ".join(kind.__name__ for kind in rule.premises) + (" …" if rule.variadic else "")
    return [
        name,
        "",
        f"premises: {premises or 'none'}",
        f"networks: {_words(rule.model)}; tasks: {_words(rule.task)}; readings: {', '.join(sorted(rule.readings))}",
        f"hints:    {', '.join(f'{hint} ({kind.words()})' for hint, kind in rule.hints.items()) or 'none'}",
        "",
    ]


def statement(name: str) -> list[str]:
    """The Coq statement that the last line of the docstring names."""
    known = texts("theorems.json").get(name)
    if known is None:
        return []
    about = f"assumes {known['assumes']}; what else remains trusted: {known['trusted']}"
    return ["", f"In {known['file']}, for Coq ({about}):", "", *(f"    {line}" for line in known["statement"].splitlines())]


def _words(kind: type) -> str:
    """A kind of network or task; `object` and `Task` are all of them."""
    return "any" if kind in (object, Task) else kind.__name__
