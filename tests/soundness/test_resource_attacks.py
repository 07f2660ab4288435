"""Attacks on time and memory end in their reason codes, and never in a lack of memory or in a traceback.

In one process, whose address space may grow by SPACE bytes and no more. Their cost is measured by measure_attacks.py.
"""

from __future__ import annotations

import resource
from collections.abc import Iterator
from pathlib import Path

import pytest
from soundness.measure_attacks import expected
from soundness.resource_attacks import ATTACKS, CUBIC, MOST, TINY, Attack, model, tiny
from soundness.small_models import sizes_of

from proofcheck import Limits, decode_certificate
from proofcheck.cli.main import main
from proofcheck.rules import RULES

SPACE = 3 * 2**30
IN_PROCESS = [attack for attack in ATTACKS if "stdin" not in attack.name]  # what stdin is here is pytest's affair


@pytest.fixture(autouse=True)
def limited_space() -> Iterator[None]:
    """The safety net."""
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (used + SPACE, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_AS, before)


@pytest.mark.parametrize("attack", IN_PROCESS, ids=lambda attack: attack.name)
def test_attacks_end_in_their_reason_codes(attack: Attack, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status = main(["verify", *map(str, attack.make(tmp_path))])
    out, err = capsys.readouterr()
    line, wanted = expected(attack)
    assert out.splitlines()[-1].startswith(line)
    assert status == wanted
    assert "Traceback" not in err
    assert "memory" not in err
    assert sum(text.startswith("s ") for text in out.splitlines()) == 1


def test_the_network_of_the_attacks_verifies(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The accepting twin."""
    assert main(["verify", *map(str, model(tiny, TINY, CUBIC)(tmp_path))]) == 0
    assert capsys.readouterr().out.splitlines()[-1].startswith("s VERIFIED ")


@pytest.mark.parametrize("attack", MOST, ids=lambda attack: attack.name)
def test_the_largest_works_are_within_the_limit_and_near_it(attack: Attack, tmp_path: Path) -> None:
    """What `measure_attacks.py --most` measures says something about the limit `work`: at least a fiftieth of it."""
    arguments = attack.make(tmp_path)
    found = decode_certificate(Path(arguments[0]).read_bytes(), Limits())
    backend = "arb" if "arb" in arguments else "fast"
    work = sum(RULES[step.rule].work(sizes_of(found), Limits(), step.hints, len(step.premises), backend) for step in found.steps)
    assert Limits().work // 50 < work <= Limits().work


def test_too_little_memory_is_declined(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The same certificate verifies above, with enough."""
    (arguments,) = model(tiny, TINY, CUBIC)(tmp_path)
    with Path(arguments).open("ab") as file:
        file.write(b" " * (48 * 2**20))
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    assert main(["verify", str(arguments)]) == 0
    resource.setrlimit(resource.RLIMIT_AS, (used + 20 * 2**20, resource.getrlimit(resource.RLIMIT_AS)[1]))
    for command, last in (("verify", "s DECLINED limit-exceeded"), ("inspect", "")):
        capsys.readouterr()
        assert main([command, str(arguments)]) == 2
        out, err = capsys.readouterr()
        assert (out.splitlines() or [""])[-1].startswith(last)
        assert err.startswith("limit-exceeded: the memory of this process ran out")
