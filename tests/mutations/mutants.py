"""Every way to take one predicate out of a module: a condition, a filter's term, a check's call."""

import ast
import copy
import dataclasses
from collections.abc import Callable, Iterator

YES, NO = ast.Constant(True), ast.Constant(False)


@dataclasses.dataclass(frozen=True, slots=True)
class Mutant:
    """One change: at which line, in which function, what became of it."""

    line: int
    function: str
    told: str
    code: str


@dataclasses.dataclass(frozen=True, slots=True)
class Change:
    """What is put in the place of a node; `told` says what was taken away."""

    told: str
    make: Callable[[ast.AST], ast.AST]


def mutants(source: str) -> list[Mutant]:
    """Each of them, in the order of the lines."""
    tree = ast.parse(source)
    found = []
    for function, node, index in _nodes(tree):
        for number, change in enumerate(_changes(node)):
            changed = _applied(tree, index, number)
            found.append(Mutant(getattr(node, "lineno", 0), function, change.told, changed))
    return found


def _nodes(tree: ast.Module) -> Iterator[tuple[str, ast.AST, int]]:
    """Every node inside of a function, with the function's qualified name and its place in the walk."""
    owners: dict[int, str] = {}
    classes = [one for one in tree.body if isinstance(one, ast.ClassDef)]
    scopes: list[ast.Module | ast.ClassDef] = [tree, *classes]
    for scope in scopes:
        prefix = f"{scope.name}." if isinstance(scope, ast.ClassDef) else ""
        for function in scope.body:
            if isinstance(function, ast.FunctionDef):
                for inner in ast.walk(function):
                    owners[id(inner)] = prefix + function.name
    for index, node in enumerate(ast.walk(tree)):
        if id(node) in owners:
            yield owners[id(node)], node, index


def _applied(tree: ast.Module, index: int, number: int) -> str:
    """The source again, with one change of one node."""
    again = copy.deepcopy(tree)
    target = list(ast.walk(again))[index]
    change = list(_changes(target))[number]

    class Put(ast.NodeTransformer):
        def visit(self, node: ast.AST) -> ast.AST:
            return change.make(node) if node is target else self.generic_visit(node)

    return ast.unparse(ast.fix_missing_locations(Put().visit(again)))


def _changes(node: ast.AST) -> Iterator[Change]:
    match node:
        case ast.If(test=test, body=[*_, last]):
            yield _field("test", NO, f"never: if {ast.unparse(test)}")
            if not _refuses(last):
                yield _field("test", YES, f"always: if {ast.unparse(test)}")
        case ast.IfExp(test=test, body=body, orelse=orelse):
            yield Change(f"always what is so if {ast.unparse(test)}", lambda _: body)
            yield Change(f"always what is so if not {ast.unparse(test)}", lambda _: orelse)
        case ast.BoolOp(values=values):
            for place, value in enumerate(values):
                left = [one for at, one in enumerate(values) if at != place]
                yield _field("values", left, f"without: {ast.unparse(value)}")
        case ast.BinOp(left=left_, op=ast.BitAnd(), right=right):
            yield Change(f"without: & {ast.unparse(right)}", lambda _: left_)
            yield Change(f"without: {ast.unparse(left_)} &", lambda _: right)
        case ast.Call(func=ast.Attribute(attr="filter" | "exclude" as verb)):
            yield from _terms(node, verb)
        case ast.Expr(value=ast.Call(func=func)):
            yield Change(f"without the call of {ast.unparse(func)}", lambda _: ast.Pass())
        case ast.comprehension(ifs=[_, *_] as ifs):
            yield _field("ifs", [], f"without: if {' and '.join(map(ast.unparse, ifs))}")
        case ast.FunctionDef(returns=ast.Name(id="bool"), body=[*_, ast.Return(value=value)]):
            if value is not None:
                yield Change("always answers yes", _answering)


def _terms(call: ast.Call, verb: str) -> Iterator[Change]:
    for place, term in enumerate(call.keywords):
        left = [one for at, one in enumerate(call.keywords) if at != place]
        yield _field("keywords", left, f"{verb} without: {ast.unparse(term)}")
    for place, argument in enumerate(call.args):
        rest = [one for at, one in enumerate(call.args) if at != place]
        yield _field("args", rest, f"{verb} without: {ast.unparse(argument)}")


def _field(name: str, value: object, told: str) -> Change:
    def make(node: ast.AST) -> ast.AST:
        setattr(node, name, value)
        return node

    return Change(told, make)


def _refuses(last: ast.stmt) -> bool:
    """Whether what a condition guards says no: it raises, or answers with nothing."""
    if isinstance(last, ast.Return):
        return last.value is None or ast.unparse(last.value).endswith(
            ("None", "False", "[]", "()", ".none()", "nobody(came)")
        )
    return isinstance(last, ast.Raise)


def _answering(node: ast.AST) -> ast.AST:
    assert isinstance(node, ast.FunctionDef)
    node.body = [ast.Return(YES)]
    return node
