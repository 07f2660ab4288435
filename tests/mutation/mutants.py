"""Mutants of one source file: one change each, in code that could decide a verdict."""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator
from dataclasses import dataclass

SWAPPED_NAMES = {
    "_down": "_up",
    "minimum": "maximum",
    "floor": "ceil",
    "_floor": "_ceil",
    "min": "max",
    "running_min": "running_max",
    "running_argmin": "running_argmax",
    "lower": "upper",
    "low": "high",
    "least": "most",
    "lo": "hi",
    "any": "all",
    "_larger": "_smaller",
    "_minimum": "_maximum",
    "multiples_below": "multiples_above",
    "certainly_positive": "certainly_negative",
    "largest": "smallest",
    "lowered": "raised",
}
SWAPPED_NAMES |= {second: first for first, second in SWAPPED_NAMES.items()}
SWAPPED_COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
SWAPPED_OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
}
NO_VERDICT = ("count", "counted", "_operations", "operations", "Rejected", "Declined", "NotImplementedError", "TypeError")


@dataclass(frozen=True, slots=True)
class Mutant:
    """path: relative to proofcheck/. line and change: for people. source: the whole mutated file."""

    path: str
    line: int
    column: int
    change: str
    source: str

    @property
    def key(self) -> str:
        """Names the mutant in logs."""
        return f"{self.path}:{self.line}:{self.column}: {self.change}"


def mutants(path: str, source: str) -> Iterator[Mutant]:
    """All mutants of a file, in the order of its lines."""
    tree = ast.parse(source)
    for number, (node, change, _) in enumerate(_changes(tree)):
        mutated = copy.deepcopy(tree)
        found = list(_changes(mutated))[number]
        found[2]()
        yield Mutant(
            path, getattr(node, "lineno", 0), getattr(node, "col_offset", 0), change, ast.unparse(ast.fix_missing_locations(mutated))
        )


def _changes(tree: ast.Module) -> list[tuple[ast.AST, str, object]]:
    changes: list[tuple[ast.AST, str, object]] = []
    _visit(tree, changes)
    return sorted(changes, key=lambda item: (getattr(item[0], "lineno", 0), getattr(item[0], "col_offset", 0)))


def _visit(node: ast.AST, changes: list[tuple[ast.AST, str, object]]) -> None:
    if _is_left_alone(node):
        return
    changes.extend(_node_changes(node))
    for child in ast.iter_child_nodes(node):
        _visit(child, changes)


def _is_left_alone(node: ast.AST) -> bool:
    if isinstance(node, ast.FunctionDef) and (node.name.endswith("operations") or node.name in ("shown", "check_platform")):
        return True
    if isinstance(node, ast.Call) and _name(node.func) in NO_VERDICT:
        return True
    if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and "CHUNK" in node.targets[0].id:
        return True
    if isinstance(node, ast.AnnAssign | ast.arg) and not isinstance(getattr(node, "value", None), ast.expr):
        return True
    return isinstance(node, ast.Raise | ast.Import | ast.ImportFrom | ast.Assert)


def _node_changes(node: ast.AST) -> Iterator[tuple[ast.AST, str, object]]:
    if isinstance(node, ast.If) and any(isinstance(child, ast.Raise) for child in node.body):
        yield node, "side condition removed", _setter(node, "test", ast.Constant(False))
    elif isinstance(node, ast.If):
        yield node, "condition always true", _setter(node, "test", ast.Constant(True))
        yield node, "condition always false", _setter(node, "test", ast.Constant(False))
    if (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Call)
        and _name(node.value.func) in ("require", "check", "_check_arity", "_check_hints")
    ):
        yield node, f"call of {_name(node.value.func)} removed", _setter(node, "value", ast.Constant(None))
    if isinstance(node, ast.Compare) and len(node.ops) == 1 and type(node.ops[0]) in SWAPPED_COMPARISONS:
        new = SWAPPED_COMPARISONS[type(node.ops[0])]
        yield node, f"{type(node.ops[0]).__name__} -> {new.__name__}", _setter(node, "ops", [new()])
    if isinstance(node, ast.BinOp | ast.AugAssign) and type(node.op) in SWAPPED_OPERATORS:
        new_operator = SWAPPED_OPERATORS[type(node.op)]
        yield node, f"{type(node.op).__name__} -> {new_operator.__name__}", _setter(node, "op", new_operator())
    if isinstance(node, ast.BoolOp):
        other = ast.Or() if isinstance(node.op, ast.And) else ast.And()
        yield node, "and <-> or", _setter(node, "op", other)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.Not):
        yield node, f"{type(node.op).__name__} removed", _setter(node, "op", ast.UAdd())  # +True is as true as True
    if isinstance(node, ast.Constant) and type(node.value) is int and abs(node.value) <= 4096:
        yield node, f"{node.value} -> {node.value + 1}", _setter(node, "value", node.value + 1)
    if isinstance(node, ast.Attribute) and node.attr in SWAPPED_NAMES:
        yield node, f".{node.attr} -> .{SWAPPED_NAMES[node.attr]}", _setter(node, "attr", SWAPPED_NAMES[node.attr])
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id in SWAPPED_NAMES:
        yield node, f"{node.id} -> {SWAPPED_NAMES[node.id]}", _setter(node, "id", SWAPPED_NAMES[node.id])


def _setter(node: ast.AST, field: str, value: object) -> object:
    return lambda: setattr(node, field, value)


def _name(function: ast.expr) -> str:
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""
