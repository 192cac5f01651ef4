# Sourced by the scripts beside it, from the root of the checkout: a virtual environment with exactly the pinned packages.
# shellcheck shell=sh

# Compiled modules are kept: without them a start takes three times as long.
unset PYTHONDONTWRITEBYTECODE

venv=.venv
python=$venv/bin/python

say() { printf '%s\n' "$*" >&2; }

# Sets $uv. Where uv is missing it is installed into the virtual environment's own folder.
find_uv() {
  if command -v uv >/dev/null 2>&1; then
    uv=uv
  elif [ -x "$venv/uv/bin/uv" ]; then
    uv=$venv/uv/bin/uv
  else
    command -v python3 >/dev/null 2>&1 || { say "Elonara needs Python: install python3."; exit 1; }
    say "Installing uv into $venv (20 MB)."
    # Any Python will do for uv itself; it then finds the one that .python-version asks for.
    python3 -m venv "$venv/uv" || { say "python3 cannot make virtual environments: install python3-venv."; exit 1; }
    "$venv/uv/bin/python" -m pip install --quiet --disable-pip-version-check uv
    uv=$venv/uv/bin/uv
  fi
}

# The Python that .python-version asks for, which uv finds where `python3` is an older one.
make_venv() {
  # Made in place, because uv may live in a folder inside; --allow-existing keeps that one.
  "$uv" venv --quiet --allow-existing --python "$(cat .python-version)" "$venv"
}

# Makes the virtual environment match the pins of a requirements file; does nothing when it does already.
ensure_packages() {
  wanted=$(cat .python-version "$1" pyproject.toml | cksum)
  [ -x "$python" ] && [ "$(cat "$venv/pins-of-$1" 2>/dev/null)" = "$wanted" ] && return
  find_uv
  [ -x "$python" ] || make_venv
  say "Installing what Elonara needs into $venv."
  "$uv" pip install --quiet --compile-bytecode --python "$python" --require-hashes -r "$1"
  # The site itself, as it lies here, built with the pinned setuptools.
  "$uv" pip install --quiet --python "$python" --no-deps --no-build-isolation --editable .
  echo "$wanted" >"$venv/pins-of-$1"
}
