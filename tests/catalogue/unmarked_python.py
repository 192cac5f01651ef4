"""Finds sentences in Python that do not go through gettext: strings of two words and more, by what is done with them.

Not for a person of the site: documentation strings, what goes to a log or to the database, the messages of errors
that only a programmer or the log sees, and what the command line prints.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

MARKS = {
    "_", "gettext", "gettext_lazy", "gettext_noop", "ngettext", "ngettext_lazy", "npgettext", "npgettext_lazy",
    "pgettext", "pgettext_lazy",
}  # fmt: skip
TWO_WORDS = re.compile(r"[A-Za-z’]{2,}[,:;]? [a-z’]{2,}")
# Of our own and of Python: nobody but the log and its reader sees their messages.
INTERNAL = {
    "AssertionError", "AttributeError", "BadToken", "ImproperlyConfigured", "IndexError", "KeyError", "KeyFileFault",
    "LookupError", "NotImplementedError", "OSError", "RuntimeError", "SuspiciousOperation", "TypeError", "ValueError",
    "XrpcError",
}  # fmt: skip
DOCUMENTATION = {"summary", "description"}  # of a call of the API, for programmers
LOGGING = {"critical", "debug", "error", "exception", "info", "log", "warning"}
DATABASE = {"RunSQL", "RawSQL", "execute", "executemany"}
SQL = re.compile(r"\b(SELECT|INSERT|UPDATE|DELETE|CREATE|ALTER|DROP|PRAGMA|FROM|WHERE|AND|OR|ON|SET) ")
HEADER = re.compile(r"(text|application)/[\w.+-]+;|attachment;|(private|public|noindex|nofollow)[, ]")
TAG = re.compile(r"<!?[^<>]+>|\{\}")


def _name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _is_log(call: ast.Call) -> bool:
    target = call.func
    return isinstance(target, ast.Attribute) and target.attr in LOGGING and "log" in _name(target.value).lower()


class _Finder(ast.NodeVisitor):
    def __init__(self) -> None:
        self.found: list[tuple[int, str]] = []

    def visit_Expr(self, node: ast.Expr) -> None:
        if not isinstance(node.value, ast.Constant):  # documentation
            self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        name = _name(node.func)
        if name in MARKS | INTERNAL | DATABASE or _is_log(node):
            for given in (*node.args, *node.keywords):
                if isinstance(given, ast.Starred | ast.keyword):
                    continue
                # `_("{names} are going").format(…)` is one; a call within may hold another sentence.
                for part in ast.walk(given):
                    if isinstance(part, ast.Call):
                        self.visit(part)
            return
        for given in (node.func, *node.args, *node.keywords):
            if not (isinstance(given, ast.keyword) and given.arg in DOCUMENTATION):
                self.visit(given)

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        text = "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values)
        self._sentence(node.lineno, text)
        for part in node.values:
            if isinstance(part, ast.FormattedValue):
                self.visit(part.value)

    def visit_Constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, str):
            self._sentence(node.lineno, node.value)

    def visit_Subscript(self, node: ast.Subscript) -> None:
        self.visit(node.value)  # a type or a key

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self.visit(node.value)

    def _sentence(self, line: int, text: str) -> None:
        if TWO_WORDS.search(TAG.sub(" {} ", text)) and not SQL.search(text) and not HEADER.match(text):
            self.found.append((line, text))


def unmarked(path: Path) -> Iterator[tuple[int, str]]:
    """Line and text of each."""
    finder = _Finder()
    finder.visit(ast.parse(path.read_text()))
    yield from finder.found
