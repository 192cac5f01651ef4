"""One word means one thing: no two public classes, and no two module-level types, are called the same."""

import ast
from collections import defaultdict
from pathlib import Path

import elonara

ROOT = Path(elonara.__file__).parent
SOURCES = sorted(path for path in ROOT.rglob("*.py") if "migrations" not in path.parts)
# Names that Django or Pydantic look for, which every model or schema has of its own.
EXPECTED_BY_A_FRAMEWORK = {"Meta"}


def type_names(module: ast.Module) -> list[str]:
    """The classes of a module at its top level, and what it calls a type: `type X = …`, or a capitalised alias."""
    names = []
    for node in module.body:
        match node:
            case ast.ClassDef(name=name):
                names.append(name)
            case ast.TypeAlias(name=ast.Name(id=name)):
                names.append(name)
            case ast.Assign(targets=[ast.Name(id=name)]) if is_type_name(name):
                names.append(name)
            case _:
                pass
    return [name for name in names if not name.startswith("_") and name not in EXPECTED_BY_A_FRAMEWORK]


def is_type_name(name: str) -> bool:
    """CapWords: not a constant, not a function."""
    return name[:1].isupper() and any(letter.islower() for letter in name)


def homes(sources: dict[str, str]) -> dict[str, list[str]]:
    """Name → the modules that define it, for names with more than one home."""
    found = defaultdict(list)
    for path, text in sources.items():
        for name in type_names(ast.parse(text)):
            found[name].append(path)
    return {name: paths for name, paths in found.items() if len(paths) > 1}


def test_every_type_has_a_name_of_its_own():
    assert homes({path.relative_to(ROOT).as_posix(): path.read_text() for path in SOURCES}) == {}


def test_a_second_home_of_a_name_is_found():
    one, two = "class Answer: ...\n", "type Answer = int\n"
    assert homes({"a.py": one, "b.py": two}) == {"Answer": ["a.py", "b.py"]}
    assert homes({"a.py": one, "b.py": "Answer = dict[str, int]\n"}) == {"Answer": ["a.py", "b.py"]}
    assert homes({"a.py": one, "b.py": "ANSWER = 1\nanswer = 2\n"}) == {}
