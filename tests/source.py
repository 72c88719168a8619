"""What the integration's source says, read without running it."""

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

REPOSITORY = Path(__file__).parent.parent
PACKAGE = REPOSITORY / "custom_components/bemcom_connectors"

_PACKAGE_NAME = "custom_components.bemcom_connectors"
_SHOWS = {
    "async_show_form": "form",
    "async_show_menu": "menu",
    "async_show_progress": "progress",
}
# What Home Assistant's own helpers abort with, where it is not translated centrally.
_ABORTS = {
    "_abort_if_unique_id_configured": "already_configured",
    "_async_abort_entries_match": "already_configured",
    "_abort_if_unique_id_mismatch": "unique_id_mismatch",
}

type _Function = ast.FunctionDef | ast.AsyncFunctionDef


def modules() -> list[Path]:
    """Return the integration's modules."""
    return sorted(PACKAGE.rglob("*.py"))


@cache
def tree(path: Path) -> ast.Module:
    """Return a module's syntax tree."""
    return ast.parse(path.read_text())


def imports(path: Path) -> set[str]:
    """Return the modules that a module imports, the integration's own ones as ".name"."""
    found: set[str] = set()
    here = [_PACKAGE_NAME, *path.relative_to(PACKAGE).parent.parts]
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = here[: len(here) + 1 - node.level] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            # "from . import module" names modules, "from .module import name" does not.
            names = [] if node.module else [f".{alias.name}" for alias in node.names]
            found |= {module + name for name in names or [""]}
    return {name.removeprefix(_PACKAGE_NAME) for name in found}


def calls(node: ast.AST) -> Iterator[tuple[str, ast.Call]]:
    """Yield the calls below a node, with the name of what is called."""
    for call in ast.walk(node):
        if isinstance(call, ast.Call):
            match call.func:
                case ast.Name(name) | ast.Attribute(attr=name):
                    yield name, call


def keyword(call: ast.Call, name: str) -> ast.expr | None:
    """Return a keyword argument of a call."""
    return next((it.value for it in call.keywords if it.arg == name), None)


@cache
def _constants() -> dict[str, str]:
    """Return the texts that const.py names."""
    found: dict[str, str] = {}
    for node in tree(PACKAGE / "const.py").body:
        match node:
            case ast.AnnAssign(target=ast.Name(name), value=ast.Constant(str(text))):
                found[name] = text
    return found


def texts(node: ast.expr | None, expand: dict[str, list[str]]) -> set[str]:
    """Return the texts that an expression can be.

    An f-string that begins with one of the prefixes in `expand` is each of its texts.
    """
    match node:
        case ast.Constant(str(text)):
            return {text}
        case ast.Name(name) if name in _constants():
            return {_constants()[name]}
        case ast.IfExp():
            return texts(node.body, expand) | texts(node.orelse, expand)
        case ast.JoinedStr(values=[ast.Constant(str(prefix)), *_]):
            return {prefix + text for text in expand[prefix]}
    raise ValueError(f"Not a text: {ast.dump(node) if node else None}")


def dict_keys(node: ast.expr | None) -> set[str]:
    """Return the keys of a dictionary that is written out; none of anything else."""
    keys = node.keys if isinstance(node, ast.Dict) else []
    return {
        key.value
        for key in keys
        if isinstance(key, ast.Constant) and isinstance(key.value, str)
    }


@dataclass
class Step:
    """What a flow shows in one step."""

    kind: str
    placeholders: set[str]
    options: set[str] = field(default_factory=set)
    errors: set[str] = field(default_factory=set)


class Flow:
    """A flow's class, with what it takes in from the integration's other classes."""

    def __init__(
        self, name: str, paths: Iterable[Path], expand: dict[str, list[str]]
    ) -> None:
        """Find the class `name` in `paths`; see `texts` for `expand`."""
        classes = {
            node.name: node
            for path in paths
            for node in tree(path).body
            if isinstance(node, ast.ClassDef)
        }
        self._expand = expand
        self.methods: dict[str, _Function] = {}
        self._attributes: dict[str, ast.expr] = {}
        self._add(classes[name], classes)
        self.steps: dict[str, Step] = {}
        self.progress_actions: set[str] = set()
        self.aborts: set[str] = set()
        for method in self.methods.values():
            for called, call in calls(method):
                if called in _SHOWS:
                    self._show(_SHOWS[called], method, call)
                elif called == "async_abort":
                    self.aborts |= texts(keyword(call, "reason"), expand)
                elif called in _ABORTS:
                    self.aborts.add(_ABORTS[called])

    def _add(self, node: ast.ClassDef, classes: dict[str, ast.ClassDef]) -> None:
        """Add the members of a class and of those it is made of, its own first."""
        for item in node.body:
            match item:
                case ast.FunctionDef() | ast.AsyncFunctionDef():
                    self.methods.setdefault(item.name, item)
                case ast.Assign(targets=[ast.Name(name)], value=ast.Name(other)) if (
                    other in self.methods
                ):  # a second name of a method
                    self.methods.setdefault(name, self.methods[other])
                case ast.Assign(targets=[ast.Name(name)]):
                    self._attributes.setdefault(name, item.value)
        for base in node.bases:
            if isinstance(base, ast.Name) and base.id in classes:
                self._add(classes[base.id], classes)

    def _show(self, kind: str, method: _Function, call: ast.Call) -> None:
        """Note what a call shows."""
        placeholders = self._placeholders(
            keyword(call, "description_placeholders"), method
        )
        for step_id in texts(keyword(call, "step_id"), self._expand):
            self.steps[step_id] = Step(kind, placeholders)
            if kind == "menu":
                self.steps[step_id].options = self._options(
                    keyword(call, "menu_options")
                )
            if kind == "form":
                self.steps[step_id].errors = self._errors(method)
            if kind == "progress":
                actions = texts(keyword(call, "progress_action"), self._expand)
                self.steps[step_id].options = actions
                self.progress_actions |= actions

    def _options(self, node: ast.expr | None) -> set[str]:
        """Return a menu's options."""
        match node:
            case ast.Call(args=[inner]):  # some of them, or a copy
                return self._options(inner)
            case ast.Attribute(attr=name):
                return self._options(self._attributes[name])
            case ast.List() | ast.Tuple():
                return {it for item in node.elts for it in texts(item, self._expand)}
        raise ValueError(f"Not a menu: {ast.dump(node) if node else None}")

    def _placeholders(self, node: ast.expr | None, method: _Function) -> set[str]:
        """Return the names of the placeholders that a step fills in."""
        match node:
            case ast.Name("placeholders") if "'_preview'" in ast.dump(method):
                return self._placeholders(
                    ast.Call(ast.Name("preview_placeholders"), [], []), method
                )
            case ast.Name(name):
                values = (
                    item.value
                    for item in ast.walk(method)
                    if isinstance(item, ast.Assign)
                    and isinstance(item.targets[0], ast.Name)
                    and item.targets[0].id == name
                )
                return dict_keys(next(values))
            case ast.Call(func=ast.Name("preview_placeholders")):
                return {"address"} | {
                    key
                    for item in ast.walk(tree(PACKAGE / "preview.py"))
                    if isinstance(item, ast.Return)
                    for key in dict_keys(item.value)
                }
        return dict_keys(node)

    def _errors(
        self, method: _Function, seen: frozenset[str] = frozenset()
    ) -> set[str]:
        """Return the errors that a method, and the private ones it calls, can give."""
        found: set[str] = set()
        returns_errors = method.returns and ast.unparse(method.returns)
        for node in ast.walk(method):
            match node:
                case ast.Assign(targets=[ast.Subscript(value=ast.Name("errors"))]):
                    found |= texts(node.value, self._expand)
                case ast.Return(value=ast.Dict(values=values)) if (
                    returns_errors == "dict[str, str]"
                ):
                    found.update(*(texts(it, self._expand) for it in values))
        for name, _ in calls(method):
            if name.startswith("_") and name in self.methods and name not in seen:
                found |= self._errors(self.methods[name], seen | {name})
        return found
