"""What the scripts say on a machine that lacks something: one line that one can act on."""

import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
from sandbox import supervisor

ROOT = Path(__file__).parents[3]
WANTED = (ROOT / ".python-version").read_text().strip()
DEPLOY = (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")


def call(script, *words, cwd=ROOT, **environment):
    return subprocess.run(
        [f"script/{script}", *words], cwd=cwd, env={"PATH": "/usr/bin:/bin", **environment},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("script", ["run", "test", "lint", "fuzz", "mutants", "install", "container"])
@pytest.mark.parametrize("word", ["--frobnicate", "--frob=1"])
def test_an_unknown_option_is_named_and_the_usage_printed(script, word):
    done = call(script, word)
    assert (done.returncode, done.stdout) == (2, "")
    first, *usage = done.stderr.splitlines()
    assert first == f"script/{script}: there is no option {word}. Usage:"
    assert usage


@pytest.mark.parametrize(("script", "words"), [("run", ["--demo", "--x"]), ("lint", ["--fix", "--x"])])
def test_an_unknown_option_behind_a_known_one_is_named(script, words):
    assert "there is no option --x." in call(script, *words).stderr


@pytest.fixture
def fresh(tmp_path):
    """A checkout without .venv, and an empty home with mode 0700."""
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    checkout = home / "elonara"
    shutil.copytree(ROOT / "script", checkout / "script")
    for name in (".python-version", "requirements.txt", "pyproject.toml"):
        shutil.copy(ROOT / name, checkout)
    return checkout


def program(folder, name, text):
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{text}\n")
    (folder / name).chmod(0o755)


FAILS = {
    "a broken python3": ("python3", "exit 127", "cannot make virtual environments"),
    "no venv": ("python3", 'echo "ensurepip is not available" >&2; exit 1', "python3-venv"),
    "uv has no Python": (
        "uv",
        'for l in 1 2 3 4 5 6; do echo "cause $l" >&2; done; exit 2',
        f"no Python {WANTED} here",
    ),
}


@pytest.mark.parametrize("script", ["run", "install"])
@pytest.mark.parametrize("lack", FAILS)
def test_what_is_lacking_is_one_line_with_advice_and_the_rest_a_file(fresh, tmp_path, script, lack):
    name, text, expected = FAILS[lack]
    program(tmp_path / "bin", name, text)
    done = call(script, cwd=fresh, PATH=f"{tmp_path / 'bin'}:/usr/bin:/bin", HOME=str(fresh.parent))
    assert (done.returncode, done.stdout) == (1, "")
    _announced, said = done.stderr.splitlines()
    assert said.startswith(f"script/{script}: ")
    assert expected in said
    assert said.endswith("then run this again.")
    assert (fresh / ".venv" / "install.log").exists()


def test_a_python_in_a_home_that_others_cannot_enter_does_not_become_the_services(fresh, tmp_path):
    """pytest's own temporary folder has mode 0700, as a home has."""
    fake = f'case "$2" in *version_info*) exit 0 ;; *realpath*) echo {fresh.parent} ;; esac'
    program(fresh / ".venv", "x", "")
    program(fresh / ".venv" / "bin", "python", fake)
    program(tmp_path / "bin", "uv", "exit 0")
    done = call("install", cwd=fresh, PATH=f"{tmp_path / 'bin'}:/usr/bin:/bin", HOME=str(fresh.parent))
    assert done.returncode == 1
    assert f"other users cannot enter {fresh.parent}" in done.stderr.splitlines()[-1]


@pytest.mark.parametrize(("given", "expected"), [({}, "true"), ({"UV_SYSTEM_CERTS": "false"}, "false")])
@pytest.mark.parametrize("script", ["run", "install"])
def test_uv_trusts_the_certificates_of_the_machine_unless_told_otherwise(fresh, tmp_path, script, given, expected):
    program(tmp_path / "bin", "uv", 'echo "certs: $UV_SYSTEM_CERTS"; exit 2')
    call(script, cwd=fresh, PATH=f"{tmp_path / 'bin'}:/usr/bin:/bin", HOME=str(fresh.parent), **given)
    assert (fresh / ".venv" / "install.log").read_text() == f"certs: {expected}\n"


def test_commands_of_the_page_for_operators_can_be_pasted_in_their_order():
    """Nothing is used before it is there: the settings, and the word `elonara`, which is on nobody's PATH."""
    systemd = DEPLOY[DEPLOY.index("## One machine with systemd") : DEPLOY.index("## The proxy")]
    order = ["As root", "useradd", "script/install\n", "\n[site]\n", "enable --now elonara ", "\nelonara() {\n"]
    assert sorted(order, key=systemd.index) == order
    pasted = re.findall(r"^elonara .*", "\n".join(re.findall(r"```sh\n(.*?)```", DEPLOY, re.DOTALL)), re.MULTILINE)
    assert len(pasted) >= 5
    assert all(DEPLOY.index(command) > DEPLOY.index("\nelonara() {\n") for command in pasted)


def test_the_demo_starts_where_its_user_may_not_write_into_the_usual_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(supervisor, "SHORT", str(tmp_path / "nobody-may-write-here"))
    assert supervisor.make_folder().parent == tmp_path
    monkeypatch.setattr(supervisor, "SHORT", str(tmp_path))
    assert supervisor.make_folder().parent == tmp_path


def test_the_page_for_operators_installs_by_the_script_and_names_scripts_that_exist():
    assert "cd /opt/elonara && script/install\n" in DEPLOY
    assert "pip install --" not in DEPLOY
    for name in set(re.findall(r"script/([a-z]+)", DEPLOY)):
        assert (ROOT / "script" / name).stat().st_mode & 0o111
