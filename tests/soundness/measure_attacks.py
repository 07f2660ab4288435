"""The table of attacks in docs/reliability.md: each through the command line in a process of its own, with what it cost.

    python tests/soundness/measure_attacks.py           ATTACKS
    python tests/soundness/measure_attacks.py --most    MOST: the largest works that the default limits let through (minutes each)

Seconds are processor seconds of the checker's process, starting Python included, so that other load on the machine does not matter; MB is
the largest resident size. The address space is limited to SPACE bytes: an attack that works fails and does no harm.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

TESTS = Path(__file__).parents[1]
if __name__ == "__main__":
    sys.path[:0] = [str(TESTS.parent), str(TESTS)]

from soundness.resource_attacks import ATTACKS, MOST, VERIFIED, Attack  # noqa: E402

SPACE = 4 * 2**30


@dataclass(frozen=True)
class Measured:
    """What became of one attack. size: bytes of its files on the disk."""

    line: str
    errors: str
    status: int
    seconds: float
    megabytes: float
    size: int


def expected(attack: Attack) -> tuple[str, int]:
    """The beginning of the verdict line, and the exit status."""
    if attack.code == VERIFIED:
        return "s VERIFIED ", 0
    declined = attack.code in {"limit-exceeded", "not-a-regular-file", "unreadable-file"}
    return f"s {'DECLINED' if declined else 'REJECTED'} {attack.code}", 2 if declined else 1


def made(attack: Attack, folder: Path) -> list[str]:
    """The arguments, with the files made by a process of their own: what a child takes over from a large parent counts as its memory."""
    child = os.fork()
    if child == 0:
        (folder / "arguments").write_text(json.dumps([str(argument) for argument in attack.make(folder)]))
        os._exit(0)
    os.waitpid(child, 0)
    arguments: list[str] = json.loads((folder / "arguments").read_text())
    (folder / "arguments").unlink()
    return arguments


def measured(attack: Attack) -> Measured:
    """Run `python -m proofcheck verify` on the attack."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        arguments = made(attack, folder)
        size = sum(min(path.stat().st_size, path.stat().st_blocks * 512) for path in folder.iterdir() if path.is_file())
        limited = f"import resource, runpy; resource.setrlimit(resource.RLIMIT_AS, ({SPACE}, {SPACE})); runpy.run_module('proofcheck')"
        command = [sys.executable, "-c", limited.replace("('proofcheck')", "('proofcheck', run_name='__main__', alter_sys=True)"), "verify"]
        with (folder / "out").open("w+") as out, (folder / "err").open("w+") as err:
            child = subprocess.Popen([*command, *arguments], stdin=subprocess.PIPE, stdout=out, stderr=err, cwd=TESTS.parent)
            _, status, usage = os.wait4(child.pid, 0)
            out.seek(0)
            err.seek(0)
            lines, errors = out.read().splitlines(), err.read()
    line = lines[-1] if lines else ""
    return Measured(line, errors, os.waitstatus_to_exitcode(status), usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, size)


def table(attacks: tuple[Attack, ...]) -> int:
    """Print the Markdown table; returns the number of attacks that did not end as they must."""
    print("| attack | kB | verdict | s | MB |\n|---|--:|---|--:|--:|", flush=True)
    failures = 0
    for attack in attacks:
        found = measured(attack)
        line, status = expected(attack)
        good = found.line.startswith(line) and found.status == status and "Traceback" not in found.errors
        failures += not good
        verdict = found.line[2:50] if good else f"**FAILED** {found.status} {found.line[:80]} {found.errors[-200:]!r}"
        print(f"| {attack.name} | {found.size / 1000:,.0f} | {verdict} | {found.seconds:.1f} | {found.megabytes:.0f} |", flush=True)
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"\n{failures} of {len(attacks)} attacks did not end as they must. (The measuring process itself: {own:.0f} MB.)")
    return failures


if __name__ == "__main__":
    sys.exit(1 if table(MOST if "--most" in sys.argv else ATTACKS) else 0)
