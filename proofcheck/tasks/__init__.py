"""Tasks: inputs, right answers, exact counts."""

from proofcheck.tasks.automaton import Automaton, BlockMachine
from proofcheck.tasks.max_of_k import MaxOfK
from proofcheck.tasks.task import Task, TaskKind

__all__ = ["Automaton", "BlockMachine", "MaxOfK", "Task", "TaskKind"]
