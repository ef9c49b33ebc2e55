"""Scan a module for its import-time behaviour, as JSON; layers/module-scan.ts documents the form.

It runs in CPython as WebAssembly, so that every machine has the same version. It does not import the modules that it
reads.
"""

import ast
import json
import re

_CATCH_ALL = "*"
_REFERENCE = re.compile(r"\.{0,3}[A-Za-z_]\w*(\.[A-Za-z_]\w*)*\Z", re.ASCII)
_SETUP = re.compile(r"__[A-Z]+_SETUP__\Z")
_TYPE_CHECKING = {"TYPE_CHECKING", "MYPY_CHECK_RUNNING"}
_COMPARISONS = {
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Is: "is",
    ast.IsNot: "is not",
    ast.In: "in",
    ast.NotIn: "not in",
}
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


def scan(source: bytes) -> dict:
    """Scan a module."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        return {"error": [getattr(error, "lineno", None) or 1, str(error)]}
    return _Scan().module(tree)


class _Scan:
    def __init__(self) -> None:
        self.functions: list[list] = []
        self.typing: list[list] = []
        self.globals: set[str] = set()
        self.attributes: set[str] = set()
        self.made: set[str] = set()
        self.references: set[str] = set()
        self.lazy_names: dict[str, list[str]] = {}
        self.flags: dict[str, object] = {}

    def module(self, tree: ast.Module) -> dict:
        self.inspect(tree)
        found = {"body": _joined(self.block(tree.body)), **self.flags}
        for name in ("functions", "typing", "lazy_names"):
            value = getattr(self, name)
            if value:
                found[name] = value
        for name in ("globals", "attributes", "made", "references"):
            value = sorted(getattr(self, name))
            if value:
                found[name] = value
        return found

    def opens(self, parents: dict[ast.AST, ast.AST], node: ast.AST) -> None:
        """Record the first line after which the module may have names that no statement binds."""
        while not isinstance(parents[node], ast.Module):
            node = parents[node]
        self.flags["open"] = min(node.lineno, self.flags.get("open", node.lineno))

    # Nodes that count wherever they occur.

    def inspect(self, tree: ast.Module) -> None:
        dynamic = False
        strings = set()
        parents = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
        for node in parents:
            match node:
                case ast.Global(names):
                    self.globals.update(names)
                case ast.Attribute(ast.Name("sys"), "modules" | "meta_path"):
                    change = _changes_modules(parents, node)
                    if isinstance(change, list):
                        self.made.update(change)
                    elif change == "open":
                        self.opens(parents, node)
                    elif change:
                        self.flags[change] = True
                case ast.Call(ast.Name("globals" | "vars" | "locals"), [], []) if _changes_names(parents, node):
                    self.opens(parents, node)
                case ast.Call(ast.Name("exec")):
                    self.opens(parents, node)
                case ast.Name("__path__") | ast.Attribute(attr="__path__"):
                    used = parents[node]
                    changed = isinstance(used, ast.Attribute) and used.attr in {"append", "extend", "insert"}
                    if changed or isinstance(node.ctx, ast.Store):
                        self.flags.setdefault("path", "changed")
                case ast.Attribute(attr="extend_path" | "declare_namespace") | ast.Name("extend_path"):
                    self.flags["path"] = "extended"
                case ast.Call(func) if _called(func) in {"import_module", "__import__"}:
                    dynamic = dynamic or not _literal_import(node)
                case ast.Call(_, [ast.Name("__name__"), *_] as arguments, keywords) if any(
                    _is_table(each) for each in [*arguments, *(keyword.value for keyword in keywords)]
                ):
                    # A helper that replaces this module with a lazy module.
                    self.flags["getattr"] = dynamic = True
                case ast.Constant(str(text)) if len(text) < 100 and _REFERENCE.match(text):
                    strings.add(text)
                case ast.Dict(keys, values) if _is_table(node):
                    for key, value in zip(keys, values, strict=True):
                        self.lazy_name(key.value, value)
        if "__getattr__" in _bound_by(tree.body):
            self.flags["getattr"] = True
            dynamic = True
        if not self.flags.get("getattr"):
            self.lazy_names.clear()
        # A name without a dot counts only if the module imports by name.
        self.references = {text for text in strings if dynamic or "." in text.strip(".")}

    def lazy_name(self, name: str, value: ast.expr) -> None:
        """Record an entry of a lookup table: ``{"name": "module"}``, or ``{"module": ["name", ...]}``."""
        elements = value.elts if isinstance(value, (ast.Tuple, ast.List, ast.Set)) else [value]
        texts = [each.value for each in elements if _is_text(each) and _REFERENCE.match(each.value)]
        if isinstance(value, (ast.List, ast.Set)):
            for text in texts:
                self.lazy_names.setdefault(text, []).append(name)
        elif texts:
            self.lazy_names.setdefault(name, []).extend(texts)

    # The statements, in the order in which they run.

    def block(self, statements: list[ast.stmt]) -> list[list]:
        return [node for statement in statements for node in self.statement(statement)]

    def statement(self, node: ast.stmt) -> list[list]:
        match node:
            case ast.Import(names):
                return [["import", node.lineno, alias.name, alias.asname] for alias in names]
            case ast.ImportFrom(module, names, level):
                return [["from", node.lineno, level, module or "", [[alias.name, alias.asname] for alias in names]]]
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                arguments = [*node.args.defaults, *(default for default in node.args.kw_defaults if default)]
                found = self.expressions([*node.decorator_list, *arguments])
                self.function(node.body)
                return [*found, ["set", [node.name], ["object"]]]
            case ast.ClassDef():
                found = self.expressions([*node.decorator_list, *node.bases, *(each.value for each in node.keywords)])
                body = _imports_only(self.block(node.body))
                return [*found, *([["class", body]] if body else []), ["set", [node.name], ["object"]]]
            case ast.Assign(targets, value):
                self.attributes.update(
                    each.attr for each in targets if isinstance(each, ast.Attribute) and isinstance(each.value, ast.Name)
                )
                return [*self.expressions([value, *targets]), *self.assignment(targets, value)]
            case ast.AnnAssign(target, _, value) if value is not None:
                return [*self.expressions([value]), *self.assignment([target], value)]
            case ast.TypeAlias(ast.Name(name)):
                return [["set", [name], ["object"]]]
            case ast.AugAssign(target, _, value):
                if isinstance(target, ast.Name) and target.id == "__all__":
                    return [["all", _texts(value)]]
                return [*self.expressions([value]), *_sets(_names_in(target))]
            case ast.Delete():
                return []
            case ast.If(test, body, orelse):
                return self.condition(test, body, orelse)
            case ast.Try() | ast.TryStar():
                return self.attempt(node)
            case ast.With(items, body) | ast.AsyncWith(items, body):
                found = self.expressions([item.context_expr for item in items])
                bound = [name for item in items if item.optional_vars for name in _names_in(item.optional_vars)]
                suppressed = [name for item in items for name in _suppressed(item.context_expr)]
                inside = self.block(body)
                if suppressed:
                    inside = [["try", inside, [[suppressed, []]], [], []]]
                return [*found, *_sets(bound), *inside]
            case ast.For() | ast.AsyncFor():
                found = [*self.expressions([node.iter]), *_sets(_names_in(node.target))]
                called = [["call", node.lineno, *each] for each in _imports_by_loop(node)]
                return [*found, *called, *self.block(node.body), *self.block(node.orelse)]
            case ast.While(test, body, orelse):
                return [*self.expressions([test]), ["if", self.test(test), self.block(body), []], *self.block(orelse)]
            case ast.Match(subject, cases):
                found = self.expressions([subject])
                for case in cases:
                    captured = _sets(_names_in(case.pattern))
                    found.append(["if", None, [*captured, *self.block(case.body)], []])
                return found
            case ast.Raise(exc):
                return [["raise", node.lineno, _error(exc)]]
            case ast.Expr(value):
                changed = _changed_all(value)
                return [["all", changed[0]]] if changed else self.expressions([value])
            case ast.Assert(test):
                return self.expressions([test])
            case ast.Return(value) if value is not None:
                return self.expressions([value])
        return []

    def condition(self, test: ast.expr, body: list[ast.stmt], orelse: list[ast.stmt]) -> list[list]:
        found = self.expressions([test])
        if _called(test) in _TYPE_CHECKING:
            self.typing.extend(self.typed(body))
            return [*found, *self.block(orelse)]
        if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not) and _called(test.operand) in _TYPE_CHECKING:
            self.typing.extend(self.typed(orelse))
            return [*found, *self.block(body)]
        then, otherwise = self.block(body), self.block(orelse)
        return [*found, ["if", self.test(test), then, otherwise]] if then or otherwise else found

    def typed(self, statements: list[ast.stmt]) -> list[list]:
        return [node for node in _Scan().block(statements) if node[0] in {"import", "from"}]

    def attempt(self, node: ast.Try | ast.TryStar) -> list[list]:
        match node.body, node.handlers:
            # Only a package's own build sets this name.
            case [ast.Expr(ast.Name(name))], [ast.ExceptHandler(ast.Name("NameError"), _, body)] if _SETUP.match(name):
                return self.block(body)
        handlers = [
            [_caught(handler.type), [*_sets([handler.name] if handler.name else []), *self.block(handler.body)]]
            for handler in node.handlers
        ]
        return [["try", self.block(node.body), handlers, self.block(node.orelse), self.block(node.finalbody)]]

    def assignment(self, targets: list[ast.expr], value: ast.expr) -> list[list]:
        names = [name for target in targets for name in _names_in(target)]
        if names == ["__all__"]:
            return [["all", _texts(value), True]]
        if len(targets) == 1 and isinstance(targets[0], ast.Name):
            return [["set", names, self.test(value)]]
        return _sets(names)

    def function(self, body: list[ast.stmt]) -> None:
        attributes = set(self.attributes)
        inside = _imports_only(self.block(body))
        self.attributes = attributes
        if inside:
            self.functions.append(inside)

    def expressions(self, expressions: list[ast.expr]) -> list[list]:
        """Imports by a call, and names that an expression binds. The body of a lambda runs only when it is called."""
        found = []
        pending = list(reversed(expressions))
        while pending:
            node = pending.pop()
            if isinstance(node, ast.Lambda):
                inside = self.expressions([node.body])
                if inside:
                    self.functions.append(inside)
                continue
            if isinstance(node, ast.NamedExpr):
                found.extend(_sets(_names_in(node.target)))
            literal = _literal_import(node)
            if literal:
                found.append(["call", node.lineno, *literal])
            pending.extend(reversed(list(ast.iter_child_nodes(node))))
        return found

    def test(self, node: ast.expr) -> list | None:  # noqa: PLR0911 - one for each form
        """Return an expression as far as conditions need it; None if its value depends on more than that."""
        match node:
            case ast.Constant(None | bool() | int() | str() as value):
                return ["constant", value]
            case ast.Name(name):
                return ["name", name]
            case ast.Tuple(elements):
                values = [self.test(each) for each in elements]
                return ["tuple", values] if all(each and each[0] == "constant" for each in values) else ["object"]
            case ast.UnaryOp(ast.Not(), operand):
                return ["not", self.test(operand)]
            case ast.BoolOp(operator, values):
                return ["and" if isinstance(operator, ast.And) else "or", [self.test(each) for each in values]]
            case ast.Compare(left, [operator], [right]):
                return ["compare", _COMPARISONS[type(operator)], self.test(left), self.test(right)]
            case ast.Attribute(value, name):
                return ["attribute", self.test(value), name]
            case ast.Subscript(value, ast.Constant(int(index))):
                return ["item", self.test(value), index]
            case ast.Subscript(value, ast.Slice(None, ast.Constant(int(end)), None)):
                return ["slice", self.test(value), end]
            case ast.Call(func, arguments, []):
                return self.call(func, arguments)
            case ast.Set() | ast.Lambda():
                return ["object"] if list(ast.iter_child_nodes(node)) else None
        return None

    def call(self, func: ast.expr, arguments: list[ast.expr]) -> list | None:
        match func, arguments:
            case _, [ast.Constant(str(name))] if _called(func) == "find_spec":
                return ["found", name]
            case (ast.Name("__import__") | ast.Attribute(attr="import_module") | ast.Name("import_module")), _:
                return ["object"]
            case ast.Attribute(value, "startswith"), [argument]:
                return ["starts", self.test(value), self.test(argument)]
            case ast.Attribute(value, ("python_implementation" | "system") as name), []:
                return ["attribute", self.test(value), name]
            case ast.Name("bool"), [argument]:
                return ["not", ["not", self.test(argument)]]
        return None


def _joined(nodes: list[list]) -> list[list]:
    """Merge consecutive nodes that bind names to unknown values."""
    found: list[list] = []
    for node in nodes:
        if node[0] == "set" and found and found[-1][0] == "set" and found[-1][2] == node[2]:
            found[-1] = ["set", [*found[-1][1], *(name for name in node[1] if name not in found[-1][1])], node[2]]
        else:
            found.append(node)
    return found


def _imports_only(nodes: list[list]) -> list[list]:
    """Nodes of a scope whose names other modules cannot see."""
    found = []
    for node in nodes:
        match node:
            case ["set", _, None | ["object"]] | ["all", *_]:
                continue
            case ["if", test, then, otherwise]:
                kept = ["if", test, _imports_only(then), _imports_only(otherwise)]
                if kept[2] or kept[3]:
                    found.append(kept)
            case ["try", body, handlers, orelse, final]:
                kept_handlers = [[caught, _imports_only(handler)] for caught, handler in handlers]
                kept = [_imports_only(body), kept_handlers, _imports_only(orelse), _imports_only(final)]
                if kept[0] or kept[2] or kept[3] or any(handler for _, handler in kept_handlers):
                    found.append(["try", *kept])
            case _:
                found.append(node)
    return found if any(node[0] not in {"set", "raise"} for node in found) else []


def _sets(names: list[str]) -> list[list]:
    return [["set", names, None]] if names else []


def _names_in(node: ast.AST) -> list[str]:
    """Names that an assignment's target or a pattern binds."""
    found = []
    for each in ast.walk(node):
        match each:
            case ast.Name(name, ast.Store()) | ast.MatchAs(name=str(name)) | ast.MatchStar(str(name)):
                found.append(name)
            case ast.MatchMapping(rest=str(name)):
                found.append(name)
    return found


def _bound_by(statements: list[ast.stmt]) -> set[str]:
    names = set()
    for statement in statements:
        match statement:
            case ast.FunctionDef(name) | ast.AsyncFunctionDef(name):
                names.add(name)
            case ast.Assign(targets):
                names.update(name for target in targets for name in _names_in(target))
            case ast.ImportFrom(names=aliases):
                names.update(alias.asname or alias.name for alias in aliases)
            case ast.If(_, body, orelse):
                names |= _bound_by(body) | _bound_by(orelse)
            case ast.Try(body, handlers, orelse):
                names |= _bound_by(body) | _bound_by(orelse)
                names |= {name for handler in handlers for name in _bound_by(handler.body)}
    return names


def _called(node: ast.expr) -> str | None:
    match node:
        case ast.Name(name) | ast.Attribute(attr=name):
            return name
    return None


def _literal_import(node: ast.AST) -> list | None:
    """Level and module of ``import_module("literal")`` and similar calls."""
    match node:
        case ast.Call(func, [ast.Constant(str(name)), *arguments], keywords) if _called(func) in {
            "import_module",
            "__import__",
        }:
            level = len(name) - len(name.lstrip("."))
            package = arguments[0] if arguments else next((each.value for each in keywords if each.arg == "package"), None)
            if _called(func) == "__import__":
                return [0, name] if level == 0 and not any(each.arg == "level" for each in keywords) else None
            if level == 1 and isinstance(package, ast.Constant) and isinstance(package.value, str):
                return [0, package.value + name]
            return [level, name[level:]]
    return None


def _imports_by_loop(node: ast.For | ast.AsyncFor) -> list[list]:
    """Level and module of each ``for name in ("one", "two"): __import__(name)``."""
    if not isinstance(node.target, ast.Name) or any(isinstance(each, ast.Try) for each in ast.walk(node)):
        return []
    unconditional = [each for statement in node.body if isinstance(statement, (ast.Assign, ast.Expr)) for each in ast.walk(statement)]
    names = _texts(node.iter) or []
    for each in unconditional:
        match each:
            case ast.Call(func, [ast.Name(name)]) if name == node.target.id:
                if _called(func) in {"import_module", "__import__"}:
                    return [[0, text] for text in names if not text.startswith(".")]
    return []


def _error(node: ast.expr | None) -> str | None:
    """Name of the exception that is raised; None for a bare ``raise``."""
    if node is None:
        return None
    return _called(node.func if isinstance(node, ast.Call) else node) or "?"


def _caught(node: ast.expr | None) -> list[str]:
    if node is None:
        return [_CATCH_ALL]
    elements = node.elts if isinstance(node, ast.Tuple) else [node]
    return [_called(each) or "?" for each in elements]


def _suppressed(node: ast.expr) -> list[str]:
    if isinstance(node, ast.Call) and _called(node.func) == "suppress":
        return [_called(each) or "?" for each in node.args]
    return []


def _is_table(node: ast.expr) -> bool:
    return isinstance(node, ast.Dict) and node.keys != [] and all(_is_text(key) for key in node.keys)


def _is_text(node: ast.expr | None) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def _texts(node: ast.expr) -> list[str] | None:
    if isinstance(node, (ast.List, ast.Tuple)) and all(_is_text(each) for each in node.elts):
        return [each.value for each in node.elts]
    return None


def _changed_all(node: ast.expr) -> list | None:
    match node:
        case ast.Call(ast.Attribute(ast.Name("__all__"), "append"), [ast.Constant(str(name))]):
            return [[name]]
        case ast.Call(ast.Attribute(ast.Name("__all__"), "extend"), [argument]):
            return [_texts(argument)]
        case ast.Call(ast.Attribute(ast.Name("__all__")), _):
            return [None]
    return None


def _changes_names(parents: dict[ast.AST, ast.AST], node: ast.Call) -> bool:
    """Whether a call of ``globals()`` may bind names that no statement binds."""
    if node.func.id != "globals" and _in_function(parents, node):
        return False
    parent = parents[node]
    if isinstance(parent, ast.Subscript) and parent.value is node:
        return isinstance(parent.ctx, ast.Store)
    if isinstance(parent, ast.Attribute):
        return parent.attr not in {"get", "keys", "values", "items", "copy", "pop"}
    return not isinstance(parent, (ast.Compare, ast.comprehension, ast.For))


def _changes_modules(parents: dict[ast.AST, ast.AST], node: ast.Attribute) -> str | list[str] | None:
    """Whether a use of ``sys.modules`` replaces this module or creates others, and which."""
    parent = parents[node]
    if node.attr == "meta_path":
        return "makes_modules"
    if isinstance(parent, ast.Subscript):
        if isinstance(parent.slice, ast.Name) and parent.slice.id == "__name__":
            return "open"
        if not isinstance(parent.ctx, ast.Store):
            return None
        return [parent.slice.value] if _is_text(parent.slice) else "makes_modules"
    if isinstance(parent, ast.Attribute) and parent.attr in {"update", "setdefault"}:
        match parents[parent]:
            case ast.Call(_, [ast.Dict(keys)]) if all(_is_text(key) for key in keys):
                return [key.value for key in keys]
            case ast.Call(_, [ast.Constant(str(name)), *_]):
                return [name]
        return "makes_modules"
    return None


def _in_function(parents: dict[ast.AST, ast.AST], node: ast.AST) -> bool:
    while node in parents:
        node = parents[node]
        if isinstance(node, (*_FUNCTIONS, ast.Lambda, *_COMPREHENSIONS)):
            return True
    return False


def scan_all(names, sources) -> str:  # noqa: ANN001 - lists of JavaScript's, and bytes in its memory
    """Scan several modules by name."""
    found = {name: scan(source.to_bytes()) for name, source in zip(names, sources, strict=True)}
    return json.dumps(found, separators=(",", ":"))
