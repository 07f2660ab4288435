"""`train-or-load max-of-k …`: print the weight file of a recipe, from the cache or trained into it."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from strategies.models.cache import default_folder, train_or_load
from strategies.models.train import add_recipe_arguments, recipe_of


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The recipe's options, --cache, --remote."""
    add_recipe_arguments(parser)
    parser.add_argument("--cache", type=Path, metavar="FOLDER", help=f"default {default_folder()}")
    parser.add_argument(
        "--remote", default="", metavar="URL", help="a folder for fsspec that is looked into and filled too, as s3://bucket/models"
    )


def run(options: argparse.Namespace) -> int:
    """Print the path of the weight file."""
    try:
        print(train_or_load(recipe_of(options), options.cache, options.remote))
    except (OSError, ValueError, ImportError) as error:  # ValueError, ImportError: fsspec does not know the URL, or lacks its package
        print(f"cannot read or write: {error}", file=sys.stderr)
        return 2
    return 0
