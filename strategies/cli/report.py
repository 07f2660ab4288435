"""`report CERT… -o FILE.html`: what certificates prove, where accuracy is lost and what the network computes, as a page to look at."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from proofcheck import Checker, Limits, ProofcheckError
from proofcheck.extensions import resolve
from proofcheck.report import describe
from strategies.cli.options import limits_of
from strategies.report import library
from strategies.report.gather import NOTHING, Entry, Subject, read, subject
from strategies.report.page import certificate_page, groups, index_page, several_page
from strategies.write import certificate_files, stem_of

HARD_INPUTS = 12


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """CERT-OR-FOLDER…, --output, --model, --hard-inputs, --limit, --trust, --force."""
    parser.add_argument("paths", type=Path, nargs="+", metavar="CERT-OR-FOLDER", help="certificates, or folders with *.json and *.json.gz")
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        required=True,
        metavar="PLACE",
        help="FILE.html: one page that holds everything; a folder: index.html and a page for each certificate",
    )
    parser.add_argument("--model", type=Path, action="append", metavar="FILE", help="another place of the weight files, repeatable")
    parser.add_argument(
        "--hard-inputs",
        type=int,
        default=HARD_INPUTS,
        metavar="N",
        help=f"inputs with the least lead to show, 0 for none (default {HARD_INPUTS})",
    )
    parser.add_argument("--limit", action="append", default=[], metavar="NAME=VALUE", help="a limit of the checker, repeatable")
    parser.add_argument("--trust", action="append", default=[], metavar="NAME", help="trust the code of an installed extension")
    parser.add_argument("--force", action="store_true", help="write over what is there")


def run(options: argparse.Namespace) -> int:
    """0 written (whatever the verdicts are: the page shows them), 2 usage or files."""
    limits = limits_of(options)
    files = certificate_files(options.paths)
    problem = _problem(options, files)
    if limits is None or problem:
        print(problem or "", file=sys.stderr, end="\n" if problem else "")
        return 2
    try:
        library.source()
        pages = _pages(options, files, limits)
        for path, content in pages.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    except ProofcheckError as error:
        print("\n".join(describe(error)), file=sys.stderr)
        return 2
    except (OSError, library.NoLibrary) as error:
        print(f"nothing was written: {error}", file=sys.stderr)
        return 2
    size = sum(map(len, pages.values()))
    print(f"{options.output}: {len(files)} certificate{'s' * (len(files) > 1)}, {size / 1e6:.1f} MB")
    return 0


def _problem(options: argparse.Namespace, files: list[Path]) -> str:
    if not files:
        return "there are no certificates"
    if options.hard_inputs < 0:
        return f"--hard-inputs must be 0 or more, not {options.hard_inputs}"
    place = options.output if _one_page(options) else options.output / "index.html"
    if place.exists() and not options.force:
        return f"{place} exists: give --force to write over it, or another name"
    return ""


def _one_page(options: argparse.Namespace) -> bool:
    return bool(options.output.suffix.lower() in (".html", ".htm"))


def _pages(options: argparse.Namespace, files: list[Path], limits: Limits) -> dict[Path, bytes]:
    checker = Checker(limits=limits, trust=resolve(options.trust))
    entries = []
    for k, file in enumerate(files):
        _progress(f"verifying {k + 1}/{len(files)}")
        entries.append(read(file, checker, options.model))
    subjects: dict[tuple[str, str, str], Subject] = {}
    named = groups(entries)
    for k, (_, group) in enumerate(named):
        _progress(f"network {k + 1}/{len(named)}")
        subjects[group[0].subject] = subject(group[0], options.model, options.hard_inputs)
    _progress("")

    def about(entry: Entry) -> Subject:
        return subjects.get(entry.subject, NOTHING) if entry.report.error is None else NOTHING

    if _one_page(options) and len(entries) == 1:
        return {options.output: certificate_page(entries[0], about(entries[0]), library.embedded()).encode()}
    if _one_page(options):
        found = [(name, about(group[0])) for name, group in named]
        return {options.output: several_page(entries, found, library.embedded()).encode()}
    links = {entry.path: f"{k + 1:03}-{_safe(stem_of(entry.path))}.html" for k, entry in enumerate(entries)}
    pages = {
        options.output / links[entry.path]: certificate_page(entry, about(entry), library.linked(), back="index.html").encode()
        for entry in entries
    }
    pages[options.output / "index.html"] = index_page(entries, links, library.linked()).encode()
    pages[options.output / library.FILE] = library.source()
    return pages


def _safe(name: str) -> str:
    """A file name, and a relative address, without characters that mean something in either."""
    return "".join(c if c.isascii() and (c.isalnum() or c in "-_.") else "-" for c in name)[:150]


def _progress(words: str) -> None:
    if sys.stderr.isatty():
        print(f"\r\033[K{words}", end="", file=sys.stderr, flush=True)
