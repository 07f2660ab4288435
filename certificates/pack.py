"""The rule for shipped certificates: above 64 KiB a file is `NAME.json.gz`, else `NAME.json`. `python certificates/pack.py` renames
and compresses what is otherwise, `--check` only says it."""

from __future__ import annotations

import sys
from pathlib import Path

from proofcheck.certificate import read_certificate_file
from proofcheck.limits import Limits
from strategies.write import ENDINGS, PLAIN_BYTES, certificate_files, packed, stem_of, write

HERE = Path(__file__).resolve().parent
FOLDERS = ("accept", "losses", "networks", "zoo")
HEADER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00"  # deflate, no flag (so no name), no time


def places(folders: list[Path]) -> dict[Path, tuple[Path, bytes]]:
    """file -> (where it belongs, the certificate) of each that breaks the rule. A good compressed file is left as it is."""
    found = {}
    for file in certificate_files(folders):
        data = read_certificate_file(file, Limits())
        place = file.with_name(stem_of(file) + ENDINGS[len(data) > PLAIN_BYTES])
        good = place == file and (file.suffix == ".json" or file.read_bytes().startswith(HEADER))
        if not good:
            found[file] = (place, data)
    return found


def twice(folders: list[Path]) -> list[str]:
    """Names that a folder has with both endings."""
    return [str(f / stem_of(p)) for f in folders for p in f.glob(f"*{ENDINGS[0]}") if (f / f"{stem_of(p)}{ENDINGS[1]}").exists()]


def main() -> int:
    """0 if the rule holds, at the end."""
    folders = [HERE / name for name in FOLDERS]
    wrong = places(folders)
    problems = [f"{file} belongs at {place.name}" for file, (place, _) in wrong.items()] + twice(folders)
    if "--check" in sys.argv:
        print("\n".join(problems), end="\n" if problems else "", file=sys.stderr)
        return int(bool(problems))
    for file, (place, data) in wrong.items():
        write(place, packed(place, data))
        if place != file:
            file.unlink()
        print(f"{file.name} -> {place.name}")
    return int(bool(twice(folders)))


if __name__ == "__main__":
    sys.exit(main())
