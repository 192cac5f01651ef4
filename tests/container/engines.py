"""The programs that build and run an image: podman, docker, or buildah alone."""

import json
import os
import shutil
import signal
import subprocess
import tempfile
import uuid
from collections.abc import Mapping
from pathlib import Path

from tests.ports import free_port

ROOT = Path(__file__).resolve().parents[2]
CONTAINERFILE = "deploy/Containerfile"
STOP_SECONDS = 20  # as stop_grace_period in deploy/compose.yaml


class ContainerError(Exception):
    """A step failed; what the program said."""


def call(*command: str, **more: object) -> str:
    """What a command prints. Raises ContainerError where it fails."""
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, **more)
    if done.returncode:
        raise ContainerError(
            f"{' '.join(command[:3])} ended with {done.returncode}:\n{done.stdout}{done.stderr}"[-4000:]
        )
    return done.stdout


class Podman:
    """Podman, and docker, which takes the same words. What it makes has a name of its own and is gone after `clean`."""

    def __init__(self, program: str) -> None:
        self.program = program
        self.image = f"localhost/elonara-try-{uuid.uuid4().hex[:12]}"
        self.name = self.image.removeprefix("localhost/")
        self.port = free_port()
        self._bases: list[str] = []

    def base_of(self, root: Path) -> str:
        """An image that holds that folder."""
        name = f"{self.image}-base"
        tar = subprocess.Popen(["tar", "-C", root, "-c", "."], stdout=subprocess.PIPE)
        call(self.program, "import", "-", name, stdin=tar.stdout)
        if tar.wait():
            raise ContainerError(f"tar ended with {tar.returncode}")
        self._bases.append(name)
        return name

    def build(self, base: str | None) -> None:
        """The image of this checkout."""
        # Podman leaves HEALTHCHECK out of an image in its own format.
        form = ["--format", "docker"] if self.program == "podman" else []
        argument = ["--build-arg", f"BASE={base}"] if base else []
        call(self.program, "build", *form, *argument, "-f", CONTAINERFILE, "-t", self.image, ".")

    def config(self) -> dict:
        """The image's, as docker has it: Cmd, User, Healthcheck."""
        inspected = json.loads(call(self.program, "image", "inspect", self.image))[0]
        return inspected["Config"] | {name: inspected[name] for name in ("Healthcheck",) if inspected.get(name)}

    def start(self, environment: Mapping[str, str]) -> None:
        """Start the site, in a volume of its own, which stays until `clean`."""
        words = [word for name, value in environment.items() for word in ("--env", f"{name}={value}")]
        inside = environment.get("ELONARA_HTTP__PORT", "8000")
        address = ["-p", f"127.0.0.1:{self.port}:{inside}", "-v", f"{self.name}:/data"]
        call(self.program, "run", "-d", "--name", self.name, *address, *words, self.image)

    def inside(self, *command: str) -> tuple[int, str]:
        """Run a command beside the site, as the image's user; its exit code and words."""
        done = subprocess.run([self.program, "exec", self.name, *command], capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr

    def running(self) -> bool:
        """Whether it has not ended."""
        return call(self.program, "inspect", "--format", "{{.State.Running}}", self.name).strip() == "true"

    def log(self) -> str:
        """What the site wrote."""
        done = subprocess.run([self.program, "logs", self.name], capture_output=True, text=True, check=False)
        return done.stdout + done.stderr

    def stop(self) -> int:
        """Stop it with its own signal; the exit code."""
        call(self.program, "stop", "-t", str(STOP_SECONDS), self.name)
        code = int(call(self.program, "inspect", "--format", "{{.State.ExitCode}}", self.name))
        call(self.program, "rm", self.name)
        return code

    def clean(self) -> None:
        """Remove container, volume and images, as far as they are there."""
        for words in (
            ["rm", "-f", self.name],
            ["volume", "rm", "-f", self.name],
            *(["rmi", "-f", image] for image in [self.image, *self._bases]),
        ):
            subprocess.run([self.program, *words], capture_output=True, check=False)


class Buildah:
    """Buildah alone: it runs commands in an image, and lets us do what a runtime does with the image's settings.

    By `--isolation chroot`, which asks for root and for no other program. The network is the machine's own.
    """

    def __init__(self) -> None:
        self.program = "buildah"
        self.image = f"localhost/elonara-try-{uuid.uuid4().hex[:12]}"
        self.port = free_port()
        self._data = Path(tempfile.mkdtemp(prefix="elonara-container-"))
        self._containers: list[str] = []
        self._images = [self.image]
        self._site: subprocess.Popen[bytes] | None = None
        self._environment: dict[str, str] = {}

    def base_of(self, root: Path) -> str:
        """An image that holds that folder."""
        name = f"{self.image}-base"
        container = self._from("scratch")
        call("buildah", "add", "-q", container, str(root), "/")
        call("buildah", "commit", "-q", container, name)
        self._images.append(name)
        return name

    def build(self, base: str | None) -> None:
        """The image of this checkout."""
        argument = ["--build-arg", f"BASE={base}"] if base else []
        how = ["--isolation", "chroot", "--format", "docker"]
        call("buildah", "bud", *how, *argument, "-f", CONTAINERFILE, "-t", self.image, ".")

    def config(self) -> dict:
        """The image's, as docker has it: Cmd, User, Healthcheck."""
        return json.loads(call("buildah", "inspect", "--type", "image", self.image))["Docker"]["config"]

    def start(self, environment: Mapping[str, str]) -> None:
        """Start the site, in a data folder of its own, which stays until `clean`."""
        if not self._environment:
            self._from(self.image)
            user = call("buildah", "run", "--isolation", "chroot", self._containers[-1], "--", "id", "-u").strip()
            (self._data / "data").mkdir(mode=0o700)
            os.chown(self._data / "data", int(user), int(user))
        # No network of its own: the site listens on a port of this machine.
        self._environment = {**environment, "ELONARA_HTTP__PORT": str(self.port)}
        with (self._data / "log").open("ab") as log:
            self._site = subprocess.Popen(self._run(*self.config()["Cmd"]), stdout=log, stderr=log)

    def inside(self, *command: str) -> tuple[int, str]:
        """Run a command beside the site, as the image's user; its exit code and words."""
        done = subprocess.run(self._run(*command), capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr

    def running(self) -> bool:
        """Whether it has not ended."""
        return self._site is not None and self._site.poll() is None

    def log(self) -> str:
        """What the site wrote."""
        return (self._data / "log").read_text(encoding="utf-8")

    def stop(self) -> int:
        """Stop it with its own signal; the exit code."""
        if self._site is None:
            raise ContainerError("nothing was started")
        number = getattr(signal, self.config().get("StopSignal", "SIGTERM"))
        *_, last = _descendants(self._site.pid)
        os.kill(last, number)  # as a runtime does: to the first process of the container
        try:
            return self._site.wait(STOP_SECONDS)
        finally:
            self._end()

    def clean(self) -> None:
        """Remove containers, data and images, as far as they are there."""
        self._end()
        for words in (["rm", *self._containers], ["rmi", "-f", *self._images]):
            subprocess.run(["buildah", *words], capture_output=True, check=False)
        shutil.rmtree(self._data)

    def _end(self) -> None:
        if self._site is not None and self._site.poll() is None:
            for pid in reversed(list(_descendants(self._site.pid))):
                os.kill(pid, signal.SIGKILL)
            self._site.wait(STOP_SECONDS)

    def _from(self, image: str) -> str:
        name = call("buildah", "from", "--pull-never", image).strip()
        self._containers.append(name)
        return name

    def _run(self, *command: str) -> list[str]:
        words = [word for name, value in self._environment.items() for word in ("--env", f"{name}={value}")]
        volume = ["--volume", f"{self._data / 'data'}:/data"]
        return ["buildah", "run", "--isolation", "chroot", *volume, *words, self._containers[-1], "--", *command]


def _descendants(pid: int) -> list[int]:
    """The process and those below it, the youngest line last."""
    found = [pid]
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in task.read_text().split():
            found += _descendants(int(child))
    return found


def engine() -> Podman | Buildah | None:
    """What this machine has."""
    for program in ("podman", "docker"):
        # A client without its daemon builds nothing.
        if shutil.which(program) and not subprocess.run([program, "info"], capture_output=True, check=False).returncode:
            return Podman(program)
    return Buildah() if shutil.which("buildah") and os.geteuid() == 0 else None
