"""`list`: strategies by name."""

from __future__ import annotations

import argparse

from strategies.max_of_k.registry import STRATEGIES


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """No arguments."""


def run(options: argparse.Namespace) -> int:
    """One line per strategy: name, published name (or "new"), summary."""
    width = max(len(name) for name in STRATEGIES)
    published = max(len(strategy.published_name) for strategy in STRATEGIES.values())
    for name, strategy in STRATEGIES.items():
        print(f"{name:{width}}  {strategy.published_name or 'new':{published}}  {strategy.summary}".rstrip())
    return 0
