"""A base for the container image where no registry can be reached: this machine's own Debian packages and its Python.

What `docker.io/library/python:3.13-slim` has and `deploy/Containerfile` uses is copied into a folder: the essential
packages with apt, and Python 3.13 below /usr/local with the libraries it is linked to. Nothing is downloaded.
"""

import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from pathlib import Path

PACKAGES = ("apt", "ca-certificates", "passwd")
# What postinst scripts would have made, and what the network here asks for.
MADE = (
    "etc/ssl/certs",
    "etc/ca-certificates.conf",
    "etc/apt",
    "etc/debian_version",
    "etc/shells",
    "etc/alternatives",
    "usr/share/keyrings",
)
LEFT_OUT = re.compile(r"/usr/share/(doc|man|locale|info|lintian)/")


def make_root(root: Path) -> None:
    """Fill that folder. Raises subprocess.CalledProcessError where this machine has no dpkg or lacks a package."""
    stanzas = _installed()
    wanted = _closure(stanzas, [*PACKAGES, *_packages_of(_libraries())])
    for folder in (
        "usr/bin",
        "usr/sbin",
        "usr/lib",
        "usr/lib64",
        "tmp",
        "proc",
        "sys",
        "dev",
        "run",
        "root",
        "var/tmp",
    ):
        (root / folder).mkdir(parents=True)
    for folder in ("bin", "sbin", "lib", "lib64"):
        (root / folder).symlink_to(f"usr/{folder}")
    (root / "tmp").chmod(0o1777)
    _copy(root, [line for name in wanted for line in _lines("dpkg-query", "-L", name)])
    _copy(root, [f"/{path}" for made in MADE for path in _below(made)])
    _dpkg(root, {name: stanzas[name] for name in wanted})
    for name in ("passwd", "group"):
        shutil.copy(f"/usr/share/base-passwd/{name}.master", root / "etc" / name)
    _python(root)
    subprocess.run(["ldconfig", "-r", root], check=True)


def _lines(*command: str) -> list[str]:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()


def _installed() -> dict[str, str]:
    """The stanza of each installed package, by its name."""
    stanzas = Path("/var/lib/dpkg/status").read_text(encoding="utf-8").strip().split("\n\n")
    found = {}
    for stanza in stanzas:
        if "\nStatus: install ok installed\n" in stanza:
            found[re.match(r"Package: (\S+)", stanza)[1]] = stanza
    return found


def _closure(stanzas: dict[str, str], names: Iterable[str]) -> list[str]:
    """Those packages, the essential ones, and what they depend on."""
    provided = {}
    for name, stanza in stanzas.items():
        for virtual in _names(stanza, "Provides"):
            provided.setdefault(virtual, name)
    todo = [*names, *(name for name, stanza in stanzas.items() if "\nEssential: yes\n" in stanza)]
    found: set[str] = set()
    while todo:
        name = todo.pop()
        name = name if name in stanzas else provided.get(name, "")
        if name and name not in found:
            found.add(name)
            todo += [*_names(stanzas[name], "Depends"), *_names(stanzas[name], "Pre-Depends")]
    return sorted(found)


def _names(stanza: str, field: str) -> Iterator[str]:
    if line := re.search(rf"^{field}: (.+)$", stanza, re.MULTILINE):
        for dependency in line[1].split(","):
            # Of alternatives those that are installed; the others are no keys of what is.
            for choice in dependency.split("|"):
                yield re.match(r"\s*([a-z0-9.+-]+)", choice)[1]


def _libraries() -> Iterator[str]:
    """What this Python and its modules are linked to."""
    modules = Path(sysconfig.get_path("stdlib"), "lib-dynload").glob("*.so")
    files = [sys.executable, *(str(module) for module in modules if "tkinter" not in module.name)]
    for line in set(_lines("ldd", *files)):
        if found := re.search(r"=> (/\S+)", line):
            yield found[1]


def _packages_of(files: Iterable[str]) -> Iterator[str]:
    for file in files:
        # A package may name a file below /usr/lib or below /lib, which is the same folder.
        for path in (file, file.removeprefix("/usr"), f"/usr{file}"):
            found = subprocess.run(["dpkg", "-S", path], check=False, capture_output=True, text=True).stdout
            if found:
                yield found.split(":")[0]
                break


def _below(made: str) -> Iterator[str]:
    top = Path("/", made)
    return (str(path)[1:] for path in [top, *(top.rglob("*") if top.is_dir() else [])] if path.exists())


def _copy(root: Path, paths: list[str]) -> None:
    for path in dict.fromkeys(paths):
        source, target = Path(path), root / path[1:]
        if LEFT_OUT.search(path) or target.is_symlink():
            continue
        if source.is_dir() and not source.is_symlink():
            target.mkdir(parents=True, exist_ok=True)
        elif source.is_symlink() or source.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target, follow_symlinks=False)


def _dpkg(root: Path, stanzas: dict[str, str]) -> None:
    """Let dpkg in the image know what is installed there."""
    folder = root / "var" / "lib" / "dpkg"
    for name in ("info", "updates", "alternatives", "triggers", "parts"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / "status").write_text("\n\n".join(stanzas.values()) + "\n", encoding="utf-8")
    for name in stanzas:
        for info in Path("/var/lib/dpkg/info").glob(f"{name}[.:]*"):
            shutil.copy2(info, folder / "info")
    shutil.copy2("/var/lib/dpkg/info/format", folder / "info")
    for name in ("lib/apt/lists/partial", "cache/apt/archives/partial", "log/apt"):
        (root / "var" / name).mkdir(parents=True, exist_ok=True)


def _python(root: Path) -> None:
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    prefix, local = Path(sys.base_prefix), root / "usr" / "local"
    without = shutil.ignore_patterns("__pycache__", "test", "tests", "idlelib", "tkinter", "site-packages", "config-*")
    shutil.copytree(prefix / "lib" / version, local / "lib" / version, ignore=without)
    (local / "bin").mkdir(exist_ok=True)
    shutil.copy2(Path(sys.executable).resolve(), local / "bin" / version)
    for library in (prefix / "lib").glob(f"lib{version}*.so*"):
        shutil.copy2(library, local / "lib")
    for name in ("python", "python3"):
        (local / "bin" / name).symlink_to(version)
