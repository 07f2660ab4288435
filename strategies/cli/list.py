"""`list [PATTERN]`: strategies in families, with cost, advice, aliases and published names. Needs no torch."""

from __future__ import annotations

import argparse
import shutil
import sys
import textwrap

from strategies.names import ENTRIES, FAMILIES, NAMES, Entry, Family, matching, suggestion


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """PATTERN, --all, --names."""
    parser.add_argument("pattern", nargs="?", metavar="PATTERN", help="only strategies of which a name, alias or published name matches")
    parser.add_argument("--all", action="store_true", help="every strategy, each with its published name")
    parser.add_argument("--names", action="store_true", help="names alone, one a line, for scripts")


def run(options: argparse.Namespace) -> int:
    """0; 2 where nothing matches."""
    pattern = options.pattern or "*"
    found = set(matching(pattern) or matching(f"*{pattern}*"))
    if not found:
        print(f"no strategy matches {pattern[:120]!r}{suggestion(pattern, NAMES)}", file=sys.stderr)
        return 2
    if options.names:
        print("\n".join(entry.name for entry in ENTRIES if entry.name in found))
        return 0
    for family in FAMILIES:
        entries = [entry for entry in family.entries if entry.name in found]
        if entries:
            print("\n".join(_family(family, entries, full=options.all or options.pattern is not None)) + "\n")
    print(_wrapped("Other networks and tasks: `prove MODEL --strategy evaluation`, every input by the network's own semantics.", ""))
    return 0


def _family(family: Family, entries: list[Entry], *, full: bool) -> list[str]:
    lines = [f"{family.title}: {len(entries)}" if len(entries) > 1 else family.title]
    lines += [_wrapped(f"cost:   {family.cost}", "  ", 8), _wrapped(f"advice: {family.advice}", "  ", 8)]
    if family.brief and not full:
        return lines + [_wrapped(line, "  " if k == 0 else "    ", 0 if k == 0 else 10) for k, line in enumerate(family.brief)]
    width = max(len(_called(entry)) for entry in entries)
    for entry in entries:
        lines.append(f"  {_called(entry):{width}}  {entry.summary}".rstrip())
        if full and entry.published:
            lines.append(f"      published as {entry.published}")
    return lines


def _called(entry: Entry) -> str:
    """The alias in front, where there is one: it is the one to type."""
    return f"{entry.alias} = {entry.name}" if entry.alias else entry.name


def _wrapped(text: str, indent: str, hang: int = 0) -> str:
    columns = min(120, shutil.get_terminal_size((120, 24)).columns)
    return textwrap.fill(text, columns, initial_indent=indent, subsequent_indent=indent + " " * hang, break_on_hyphens=False)
