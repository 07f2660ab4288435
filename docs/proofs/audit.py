"""What every theorem in this folder assumes, from Coq itself (`Print Assumptions`), compared with assumptions.txt.

    python3 audit.py            refuse if the two differ, or if a source has an admitted proof or an axiom of its own
    python3 audit.py --update   write assumptions.txt

A line of assumptions.txt is `File.theorem: closed`, or the axioms of Coq's standard library that the theorem uses; the lemmas of
one file have one line together. The compiled files must be there (`make`). Standard library of Python only.
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
FLAGS = ["-R", str(HERE), "Proofcheck", "-w", "-notation-overridden,-ambiguous-paths"]
COMMENT = re.compile(r"\(\*.*?\*\)", re.S)
STATEMENT = re.compile(r"^\s*(Theorem|Lemma|Corollary|Fact|Proposition|Remark)\s+([A-Za-z_][\w']*)", re.M)
UNPROVED = re.compile(r"\b(Admitted|admit|give_up|Axiom|Axioms|Conjecture|Parameter|Parameters|bypass_check|Unset Guard Checking)\b")
AXIOM = re.compile(r"^([A-Za-z_][\w.']*)(?=\s*:|\s*$)", re.M)


def sources() -> dict[str, str]:
    """The text of each file without its comments, by name."""
    return {path.stem: COMMENT.sub("", path.read_text()) for path in sorted(HERE.glob("*.v"))}


def audit() -> list[str]:
    """One line for each theorem. Raises SystemExit if a source is not proved, or if Coq refuses the list."""
    lines = [f"From Proofcheck Require {' '.join(sources())}."]
    for file, text in sources().items():
        if found := UNPROVED.search(text):
            raise SystemExit(f"{file}.v: {found.group()} is not allowed here: prove it, or leave it out")
        statements = STATEMENT.findall(text)
        lines += [query(f"{file}.{name}", f"{file}.{name}") for kind, name in statements if kind == "Theorem"]
        if lemmas := [f"@{file}.{name}" for kind, name in statements if kind != "Theorem"]:
            lines += [f"Definition lemmas_{file} := ({', '.join([*lemmas, 'tt'])}).", query(f"{file} lemmas", f"lemmas_{file}")]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "list_of_assumptions.v"
        file.write_text("\n".join(lines))
        run = subprocess.run(["coqc", *FLAGS, str(file)], capture_output=True, text=True, check=False)
    if run.returncode:
        raise SystemExit(f"coqc refused the list of theorems:\n{run.stderr}")
    return [line_of(part) for part in run.stdout.split("### ")[1:]]


def query(label: str, name: str) -> str:
    return f'Goal True. idtac "### {label}". Abort. Print Assumptions {name}.'


def line_of(part: str) -> str:
    name, text = part.split("\n", 1)
    if text.strip() == "Closed under the global context":
        return f"{name}: closed"
    return f"{name}: {' '.join(sorted(AXIOM.findall(text.split('Axioms:', 1)[1])))}"


if __name__ == "__main__":
    table, found = HERE / "assumptions.txt", audit()
    if sys.argv[1:] == ["--update"]:
        table.write_text("\n".join(found) + "\n")
    expected = table.read_text().splitlines() if table.exists() else []
    for line in sorted(set(found) ^ set(expected)):
        print(f"{'not in assumptions.txt' if line in found else 'no longer true'}: {line}")
    if found != expected:
        raise SystemExit("the assumptions differ from assumptions.txt: if that is meant, `python3 audit.py --update`")
    print(f"{len(found)} lines, {sum(line.endswith(': closed') for line in found)} closed under the global context; as in assumptions.txt")
