# Sourced by the scripts beside it, from the root of the checkout: a virtual environment with exactly the pinned packages.
# shellcheck shell=sh

# Compiled modules are kept: without them a start takes three times as long.
unset PYTHONDONTWRITEBYTECODE

# uv trusts what the machine trusts, as pip does: a network that inspects TLS has an authority of its own there.
export UV_SYSTEM_CERTS="${UV_SYSTEM_CERTS:-true}"

venv=.venv
python=$venv/bin/python

say() { printf '%s\n' "$*" >&2; }

# Names a word that a script does not know, prints its usage (the function `usage`), and ends.
unknown() {
  say "script/$(basename "$0"): there is no option $1. Usage:"
  usage >&2
  exit 2
}

# A step that may fail for want of a network: what it prints goes to a file, and a failure is one line, which ends with
# the advice. `attempt "uv cannot be installed" "put uv on the PATH" command…`
attempt() {
  failed=$1 advice=$2
  shift 2
  mkdir -p "$venv" 2>/dev/null && [ -w "$venv" ] || {
    say "script/$(basename "$0"): $venv cannot be written: use a checkout that belongs to you."
    exit 1
  }
  "$@" >"$venv/install.log" 2>&1 && return
  say "script/$(basename "$0"): $failed (why: $venv/install.log): $advice, then run this again."
  exit 1
}

# Sets $uv. Where uv is missing it is installed into the virtual environment's own folder.
find_uv() {
  if command -v uv >/dev/null 2>&1; then
    uv=uv
  elif [ -x "$venv/uv/bin/uv" ]; then
    uv=$venv/uv/bin/uv
  else
    command -v python3 >/dev/null 2>&1 || { say "Elonara needs Python: install python3."; exit 1; }
    # Any Python will do for uv itself; it then finds the one that .python-version asks for.
    attempt "python3 cannot make virtual environments" "install the package python3-venv" python3 -m venv "$venv/uv"
    attempt "uv could not be installed" "see to the network or the proxy, or put uv on the PATH" \
      "$venv/uv/bin/python" -m pip install --quiet --disable-pip-version-check uv
    uv=$venv/uv/bin/uv
  fi
}

# The Python that .python-version asks for, which uv finds where `python3` is an older one.
make_venv() {
  wanted_python=$(cat .python-version)  # the caller may name a file instead
  # Made in place, because uv may live in a folder inside; --allow-existing keeps that one.
  attempt "there is no Python $wanted_python here, and it could not be fetched" \
    "see to the network or the proxy, or install Python $wanted_python" \
    "$uv" venv --quiet --allow-existing --python "${1:-$wanted_python}" "$venv"
}

# Whether the virtual environment has the Python that .python-version asks for, and not one that somebody made by hand.
has_venv() {
  [ -x "$python" ] && "$python" -c 'import sys; sys.exit("%d.%d" % sys.version_info[:2] != sys.argv[1])' \
    "$(cat .python-version)" 2>/dev/null
}

# Makes the virtual environment match the pins of a requirements file; does nothing when it does already.
ensure_packages() {
  wanted=$(cat .python-version "$1" pyproject.toml | cksum)
  has_venv && [ "$(cat "$venv/pins-of-$1" 2>/dev/null)" = "$wanted" ] && return
  say "Installing what Elonara needs into $venv: about a minute, and 250 MB at first."
  find_uv
  has_venv || make_venv
  install_pins "$1"
  # The site itself, as it lies here, built with the pinned setuptools.
  install_site --editable .
  echo "$wanted" >"$venv/pins-of-$1"
}

install_pins() {
  attempt "the packages of $1 could not be installed" "see to the network or the proxy" \
    "$uv" pip install --quiet --compile-bytecode --python "$python" --require-hashes -r "$1"
}

install_site() {
  attempt "Elonara itself could not be installed" "see what is wrong there" \
    "$uv" pip install --quiet --python "$python" --no-deps --no-build-isolation "$@"
}
