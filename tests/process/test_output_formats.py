"""What `verify` prints, in every format and on a terminal: one verdict for each certificate, and nothing that could pass for another."""

from __future__ import annotations

import io
import json
import os
import pty
import re
import select
import subprocess
import sys
import xml.etree.ElementTree as ET
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import replace
from pathlib import Path

import pytest
from cli.test_hostile_strings import FORGED, HOSTILE, certificate, harmless
from hypothesis import given
from hypothesis import strategies as st
from process.test_subject import GRAMMAR

from proofcheck import Reason, Rejected
from proofcheck.cli.main import main
from proofcheck.cli.output import JsonLines, Junit, Text
from proofcheck.report import escape, refusal

REJECT = Path(__file__).parents[2] / "certificates" / "reject"
TWIN = REJECT / "twin.json"
BAD = REJECT / "wrong-total" / "one-lower.json"
NEWER = REJECT / "unsupported-format" / "version-1.2.json"
COMMAND = [sys.executable, str(Path(sys.executable).with_name("proofcheck"))]
FORMATS = (
    ["--output-format", "text"],
    ["--output-format", "text", "--quiet"],
    ["--json"],
    ["--json", "--quiet"],
    ["--output-format", "junit"],
)


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    status = main(["verify", *map(str, arguments)])
    return status, *capsys.readouterr()


@pytest.mark.parametrize("quiet", [[], ["--quiet"], ["--stats"], ["--jobs", "2"]])
def test_json_is_nothing_but_one_object_a_line(quiet: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = run(capsys, "--json", *quiet, TWIN, BAD, NEWER)
    lines = [json.loads(line) for line in out.splitlines()]
    assert [line["verdict"] for line in lines] == ["VERIFIED", "REJECTED", "DECLINED"]
    assert [line["certificate"] for line in lines] == [str(TWIN), str(BAD), str(NEWER)]
    assert all(GRAMMAR.fullmatch(line["line"]) for line in lines)
    assert (status, err) == (1, "")


def test_junit_is_xml_with_failures_and_errors(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = run(capsys, "--output-format", "junit", TWIN, BAD, NEWER)
    suite = ET.fromstring(out)[0]
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("3", "1", "1")
    cases = list(suite)
    assert [case.get("name") for case in cases] == [str(TWIN), str(BAD), str(NEWER)]
    assert [[part.tag for part in case] for case in cases] == [["system-out"], ["failure", "system-out"], ["error", "system-out"]]
    assert [part.get("type") for case in cases for part in case if part.tag != "system-out"] == ["wrong-total", "unsupported-format"]
    assert all(GRAMMAR.fullmatch(case.findtext("system-out") or "") for case in cases)
    assert (status, err) == (1, "")


def test_text_ends_with_the_failures_and_the_counts(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(capsys, TWIN, BAD, NEWER, TWIN)
    *_, first, second, last = out.splitlines()
    assert first.startswith(f"c failed: REJECTED wrong-total: {BAD}: ")
    assert second.startswith(f"c failed: DECLINED unsupported-format: {NEWER}: ")
    assert last == "c 2 verified, 1 rejected, 1 declined"


@pytest.mark.parametrize("form", FORMATS, ids=" ".join)
@pytest.mark.parametrize("text", [text for text in HOSTILE if "\0" not in text])
def test_no_string_forges_a_verdict_in_any_format(text: str, form: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Names of files, provenance, and both at once, of certificates that are refused and one that verifies."""
    hostile = [
        certificate(tmp_path, name=text.replace("/", "_") + ".json", strategy=text, total="8"),
        certificate(tmp_path, name="weights-" + text.replace("/", "_") + ".json", weights=text),
    ]
    good = certificate(tmp_path, name="good-" + text.replace("/", "_") + ".json", strategy=text)
    status, out, err = run(capsys, *form, *hostile, good)
    assert status == 1
    assert harmless(out) and harmless(err)
    lines = (out + err).splitlines()
    verdicts = [line for line in lines if line.startswith("s ")]
    if form[-1] == "junit":
        cases = list(ET.fromstring(out)[0])
        assert [len(case) for case in cases] == [2, 2, 1]
        assert verdicts == []
        verdicts = [case.findtext("system-out") or "" for case in cases]
    elif form[0] == "--json":
        assert verdicts == []
        verdicts = [json.loads(line)["line"] for line in out.splitlines()]
    else:
        assert all(line.startswith(("c ", "s ")) for line in out.splitlines())
    assert len(verdicts) == 3
    assert all(GRAMMAR.fullmatch(line) for line in verdicts)
    assert [line.split()[1] for line in verdicts][2] == "VERIFIED"
    assert not any(line.startswith(FORGED) for line in lines if line not in verdicts)


def test_folders_and_patterns(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    deep = tmp_path / "a" / "b"
    deep.mkdir(parents=True)
    for name in ("one.json", "two.json"):
        certificate(deep, name=name)
    (deep / "note.txt").write_text("no certificate")
    (tmp_path / ".hidden").mkdir()
    (tmp_path / ".hidden" / "three.json").write_text("{}")
    wanted = [str(deep / "one.json"), str(deep / "two.json")]
    for argument in (tmp_path, deep, f"{tmp_path}/a/*/*.json", f"{tmp_path}/**/*.json"):
        status, out, _ = run(capsys, "--json", argument)
        assert (status, [json.loads(line)["certificate"] for line in out.splitlines()]) == (0, wanted)
    status, out, _ = run(capsys, "--quiet", f"{tmp_path}/nothing-*.json")
    assert (status, out.split()[:3]) == (2, ["s", "DECLINED", "unreadable-file"])


def test_a_file_whose_name_is_a_pattern_is_that_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    certificate(tmp_path, name="a.json", total="8")
    path = certificate(tmp_path, name="[a].json")
    status, out, _ = run(capsys, "--quiet", path)
    assert status == 0 and out.startswith("s VERIFIED") and out.endswith("[a].json\n")


def test_an_empty_folder_is_a_usage_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = run(capsys, tmp_path)
    assert (status, out) == (2, "")
    assert err.startswith("usage: there are no certificates in ")


def on_a_terminal(*arguments: object, columns: int = 100, **environment: str) -> tuple[int, str]:
    """Exit status and all that a process writes to a terminal that is its stdout and stderr."""
    main_end, other_end = pty.openpty()
    base = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "TERM")}
    variables = {**base, "TERM": "xterm", "COLUMNS": str(columns), **environment}
    command = [*COMMAND, *map(str, arguments)]
    with subprocess.Popen(command, stdout=other_end, stderr=other_end, env=variables, close_fds=True) as process:
        os.close(other_end)
        data = b""
        while select.select([main_end], [], [], 60)[0]:
            try:
                part = os.read(main_end, 1 << 16)
            except OSError:  # how Linux says that the other end is closed
                break
            if not part:
                break
            data += part
    os.close(main_end)
    return process.returncode, data.decode().replace("\r\n", "\n")


def on_the_screen(text: str) -> list[str]:
    """Lines without the progress that was erased."""
    return [line.rpartition("\r\x1b[K")[2] for line in text.split("\n")]


def test_on_a_terminal_verdict_lines_have_no_colour_and_progress_has_its_own_line() -> None:
    status, text = on_a_terminal("verify", TWIN, BAD, TWIN)
    assert status == 1
    assert "\x1b[32mVERIFIED" in text and "\x1b[31mREJECTED" in text
    assert "1/3 checked, about " in text
    lines = on_the_screen(text)
    assert all("checked" not in line for line in lines)
    verdicts = [line for line in lines if line.startswith("s ")]
    assert len(verdicts) == 3
    assert all(GRAMMAR.fullmatch(line) for line in verdicts)
    assert all(line.startswith("c ") for line in lines if "\x1b" in line)


@pytest.mark.parametrize("variable", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_no_colour_where_it_is_not_wanted(variable: dict[str, str]) -> None:
    _, text = on_a_terminal("verify", TWIN, BAD, **variable)
    assert "\x1b[3" not in text
    assert "VERIFIED" in text


def test_no_colour_in_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    done = subprocess.run([*COMMAND, "verify", str(TWIN), str(BAD)], capture_output=True, text=True, check=False)
    assert "\x1b" not in done.stdout + done.stderr
    assert "checked" not in done.stderr


def test_rows_and_theorems_fit_the_terminal() -> None:
    _, text = on_a_terminal("verify", TWIN, BAD, columns=80, NO_COLOR="1")
    rows = [line for line in on_the_screen(text) if line.startswith(("c VERIFIED", "c REJECTED"))]
    assert len(rows) == 2
    assert all(len(line) <= 80 for line in rows)
    for command in (["rules"], ["rules", "cubic"], ["reason"], ["reason", "unsupported-architecture"]):
        _, text = on_a_terminal(*command, columns=60)
        assert max(map(len, text.splitlines())) <= 60


def test_help_is_as_wide_as_the_terminal() -> None:
    for command in ([], ["verify"], ["wrong"], ["explain"], ["reason"], ["rules"], ["inspect"], ["selftest"]):
        for columns in (60, 100):
            _, text = on_a_terminal(*command, "--help", columns=columns)
            longest = max(map(len, re.sub(r"(?s)exit codes:.*", "", text).splitlines()))
            assert longest <= columns, (command, columns)


def test_every_argument_is_explained() -> None:
    from proofcheck.cli.parser import COMMANDS, parser

    (actions,) = [action for action in parser()._actions if action.dest == "command"]
    assert actions.choices is not None and set(actions.choices) == set(COMMANDS)
    for name, command in actions.choices.items():  # type: ignore[attr-defined]
        for action in command._actions:
            assert action.help, (name, action.dest)


@given(name=st.text(max_size=40), message=st.text(max_size=40), line=st.text(max_size=40))
def test_any_text_in_any_format_stays_one_value(name: str, message: str, line: str) -> None:
    """Names and messages of any characters: one test case, one object, one verdict line; no other line begins with `s `."""
    error = Rejected(Reason.BAD_STRING, message, path=line, expected=name, found=message, hint=line)
    report = replace(refusal(name, error), strategy=line, model_file=name, model_sha256="0" * 64, model_words=message, task=line)
    for output in (Junit(), JsonLines(), Text(several=False, quiet=False, stats=True), Text(several=True, quiet=False, stats=True)):
        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            output.begin()
            output.report(report)
            output.end([report])
        text = out.getvalue()
        assert harmless(text) and harmless(err.getvalue())
        verdicts = [line for line in text.split("\n") if line.startswith("s ")]
        if isinstance(output, Junit):
            (case,) = list(ET.fromstring(text)[0])
            assert case.get("name") == escape(name) and [part.tag for part in case] == ["failure", "system-out"]
            verdicts += [case.findtext("system-out") or ""]
        elif isinstance(output, JsonLines):
            assert text.count("\n") == 1
            found = json.loads(text)
            assert (found["certificate"], found["error"]["message"], found["strategy"]) == (name, message, line)
            verdicts += [found["line"]]
        assert verdicts == [report.line()]
        assert GRAMMAR.fullmatch(report.line()) or not name


@given(text=st.text(max_size=60))
def test_any_text_in_a_notebook_is_text(text: str) -> None:
    error = Rejected(Reason.BAD_STRING, text, step=text, rule=text, path=text, expected=text, found=text, hint=text)
    html = replace(refusal(text, error), strategy=text, model_file=text, model_sha256=text, model_words=text, task=text)._repr_html_()
    document = ET.fromstring(f"<div>{html}</div>")
    assert {element.tag for element in document.iter()} <= {"div", "table", "caption", "b", "tbody", "tr", "th", "td", "details", "summary"}
    assert escape(text) in [cell.text or "" for cell in document.iter("td")] or not escape(text).strip()
