import json
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from urllib.parse import urlsplit

import pytest
from tests.fakes.proxy import Proxy
from tests.ports import free_port
from tests.unit.cli.conftest import get

from elonara.cli.serve import _listen
from elonara.options import Http


def test_an_empty_folder_becomes_a_site_that_responds_and_ends_on_sigterm(elonara, served):
    address, process = served()
    assert get(f"{address}/health") == (200, '{"status": "ok"}')
    began = time.monotonic()
    process.terminate()
    out, err = process.communicate(timeout=15)
    assert process.returncode == 0, err
    assert time.monotonic() - began < 10
    assert f"Elonara is at {address}" in out
    assert "Traceback" not in err
    # Other users of this machine can read neither keys nor database.
    data = elonara.folder / "data"
    assert {stat.S_IMODE(path.stat().st_mode) for path in (data, data / "keys")} == {0o700}
    files = [path for path in data.rglob("*") if path.is_file()]
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}


def test_the_first_start_prints_a_link_for_the_operator_until_there_is_one(elonara, served):
    address, process = served()
    get(f"{address}/health")
    process.terminate()
    assert f"{address}/first-run/" in process.communicate(timeout=15)[0]
    assert elonara("createadmin", "--username", "olga", "--password-stdin", stdin="correct horse\n").returncode == 0
    address, process = served()
    get(f"{address}/health")
    process.terminate()
    assert "/first-run/" not in process.communicate(timeout=15)[0]


def test_an_answer_under_way_is_finished_before_the_end(site, served):
    """A request that arrives in two pieces around SIGTERM is answered."""
    address, process = served()
    get(f"{address}/health")
    port = urlsplit(address).port
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.sendall(b"GET /health HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n")
        time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        client.settimeout(10)
        response = b""
        while piece := client.recv(4096):
            response += piece
    assert b"200 OK" in response
    assert process.wait(10) == 0


def test_localhost_leads_to_127_0_0_1(site, served):
    address, _ = served()
    get(f"{address}/health")
    port = urlsplit(address).port

    class NoRedirect(urllib.request.HTTPRedirectHandler):
        def redirect_request(self, *_):
            return None

    opener = urllib.request.build_opener(NoRedirect)
    with pytest.raises(urllib.error.HTTPError) as caught:
        opener.open(f"http://localhost:{port}/events?q=1")
    assert (caught.value.code, caught.value.headers["Location"]) == (302, f"{address}/events?q=1")


def test_a_port_that_is_taken_is_one_line(site):
    port = free_port()
    with socket.create_server(("127.0.0.1", port)):
        done = site("serve", HTTP__PORT=str(port))
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith(f"elonara: cannot listen on 127.0.0.1 port {port}")
    assert "Traceback" not in done.stderr


def test_many_visitors_at_once_are_all_answered(site, served):
    address, _ = served()
    get(f"{address}/health")
    responses = []

    def visit():
        responses.extend(get(f"{address}/health")[0] for _ in range(10))

    threads = [threading.Thread(target=visit) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert responses == [200] * 120


def test_health_says_degraded_when_the_rows_cannot_be_read(site, served):
    address, _ = served()
    assert get(f"{address}/health")[0] == 200
    database = site.folder / "data" / "elonara.sqlite3"
    for path in database.parent.glob("elonara.sqlite3*"):
        path.write_bytes(b"this is no database any more" * 100)
    status, body = get(f"{address}/health")
    assert (status, json.loads(body)) == (503, {"status": "degraded", "reason": "database"})


def test_another_wsgi_server_refuses_an_older_database_in_one_line_and_takes_one_that_is_up_to_date(elonara):
    def start():
        return subprocess.run(
            [sys.executable, "-c", "import elonara.config.wsgi"],
            cwd=elonara.folder, env=elonara.environment, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip

    refused = start()
    assert (refused.returncode, refused.stderr) == (
        1, "elonara: the database is older than this version: run `elonara migrate` first\n",
    )  # fmt: skip
    assert elonara("migrate").returncode == 0
    taken = start()
    assert (taken.returncode, taken.stderr) == (0, "")


def test_another_wsgi_server_waits_for_a_database_that_is_away(elonara):
    away = elonara.environment | {"ELONARA_DATABASE__URL": f"postgresql://nobody@127.0.0.1:{free_port()}/none"}
    done = subprocess.run(
        [sys.executable, "-c", "import elonara.config.wsgi"],
        cwd=elonara.folder, env=away, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0
    assert done.stderr.splitlines()[-1].startswith("elonara: the database does not answer yet: ")
    assert "Traceback" not in done.stderr


def idle_connections(address, count, first_bytes=b""):
    port = urlsplit(address).port
    found = []
    for _ in range(count):
        client = socket.create_connection(("127.0.0.1", port))
        client.sendall(first_bytes)
        found.append(client)
    return found


@pytest.mark.parametrize(
    "first_bytes", [b"", b"GET / HTTP/1.1\r\nHost: x", b"POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\n1"]
)
def test_idle_connections_do_not_stop_the_site(site, served, first_bytes):
    address, _ = served()
    get(f"{address}/health")
    idle = idle_connections(address, 300, first_bytes)
    try:
        time.sleep(0.5)
        assert get(f"{address}/health", seconds=3)[0] == 200
    finally:
        for client in idle:
            client.close()


def has_ipv6():
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


@pytest.mark.parametrize("host", ["::", "[::]"])
def test_every_address_of_ipv6_means_those_of_ipv4_too(host):
    if not has_ipv6():
        return  # nothing can be tried on such a machine
    with _listen(Http(host=host, port=free_port())) as listener:
        port = listener.getsockname()[1]
        for address in ("127.0.0.1", "::1"):
            socket.create_connection((address, port), timeout=5).close()


def test_one_address_of_ipv6_is_that_one_alone():
    if not has_ipv6():
        return  # nothing can be tried on such a machine
    with _listen(Http(host="::1", port=free_port())) as listener, pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", listener.getsockname()[1]), timeout=5)


def test_a_site_behind_a_proxy_never_redirects_in_circles(site, served):
    """Over a socket for both families, where the proxy's address arrives as ::ffff:127.0.0.1."""
    host = "::" if has_ipv6() else "127.0.0.1"
    settings = {"SITE__URL": "https://events.example.org", "HTTP__TRUSTED_PROXIES": "127.0.0.1", "HTTP__HOST": host}
    address, _ = served("--without-jobs", **settings)
    assert get(f"{address}/health")[0] == 200
    with Proxy(urlsplit(address).port, host="events.example.org") as proxy:
        status, headers, body = proxy.get("/")
        assert (status, "Location" in headers, "X-Forwarded-Proto" in body) == (500, False, True)
        proxy.headers["X-Forwarded-Proto"] = "https"
        assert proxy.get("/")[0] == 200
        proxy.headers["X-Forwarded-Proto"] = "http"
        assert proxy.get("/events")[1]["Location"] == "https://events.example.org/events"
