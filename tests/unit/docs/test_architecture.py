"""docs/architecture.md shows the folders and the floors of the code."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]["contracts"]
SOURCE = ROOT / "src" / "elonara"
PACKAGES = sorted(path.parent.relative_to(SOURCE).as_posix() for path in SOURCE.rglob("__init__.py"))[1:]
MOST_LINES, MOST_MODULES = 300, 14  # as CONTRIBUTING.md says; `cli` has a module for each command


def floors_of_page(where):
    """The floors of one row of the table, top first; each is a set of names."""
    row = re.search(rf"^\| {re.escape(where)} \| (.+) \|$", PAGE, re.MULTILINE)
    return [set(re.findall(r"\w+", floor)) for floor in row[1].split("·")]


def floors_of_contract(contract):
    return [set(re.findall(r"(\w+)(?= \||$)", floor)) for floor in contract["layers"]]


LAYERS = {contract.get("containers", [""])[0].removeprefix("elonara."): contract for contract in CONTRACTS
          if contract["type"] == "layers"}  # fmt: skip


@pytest.mark.parametrize("container", [name for name in LAYERS if name])
def test_inner_floors_are_those_of_the_contract(container):
    assert floors_of_page(f"inside `{container}`") == floors_of_contract(LAYERS[container])


def test_outer_floors_are_those_of_the_contract():
    page, code = floors_of_page("outside"), floors_of_contract(LAYERS[""])
    assert len(page) == len(code)
    for shown, real in zip(page, code, strict=True):
        assert shown <= real
        # A folder is always shown; a single module of a floor need not be.
        assert {name for name in real - shown if (SOURCE / name).is_dir()} == set()


def test_every_folder_is_in_the_tree():
    tree = re.search(r"```\nsrc/elonara/\n(.+?)```", PAGE, re.DOTALL)[1]
    assert [name for name in PACKAGES if f" {name.rpartition('/')[2]}/" not in tree] == []


def modules_of(folder):
    """Those with code of their own: an `__init__` only says what lives there."""
    return [path for path in folder.glob("*.py") if path.name != "__init__.py"]


def test_no_module_is_longer_than_one_reads_at_a_time():
    modules = [path for path in SOURCE.rglob("*.py") if "migrations" not in path.parts]
    lines = {path.relative_to(SOURCE).as_posix(): len(path.read_text("utf-8").splitlines()) for path in modules}
    assert {name: number for name, number in lines.items() if number > MOST_LINES} == {}


def test_no_folder_has_more_modules_than_one_can_hold_in_mind():
    folders = {name: len(modules_of(SOURCE / name)) for name in PACKAGES if name not in {"cli", "migrations"}}
    assert {name: number for name, number in folders.items() if number > MOST_MODULES} == {}
