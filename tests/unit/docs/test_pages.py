"""What the documentation names exists: files, functions in them, folders, links, anchors, scripts."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), ROOT / "sandbox" / "README.md"])
# Where a path in a page may begin.
BASES = [ROOT, ROOT / "src" / "elonara", ROOT / "src" / "elonara" / "web" / "templates"]
SUFFIXES = "py|md|txt|html|css|svg|sh|toml|conf|yaml|mjs|service|timer"
FILE = re.compile(rf"(?<![\w/.:…*}}-])((?:[\w@.-]+/)*[\w@.-]+\.(?:{SUFFIXES}))(?::([A-Za-z_][\w.]*))?(?![\w/*])")
FOLDER = re.compile(r"`((?:[\w.-]+/)+)`")
SCRIPT = re.compile(r"(?<![\w/.])(?:script|\.ci)/\w+")
DOTTED = re.compile(r"\belonara((?:\.\w+){2,})")
LINK = re.compile(r"\]\(([^)\s:]+)\)")
# Made on the operator's machine, or to be made by whoever follows a recipe: no files of the repository.
ELSEWHERE = {"elonara.toml", "elonara.env", "secrets.env", "members.txt"}
ELSEWHERE_PATHS = re.compile(r"^(/|etc/|var/|opt/|data/|keys/|media/)")


def ids(page):
    return str(page.relative_to(ROOT))


def found(path, page):
    return any((base / path).exists() for base in [*BASES, page.parent]) or any(
        "/" not in path and next(folder.rglob(path), None)
        for folder in (ROOT / "src", ROOT / "tests", ROOT / "deploy", ROOT / "docs", ROOT / "bench")
    )


def defined(file):
    """Every name in a module: `function`, `Class`, `Class.method`, `CONSTANT`."""
    names = set()
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        match node:
            case ast.FunctionDef(name=name):
                names.add(name)
            case ast.ClassDef(name=name):
                inner = [one for one in node.body if isinstance(one, (ast.FunctionDef, ast.ClassDef))]
                names |= {name, *(f"{name}.{one.name}" for one in inner)}
            case ast.Assign(targets=targets):
                names |= {target.id for target in targets if isinstance(target, ast.Name)}
            case ast.AnnAssign(target=ast.Name(id=name)) | ast.TypeAlias(name=ast.Name(id=name)):
                names.add(name)
            case _:
                pass
    return names


def wrong(text, page):
    """What a page names and the repository has not."""
    for path, name in FILE.findall(text):
        if path in ELSEWHERE or ELSEWHERE_PATHS.match(path):
            continue
        if not found(path, page):
            yield path
        elif name and path.endswith(".py"):
            file = next(base / path for base in BASES if (base / path).exists())
            if name not in defined(file):
                yield f"{path}:{name}"
    for path in FOLDER.findall(text):
        if not ELSEWHERE_PATHS.match(path) and not found(path, page):
            yield path
    yield from (path for path in SCRIPT.findall(text) if not (ROOT / path).exists())
    for dotted in DOTTED.findall(text):
        module = (ROOT / "src" / "elonara").joinpath(*dotted[1:].split("."))
        if module.parent.is_dir() and not (module.is_dir() or module.with_suffix(".py").exists()):
            yield f"elonara{dotted}"
    for target in LINK.findall(text):
        path, _, anchor = target.partition("#")
        other = page.parent / path if path else page
        if not other.exists() or (anchor and anchor not in anchors(other)):
            yield target


def anchors(page):
    """Headings as code hosts name them: small letters, `-` for spaces, nothing else."""
    heads = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


@pytest.mark.parametrize("page", PAGES, ids=ids)
def test_what_a_page_names_exists(page):
    assert list(wrong(page.read_text(encoding="utf-8"), page)) == []


@pytest.mark.parametrize(
    "text",
    [
        "see `bluesky/factory.py`", "`invitations/outbox/attempts.py:no_such`", "`invitations/desks/`",
        "script/fly", "[a page](nowhere.md)", "[a part](README.md#nothing-like-it)", "`no_such_module.py`",
        "elonara.config.no_such",
    ],
)  # fmt: skip
def test_what_is_not_there_is_found(text):
    assert list(wrong(text, ROOT / "README.md"))


@pytest.mark.parametrize(
    "text",
    [
        "`bluesky/writing/factory.py:BlueskyAgentFactory.make`", "`invitations/consent/`", "script/test",
        "[a page](docs/settings.md#keys)", "`options.py`", "/etc/elonara/elonara.toml", "`locks.py:MAX_LEASE_SECONDS`",
        "elonara.config.wsgi:application", "deploy/elonara.env.sample",
    ],
)  # fmt: skip
def test_what_is_there_is_taken(text):
    assert list(wrong(text, ROOT / "README.md")) == []
