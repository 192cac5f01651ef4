"""The web server's queue: networks take turns, whoever they are and however much they ask."""

import contextlib
import resource
import socket
import threading
import time
from types import SimpleNamespace

import pytest

from elonara.config import server
from elonara.config.server import FairDispatcher, FairQueue


def queue_of(*tasks, most_running=4):
    queue = FairQueue(lambda task: task[0], most_running)
    for task in tasks:
        queue.append(task)
    return queue


def test_networks_take_turns():
    queue = queue_of("a1", "a2", "a3", "b1", "c1", "b2")
    assert [queue.popleft()[1] for _ in range(6)] == ["a1", "b1", "c1", "a2", "b2", "a3"]


def test_a_network_occupies_its_share_of_threads():
    queue = queue_of(*(f"a{number}" for number in range(9)), most_running=2)
    assert [queue.popleft()[1] for _ in range(2)] == ["a0", "a1"]
    assert (bool(queue), len(queue)) == (False, 7)
    queue.append("b1")
    assert queue.popleft() == ("b", "b1")
    queue.finished("a")
    assert queue.popleft() == ("a", "a2")
    assert not queue


def test_this_machine_has_no_share():
    queue = FairQueue(lambda _task: "", 1)
    for number in range(5):
        queue.append(number)
    assert [queue.popleft()[1] for _ in range(5)] == [0, 1, 2, 3, 4]


def test_nothing_is_kept_of_networks_that_left():
    queue = queue_of("a1", "b1")
    for _ in range(2):
        queue.finished(queue.popleft()[0])
    assert (len(queue._waiting), len(queue._running)) == (0, 0)


class Task:
    """Something that takes its time."""

    def __init__(self, network, seconds=0.0, done=None):
        self.network, self.seconds, self.done, self.cancelled = network, seconds, done, False
        self.over = threading.Event()

    def service(self):
        time.sleep(self.seconds)
        self.over.set()
        if self.done is not None:
            raise self.done

    def cancel(self):
        self.cancelled = True


@pytest.fixture
def dispatcher():
    found = FairDispatcher(lambda task: task.network, most_running=2)
    found.set_thread_count(4)
    yield found
    found.shutdown(timeout=2)


def test_a_visitor_does_not_wait_behind_a_flood(dispatcher):
    flood = [Task("a", 0.3) for _ in range(20)]
    for task in flood:
        dispatcher.add_task(task)
    visitor = Task("b")
    dispatcher.add_task(visitor)
    assert visitor.over.wait(0.25), "two threads are for others"
    assert all(task.over.wait(10) for task in flood), "and the flood is served, too"


def test_a_task_that_fails_gives_its_thread_back(dispatcher):
    for _ in range(6):
        dispatcher.add_task(Task("a", done=RuntimeError("broken")))
    last = Task("a")
    dispatcher.add_task(last)
    assert last.over.wait(5)


def test_the_end_cancels_what_still_waits():
    dispatcher = FairDispatcher(lambda task: task.network, most_running=1)
    dispatcher.set_thread_count(2)
    tasks = [Task("a", 0.3) for _ in range(4)]
    for task in tasks:
        dispatcher.add_task(task)
    dispatcher.shutdown(timeout=2)
    assert all(task.over.is_set() or task.cancelled for task in tasks)
    assert any(task.cancelled for task in tasks)


def channel(address, forwarded=""):
    headers = {"X_FORWARDED_FOR": forwarded} if forwarded else {}
    return SimpleNamespace(addr=(address, 1), requests=[SimpleNamespace(headers=headers)])


@pytest.mark.parametrize(
    ("address", "forwarded", "network"),
    [
        ("192.0.2.7", "", "192.0.2.7"),
        ("192.0.2.7", "198.51.100.1", "192.0.2.7"),  # not our proxy: the header is the visitor's own invention
        ("203.0.113.1", "198.51.100.1", "198.51.100.1"),
        ("203.0.113.1", "6.6.6.6, 198.51.100.1", "198.51.100.1"),
        ("203.0.113.1", "2001:db8:1:2::3", "2001:db8:1:2::/64"),
        ("203.0.113.1", "nonsense", "203.0.113.1"),
        ("2001:db8::5", "", "2001:db8::/64"),
        ("127.0.0.1", "", ""),
    ],
)
def test_the_network_is_the_visitors(set_options, address, forwarded, network):
    set_options(http={"trusted_proxies": ("203.0.113.1",)})
    assert server._network(channel(address, forwarded)) == network


@pytest.fixture
def running(monkeypatch):
    """`running(CONNECTIONS=100)`: a server with these limits and an application that says "ok"; returns its address."""
    ending, threads, listeners = threading.Event(), [], []

    def application(_environ, start_response):
        start_response("200 OK", [("Content-Length", "2")])
        return [b"ok"]

    def start(**limits):
        for name, value in limits.items():
            monkeypatch.setattr(server, name, value)
        listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
        sockets = {}
        made = server.make(application, listener, sockets)

        def loop():
            while not ending.is_set():
                made.asyncore.poll2(0.05, sockets)
            made.task_dispatcher.shutdown(timeout=1)
            for channel in list(made.active_channels.values()):
                channel.handle_close()
            made.close()

        threads.append(threading.Thread(target=loop))
        threads[-1].start()
        return listener.getsockname()

    yield start
    ending.set()
    for thread in threads:
        thread.join(5)
    for listener in listeners:
        listener.close()


def ask(address, seconds=3.0):
    with socket.create_connection(address, timeout=seconds) as client:
        client.sendall(b"GET / HTTP/1.0\r\n\r\n")
        return client.recv(4096).partition(b"\r\n")[0]


@contextlib.contextmanager
def idle(address, count, first_bytes=b""):
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(socket.create_connection(address, timeout=3)) for _ in range(count)]
        for client in clients:
            client.sendall(first_bytes)
        time.sleep(0.3)
        yield clients


def is_open(client):
    client.settimeout(0.05)
    try:
        return client.recv(1) != b""
    except TimeoutError:
        return True
    except ConnectionError:
        return False


@pytest.mark.parametrize("first_bytes", [b"", b"GET / HTTP/1.1\r\nHost: x"])
def test_a_full_server_closes_idle_connections_for_new_ones(running, first_bytes):
    address = running(CONNECTIONS=100)
    with idle(address, 250, first_bytes):
        assert ask(address) == b"HTTP/1.0 200 OK"


def test_a_kept_connection_of_a_visitor_outlives_those_that_never_asked(running):
    address = running(CONNECTIONS=100)
    with idle(address, 1, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n") as (visitor,):
        assert visitor.recv(4096).startswith(b"HTTP/1.1 200 OK")
        with idle(address, 250):
            assert is_open(visitor)


def test_one_network_has_so_many_connections(running, monkeypatch):
    monkeypatch.setattr(server, "network_of", lambda address: address)
    address = running(CONNECTIONS_PER_NETWORK=10)
    with idle(address, 30) as clients:
        assert ask(address) == b"HTTP/1.0 200 OK"
        assert sum(is_open(client) for client in clients) <= 10


def test_silent_new_connections_are_closed_soon(running):
    address = running(FIRST_BYTES_SECONDS=0.2, CLEANUP_SECONDS=0.2)
    with idle(address, 3, b"GET ") as clients:
        time.sleep(1)
        assert not any(is_open(client) for client in clients)


def test_a_request_that_drips_in_is_closed_at_last(running):
    address = running(UNFINISHED_SECONDS=0.5, CLEANUP_SECONDS=0.1)
    with idle(address, 1) as (client,), contextlib.suppress(ConnectionError):
        for _ in range(15):
            client.sendall(b"G")
            time.sleep(0.1)
        assert not is_open(client)


@pytest.mark.parametrize(
    ("soft", "hard", "limit"),
    [(256, 256, 128), (64, 64, 32), (1024, 1024, 896), (1024, 100_000, 2000), (-1, -1, 2000)],
)
def test_no_more_connections_than_files(monkeypatch, soft, hard, limit):
    monkeypatch.setattr(resource, "getrlimit", lambda _kind: (soft, hard))
    monkeypatch.setattr(resource, "setrlimit", lambda _kind, _limits: None)
    assert server._connection_limit() == limit
