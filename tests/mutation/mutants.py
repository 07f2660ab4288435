"""Mutants of one source file: one change each, in code that could decide a verdict."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

SWAPPED_NAMES = {
    "rounded_down": "rounded_up",
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
class Change:
    """One field of one node of a syntax tree, and what it becomes."""

    node: ast.AST
    what: str
    field: str
    value: object

    @property
    def place(self) -> tuple[int, int]:
        """Line and column."""
        return getattr(self.node, "lineno", 0), getattr(self.node, "col_offset", 0)


@dataclass(frozen=True, slots=True)
class Mutant:
    """path: relative to proofcheck/. statement: the lines of which a test must run one to meet the change."""

    path: str
    tree: ast.Module
    change: Change
    statement: range

    @property
    def is_constant(self) -> bool:
        """An integer made one larger: neither a condition nor a direction."""
        return isinstance(self.change.node, ast.Constant)

    @property
    def key(self) -> str:
        """Names the mutant in logs and for people."""
        line, column = self.change.place
        return f"{self.path}:{line}:{column}-{getattr(self.change.node, 'end_col_offset', 0)}: {self.change.what}"

    def source(self) -> str:
        """The whole mutated file."""
        node, field = self.change.node, self.change.field
        before = getattr(node, field)
        setattr(node, field, self.change.value)
        try:
            return ast.unparse(self.tree)
        finally:
            setattr(node, field, before)


def mutants(path: str, source: str) -> Iterator[Mutant]:
    """All mutants of a file, in the order of its lines."""
    tree = ast.parse(source)
    statements = _statements(tree)
    changes: list[Change] = []
    _visit(tree, changes)
    for change in sorted(changes, key=lambda change: change.place):
        line, _ = change.place
        yield Mutant(path, tree, change, statements.get(line, range(line, line + 1)))


def _statements(tree: ast.Module) -> dict[int, range]:
    """The lines of the innermost statement at each line; of a compound statement, those of its head."""
    lines: dict[int, range] = {}
    for node in ast.walk(tree):  # breadth first: inner statements come later and win
        if isinstance(node, ast.stmt):
            body = getattr(node, "body", None)
            end = max(node.lineno, body[0].lineno - 1) if body else node.end_lineno or node.lineno
            lines.update(dict.fromkeys(range(node.lineno, end + 1), range(node.lineno, end + 1)))
    return lines


def _visit(node: ast.AST, changes: list[Change]) -> None:
    if _is_left_alone(node):
        return
    changes.extend(_node_changes(node))
    for field, value in ast.iter_fields(node):
        if field not in ("annotation", "returns"):  # never evaluated
            for child in value if isinstance(value, list) else [value]:
                if isinstance(child, ast.AST):
                    _visit(child, changes)


def _is_left_alone(node: ast.AST) -> bool:
    if isinstance(node, ast.FunctionDef) and (
        node.name.endswith("operations") or node.name in ("shown", "check_platform", "table_exponentials")
    ):
        return True
    if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
        return True
    if isinstance(node, ast.Call) and _name(node.func) in NO_VERDICT:
        return True
    if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
        name = node.targets[0].id
        if "CHUNK" in name or name == "step":
            return True
    if isinstance(node, ast.Lambda) and node.args.args and node.args.args[0].arg in ("s", "dimensions"):
        return True
    if isinstance(node, ast.If) and ast.unparse(node.body[0]).startswith(
        ("raise TypeError('the kernel checks", "raise TypeError(f'the kernel checks")
    ):
        return True
    return isinstance(node, ast.JoinedStr | ast.Raise | ast.Import | ast.ImportFrom | ast.Assert)


def _node_changes(node: ast.AST) -> Iterator[Change]:
    if isinstance(node, ast.If) and any(isinstance(child, ast.Raise) for child in node.body):
        yield Change(node, "side condition removed", "test", ast.Constant(False))
    elif isinstance(node, ast.If):
        yield Change(node, "condition always true", "test", ast.Constant(True))
        yield Change(node, "condition always false", "test", ast.Constant(False))
    if (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Call)
        and _name(node.value.func) in ("require", "check", "_check_arity", "_check_hints")
    ):
        yield Change(node, f"call of {_name(node.value.func)} removed", "value", ast.Constant(None))
    if isinstance(node, ast.Compare) and len(node.ops) == 1 and type(node.ops[0]) in SWAPPED_COMPARISONS:
        new = SWAPPED_COMPARISONS[type(node.ops[0])]
        yield Change(node, f"{type(node.ops[0]).__name__} -> {new.__name__}", "ops", [new()])
    if isinstance(node, ast.BinOp | ast.AugAssign) and type(node.op) in SWAPPED_OPERATORS:
        new_operator = SWAPPED_OPERATORS[type(node.op)]
        yield Change(node, f"{type(node.op).__name__} -> {new_operator.__name__}", "op", new_operator())
    if isinstance(node, ast.BoolOp):
        other = ast.Or() if isinstance(node.op, ast.And) else ast.And()
        yield Change(node, "and <-> or", "op", other)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.Not):
        yield Change(node, f"{type(node.op).__name__} removed", "op", ast.UAdd())  # +True is as true as True
    if isinstance(node, ast.Constant) and type(node.value) is int and abs(node.value) <= 4096:
        yield Change(node, f"{node.value} -> {node.value + 1}", "value", node.value + 1)
    if isinstance(node, ast.Attribute) and node.attr in SWAPPED_NAMES:
        yield Change(node, f".{node.attr} -> .{SWAPPED_NAMES[node.attr]}", "attr", SWAPPED_NAMES[node.attr])
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id in SWAPPED_NAMES:
        yield Change(node, f"{node.id} -> {SWAPPED_NAMES[node.id]}", "id", SWAPPED_NAMES[node.id])


def _name(function: ast.expr) -> str:
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""
