import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]


def test_the_scripts_find_the_wanted_python_where_python3_is_an_older_one(tmp_path):
    older = tmp_path / "bin" / "python3"
    older.parent.mkdir()
    older.write_text('#!/bin/sh\n[ "$1" = --version ] && echo Python 3.11.7 && exit 0\nexit 1\n')
    older.chmod(0o755)
    here = Path(sys.executable).parent
    path = [str(older.parent), *(part for part in os.environ["PATH"].split(":") if Path(part) != here)]
    environment = {**os.environ, "PATH": ":".join(path), "UV_PYTHON_DOWNLOADS": "never"}
    environment.pop("VIRTUAL_ENV", None)
    venv = tmp_path / "venv"
    script = f'. script/lib.sh; venv={venv}; uv={here / "uv"}; make_venv; "$venv/bin/python" --version'
    done = subprocess.run(
        ["sh", "-euc", script], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    wanted = (ROOT / ".python-version").read_text().strip()
    assert done.stdout.startswith(f"Python {wanted}."), done.stderr
