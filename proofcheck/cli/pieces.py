"""`--jobs N` of one certificate: its long steps go over pieces of the inputs in N processes.

The boundary (docs/soundness.md, Processes). To a worker: the settings, the bytes of the certificate and of the weight file, pickled; then
one line for each piece. From a worker: nothing is unpickled; a line of JSON that repeats the question, then int64 numbers, which the rule
checks again. A worker that ends is DECLINED, one that answers anything else is an internal error; neither is a verdict.
"""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from collections import deque
from collections.abc import Iterator, Sequence
from queue import Empty, SimpleQueue
from threading import Thread
from time import perf_counter
from typing import IO, Any

import numpy as np

from proofcheck.arithmetic import Arithmetic, exclusive_precision
from proofcheck.arithmetic.operations import count, counting
from proofcheck.certificate import Certificate, Step, decode_certificate, encode_certificate, sha256_hex
from proofcheck.cli.isolated import answers, end, pipes, start
from proofcheck.cli.settings import Settings
from proofcheck.errors import Declined, Reason
from proofcheck.kernel import part_of
from proofcheck.limits import Limits
from proofcheck.rules.sweep import Part, PartOf, Sweep
from proofcheck.tasks import Piece
from proofcheck.verification import versions

MOST_NUMBERS = 1 << 26  # of one part
LONGEST_LINE = 1 << 14

Question = tuple[str, int, int]  # step, piece


class Ended(Exception):
    """A worker process ended without an answer."""


class Unfit(RuntimeError):
    """A worker process answered something else than it was asked."""


class Unable(Exception):
    """A worker process says that it could not compute a part; this one will find out why."""


class PiecesInProcesses:
    """A `Pool`: this process and `processes` − 1 others, which are started once a step is seen to take long. `close` ends them.

    patience: seconds that this process works alone. settings: what makes the same checker in a worker.
    """

    def __init__(self, settings: Settings, processes: int, patience: float = 0.25) -> None:
        self._settings = settings
        self._others = processes - 1
        self._patience = patience
        self._workers: list[subprocess.Popen[bytes]] = []
        self._about: tuple[str, int] | None = None

    def sweep(self, certificate: Certificate, weights: bytes, arithmetic: Arithmetic, limits: Limits, step: Step) -> Sweep:
        def sweep(pieces: Sequence[Piece], here: PartOf) -> Iterator[tuple[int, Part]]:
            yield from self._over(pieces, here, certificate, weights, arithmetic.precision, step.id)

        return sweep

    def close(self) -> None:
        end(self._workers)
        self._workers = []

    def _over(
        self, pieces: Sequence[Piece], here: PartOf, certificate: Certificate, weights: bytes, bits: int, step: str
    ) -> Iterator[tuple[int, Part]]:
        waiting = deque(range(len(pieces)))  # its methods are atomic
        found: SimpleQueue[tuple[int, Part, int] | BaseException] = SimpleQueue()
        begun, alone, left = perf_counter(), True, len(pieces)
        try:
            while left:
                for answer in self._answers(found, wait=not waiting):
                    if isinstance(answer, Unable):
                        waiting.appendleft(answer.args[0])
                        continue
                    if isinstance(answer, BaseException):
                        raise answer
                    index, part, operations = answer
                    count(operations)
                    left -= 1
                    yield index, part
                if not waiting:
                    continue
                if alone and (left < len(pieces) or not self._patience) and self._is_long(perf_counter() - begun, left, len(pieces)):
                    alone = False
                    self._start(certificate, weights, bits)
                    for worker in self._workers:
                        Thread(target=_ask, args=(worker, step, pieces, waiting, found), daemon=True).start()
                try:
                    index = waiting.popleft()
                except IndexError:  # a thread took the last one
                    continue
                part = here(pieces[index])
                left -= 1
                yield index, part
        except Ended as error:
            raise Declined(
                Reason.LIMIT_EXCEEDED,
                "a process that evaluated a part of the inputs ended without an answer (out of memory?)",
                expected="an answer of each process",
                found="none",
                hint="nothing is said about the certificate; try fewer --jobs",
            ) from error
        finally:
            waiting.clear()
            if left:  # given up: workers may still be at old questions
                self.close()

    @staticmethod
    def _answers(
        found: SimpleQueue[tuple[int, Part, int] | BaseException], *, wait: bool
    ) -> Iterator[tuple[int, Part, int] | BaseException]:
        """What the threads have found by now; the next one at least, if there is nothing else to do."""
        if wait:
            yield found.get()
        while True:
            try:
                yield found.get_nowait()
            except Empty:
                return

    def _is_long(self, seconds: float, left: int, all_pieces: int) -> bool:
        """Whether other processes, which take about a second to start, will be of use."""
        if not self._patience:
            return True
        return seconds >= self._patience and seconds * left > (all_pieces - left) * 1.0

    def _start(self, certificate: Certificate, weights: bytes, bits: int) -> None:
        """Workers that know this certificate. Raises Ended, Unfit."""
        data = encode_certificate(certificate)
        about = sha256_hex(data), bits
        if self._about != about:
            self.close()
            self._about = about
        while len(self._workers) < self._others:
            worker = start("proofcheck.cli.pieces")
            self._workers.append(worker)
            to_worker, _ = pipes(worker)
            try:
                for message in (self._settings, (data, weights, bits)):
                    pickle.dump(message, to_worker)
                to_worker.flush()
            except OSError as error:
                raise Ended from error


def _ask(
    worker: subprocess.Popen[bytes],
    step: str,
    pieces: Sequence[Piece],
    waiting: deque[int],
    found: SimpleQueue[tuple[int, Part, int] | BaseException],
) -> None:
    """One worker's pieces, one after another; in a thread of its own."""
    to_worker, from_worker = pipes(worker)
    while True:
        try:
            index = waiting.popleft()
        except IndexError:
            return
        try:
            question = (step, *pieces[index])
            to_worker.write(json.dumps(question).encode() + b"\n")
            to_worker.flush()
            answer = read_answer(from_worker, question)
            found.put(Unable(index) if answer is None else (index, *answer))
        except (OSError, ValueError) as error:  # ValueError: the pipe was closed by `close`
            found.put(Ended(str(error)))
            return
        except BaseException as error:  # whoever waits for the part must hear of it
            found.put(error)
            return


def read_answer(stream: IO[bytes], question: Question) -> tuple[Part, int] | None:
    """A part and its operations, None where the worker could not compute it. Raises Ended, Unfit."""
    line = stream.readline(LONGEST_LINE)
    if not line:
        raise Ended
    try:
        answer: Any = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise Unfit("a worker did not answer in JSON") from error
    expected = {"question": list(question), "about": list(versions())}
    if not isinstance(answer, dict) or {name: answer.pop(name, None) for name in expected} != expected:
        raise Unfit("a worker answered another question, or with other software")
    if answer == {"unable": True}:
        return None
    if set(answer) != {"numbers", "operations"} or not all(type(value) is int and value >= 0 for value in answer.values()):
        raise Unfit("a worker's answer has not the right fields")
    if answer["numbers"] > MOST_NUMBERS:
        raise Unfit("a worker's answer is too long")
    data = stream.read(8 * answer["numbers"])
    if len(data) < 8 * answer["numbers"]:
        raise Ended
    return np.frombuffer(data, dtype="<i8").astype(np.int64), answer["operations"]


def write_answer(stream: IO[bytes], question: Question, part: Part | None, operations: int) -> None:
    """The answer that `read_answer` reads; part None: it could not be computed."""
    about: dict[str, Any] = {"question": question, "about": versions()}
    about |= {"unable": True} if part is None else {"numbers": len(part), "operations": operations}
    stream.write(json.dumps(about).encode() + b"\n")
    if part is not None:
        stream.write(part.astype("<i8").tobytes())
    stream.flush()


def serve() -> None:
    """In a worker: answer questions on standard input until it ends."""
    out, questions = answers(), sys.stdin.buffer
    settings: Settings = pickle.load(questions)
    checker = settings.checker()
    data, weights, bits = pickle.load(questions)
    with exclusive_precision():
        arithmetic, parts = Arithmetic(settings.backend, bits), {}
        certificate = decode_certificate(data, settings.limits)
        for line in questions:
            step, first, last = json.loads(line)
            try:
                if step not in parts:
                    parts[step] = part_of(certificate, weights, arithmetic, settings.limits, checker.catalogue, step)
                with counting() as counter:
                    part = parts[step]((first, last))
            except Exception as error:
                print(f"proofcheck: a worker process could not compute a part: {type(error).__name__}", file=sys.stderr)
                write_answer(out, (step, first, last), None, 0)
            else:
                write_answer(out, (step, first, last), part, counter.total)
