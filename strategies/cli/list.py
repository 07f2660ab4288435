"""`list`: strategies by name."""

from __future__ import annotations

import argparse

from strategies.max_of_k.registry import STRATEGIES


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """No arguments."""


def run(options: argparse.Namespace) -> int:
    """Two lines per strategy: our name and a summary, then the published name or "new"."""
    for name, strategy in STRATEGIES.items():
        print(f"{name}  {strategy.summary}".rstrip())
        print(f"    published as: {strategy.published_name}" if strategy.published_name else "    new")
    return 0
