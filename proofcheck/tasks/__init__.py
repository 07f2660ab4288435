"""Tasks: inputs, right answers, exact counts."""

from proofcheck.tasks.automaton import Automaton, BlockMachine, Piece
from proofcheck.tasks.max_of_k import MaxOfK
from proofcheck.tasks.task import Task, TaskKind

__all__ = ["Automaton", "BlockMachine", "MaxOfK", "Piece", "Task", "TaskKind"]
