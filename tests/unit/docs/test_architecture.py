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
