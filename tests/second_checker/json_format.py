"""The JSON of a certificate, parsed by hand: one encoding for each value, nothing else is read.

Objects become lists of (name, value) pairs, so that order and repetition stay visible.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from tests.second_checker.limits import MOST_BYTES, MOST_DEPTH, MOST_DIGITS
from tests.second_checker.outcome import declined, rejected

SPACE = " \t\n\r"
INTEGER = re.compile(r"-?(?:0|[1-9][0-9]*)")
NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
SHORT_ESCAPES = {'"': '"', "\\": "\\", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
OTHER_TYPES = ("null", "true", "false")
NOT_FINITE = ("NaN", "Infinity", "-Infinity")


@dataclass(frozen=True)
class Object:
    """Fields in the order of the file; names are different from each other."""

    fields: tuple[tuple[str, object], ...]


class Parser:
    """One pass over the text; `at` is the index of the next character."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def space(self) -> None:
        while self.at < len(self.text) and self.text[self.at] in SPACE:
            self.at += 1

    def peek(self) -> str:
        return self.text[self.at : self.at + 1]

    def take(self, character: str, path: str) -> None:
        if self.peek() != character:
            raise rejected("malformed-json", path, f"{self.peek()!r} where {character!r} should be, at {self.at}")
        self.at += 1

    def value(self, path: str, depth: int) -> object:
        self.space()
        first = self.peek()
        if first in ("{", "[") and depth >= MOST_DEPTH:
            raise declined("limit-exceeded", path, "depth")
        if first == "{":
            return self.object(path, depth)
        if first == "[":
            return self.array(path, depth)
        if first == '"':
            return self.string(path)
        for words, reason in ((OTHER_TYPES, "wrong-type"), (NOT_FINITE, "bad-number")):
            if any(self.text.startswith(word, self.at) for word in words):
                raise rejected(reason, path, self.text[self.at : self.at + 9])
        return self.integer(path)

    def integer(self, path: str) -> int:
        match = NUMBER.match(self.text, self.at)
        if match is None:
            raise rejected("malformed-json", path, self.text[self.at : self.at + 9])
        if not INTEGER.fullmatch(match[0]):
            raise rejected("bad-number", path, match[0][:20])
        if match[0] == "-0":
            raise rejected("malformed-json", path, "-0")
        if len(match[0].lstrip("-")) > MOST_DIGITS:
            raise declined("limit-exceeded", path, "digits")
        self.at = match.end()
        return int(match[0])

    def string(self, path: str) -> str:
        self.take('"', path)
        parts: list[str] = []
        while True:
            character = self.peek()
            if character == "":
                raise rejected("malformed-json", path, "string without end")
            self.at += 1
            if character == '"':
                break
            if ord(character) < 0x20:
                raise rejected("malformed-json", path, "control character")
            parts.append(self.escape(path) if character == "\\" else character)
        return "".join(parts)

    def escape(self, path: str) -> str:
        letter = self.peek()
        self.at += 1
        if letter in SHORT_ESCAPES and letter != "":
            return SHORT_ESCAPES[letter]
        digits = self.text[self.at : self.at + 4]
        if letter != "u" or not re.fullmatch("[0-9a-fA-F]{4}", digits):
            raise rejected("malformed-json", path, f"escape {letter!r}")
        character = chr(int(digits, 16))
        if digits != digits.lower() or ord(character) >= 0x20 or character in "\b\f\n\r\t":
            raise rejected("malformed-json", path, f"escape u{digits} has another encoding")
        self.at += 4
        return character

    def array(self, path: str, depth: int) -> list[object]:
        self.take("[", path)
        entries: list[object] = []
        self.space()
        if self.peek() == "]":
            self.at += 1
            return entries
        while True:
            entries.append(self.value(f"{path}[{len(entries)}]", depth + 1))
            self.space()
            if self.peek() == "]":
                self.at += 1
                return entries
            self.take(",", path)

    def object(self, path: str, depth: int) -> Object:
        self.take("{", path)
        fields: list[tuple[str, object]] = []
        names: set[str] = set()
        self.space()
        if self.peek() == "}":
            self.at += 1
            return Object(())
        while True:
            self.space()
            name = self.string(path)
            if name in names:
                raise rejected("duplicate-key", path, name)
            names.add(name)
            self.space()
            self.take(":", path)
            fields.append((name, self.value(f"{path}.{name}", depth + 1)))
            self.space()
            if self.peek() == "}":
                self.at += 1
                return Object(tuple(fields))
            self.take(",", path)


def parse(data: bytes) -> object:
    """The value that the bytes hold, or a refusal."""
    if len(data) > MOST_BYTES:
        raise declined("limit-exceeded", "$", "bytes")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise rejected("malformed-json", "$", "not UTF-8") from error
    parser = Parser(text)
    value = parser.value("$", 0)
    parser.space()
    if parser.at != len(text):
        raise rejected("malformed-json", "$", f"trailing data at {parser.at}")
    return value
