"""Shipped certificates by name, whichever of the two endings their files have: certificates/README.md has the rule."""

from __future__ import annotations

from pathlib import Path

from proofcheck import Limits
from proofcheck.certificate import read_certificate_file
from strategies.write import certificate_files, file_of, stem_of

CERTIFICATES = Path(__file__).resolve().parents[1] / "certificates"


def shipped(folder: str) -> list[Path]:
    """The certificates of certificates/FOLDER, by name."""
    return certificate_files([CERTIFICATES / folder])


def one(folder: str, name: str) -> Path:
    """The file of one certificate."""
    return file_of(CERTIFICATES / folder, name)


def text_of(path: Path) -> bytes:
    """The JSON of a certificate's file."""
    return read_certificate_file(path, Limits())


__all__ = ["CERTIFICATES", "one", "shipped", "stem_of", "text_of"]
