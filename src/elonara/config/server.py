"""The web server of `elonara serve`: waitress, fair to each network, and never full of idle connections.

Waitress serves requests in the order in which they came, so twenty connections of one visitor would make everybody wait
behind them. Here each network has a queue of its own, the queues take turns, and one network occupies a third of the
threads at most. Nothing is refused by this; what a network asks beyond its share is served a little later.
"""

from __future__ import annotations

import resource
import socket
from collections import Counter, OrderedDict, deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

from waitress.adjustments import Adjustments
from waitress.channel import HTTPChannel
from waitress.server import TcpWSGIServer
from waitress.task import ThreadedTaskDispatcher

from elonara.config.middleware import visitor_address
from elonara.networks import network_of

THREADS: Final = 12
THREADS_PER_NETWORK: Final = 4
CONNECTIONS: Final = 2000
CONNECTIONS_PER_NETWORK: Final = 200
RESERVED_FILES: Final = 128  # for the database, other servers and uploads
FIRST_BYTES_SECONDS: Final = 20  # a new connection that is silent for so long is closed
UNFINISHED_SECONDS: Final = 300  # so long the first request of a connection may take to arrive
CLEANUP_SECONDS: Final = 5


class FairQueue:
    """The waiting tasks of each network, taken in turns. The dispatcher's lock protects it.

    False where nothing may be taken now, though `len` may count tasks: their networks occupy their share of threads.
    """

    def __init__(self, network: Callable[[Any], str], most_running: int) -> None:
        self._network, self._most_running = network, most_running
        self._waiting: OrderedDict[str, deque[Any]] = OrderedDict()
        self._running: Counter[str] = Counter()
        self.is_closing = False

    def __len__(self) -> int:
        return sum(len(tasks) for tasks in self._waiting.values())

    def __bool__(self) -> bool:
        return self._next() is not None

    def append(self, task: Any) -> None:
        """Add a task at the end of its network's queue."""
        self._waiting.setdefault(self._network(task), deque()).append(task)

    def popleft(self) -> tuple[str, Any]:
        """The next task and its network, which is then the last in turn."""
        network = self._next()
        if network is None:
            raise IndexError("nothing may be taken now")
        tasks = self._waiting[network]
        task = tasks.popleft()
        if tasks:
            self._waiting.move_to_end(network)
        else:
            del self._waiting[network]
        self._running[network] += 1
        return network, task

    def finished(self, network: str) -> None:
        """A task of this network has ended."""
        self._running[network] -= 1
        if self._running[network] <= 0:
            del self._running[network]

    def _next(self) -> str | None:
        for network in self._waiting:
            # Requests from this machine have no network: see `network_of`.
            if not network or self.is_closing or self._running[network] < self._most_running:
                return network
        return None


class _Counted:
    """A task that tells the dispatcher when it has ended."""

    def __init__(self, dispatcher: FairDispatcher, network: str, task: Any) -> None:
        self._dispatcher, self._network, self._task = dispatcher, network, task

    def service(self) -> None:
        """Run it."""
        try:
            self._task.service()
        finally:
            self._dispatcher.finished(self._network)

    def cancel(self) -> None:
        """Drop it: the server ends."""
        self._task.cancel()


class FairDispatcher(ThreadedTaskDispatcher):
    """Waitress's threads over a `FairQueue`."""

    def __init__(self, network: Callable[[Any], str], most_running: int = THREADS_PER_NETWORK) -> None:
        super().__init__()
        self._fair = FairQueue(network, most_running)
        self.queue = self  # waitress asks for its length and truth, appends, and takes from the left

    def __len__(self) -> int:
        return len(self._fair)

    def __bool__(self) -> bool:
        return bool(self._fair)

    def append(self, task: Any) -> None:
        """Called by waitress under its lock."""
        self._fair.append(task)

    def popleft(self) -> _Counted:
        """Called by waitress under its lock."""
        network, task = self._fair.popleft()
        return _Counted(self, network, task)

    def finished(self, network: str) -> None:
        """Let a thread look again: the network may occupy one more."""
        with self.lock:
            self._fair.finished(network)
            self.queue_cv.notify()

    def shutdown(self, cancel_pending: bool = True, timeout: int = 5) -> bool:
        """As waitress does."""
        with self.lock:
            self._fair.is_closing = True
        return bool(super().shutdown(cancel_pending, timeout))


class Channel(HTTPChannel):
    """A connection that knows whether a request ever arrived over it."""

    served = False

    def service(self) -> None:
        """Handle one request."""
        self.served = True
        super().service()


class Server(TcpWSGIServer):
    """Closes idle connections before they keep others out."""

    channel_class = Channel

    def readable(self) -> bool:
        """Whether to accept connections; makes room first where there is none."""
        if len(self._map) >= self.adj.connection_limit - 1:
            self._close_idlest(list(self.active_channels.values()), self.adj.connection_limit // 10)
        return bool(super().readable())

    def handle_accept(self) -> None:
        """Accept a connection; one of its network's idle ones makes room for it where they are too many."""
        before = set(self.active_channels)
        super().handle_accept()
        for number in set(self.active_channels) - before:
            network = network_of(self.active_channels[number].addr[0])
            own = [one for one in self.active_channels.values() if network_of(one.addr[0]) == network]
            if network and len(own) > CONNECTIONS_PER_NETWORK:
                self._close_idlest([one for one in own if one is not self.active_channels[number]], 1)

    def maintenance(self, now: float) -> None:
        """Close what is idle for long, and new connections without a request much sooner."""
        super().maintenance(now)
        for channel in list(self.active_channels.values()):
            silent = channel.last_activity < now - FIRST_BYTES_SECONDS
            slow = channel.creation_time < now - UNFINISHED_SECONDS
            if not channel.served and not channel.requests and (silent or slow):
                channel.will_close = True

    @staticmethod
    def _close_idlest(channels: list[Channel], count: int) -> None:
        idle = [one for one in channels if not (one.requests or one.total_outbufs_len or one.will_close)]
        # Those that never sent a whole request go first: they are no visitor's kept connection.
        for channel in sorted(idle, key=lambda one: (one.served, one.last_activity))[:count]:
            channel.handle_close()


def make(application: Any, listener: socket.socket, sockets: dict[int, Any]) -> Server:
    """The server, listening; the caller runs its loop over `sockets`."""
    adjustments = Adjustments(
        sockets=[listener],
        threads=THREADS,
        ident="elonara",
        clear_untrusted_proxy_headers=False,  # config.middleware decides, by http.trusted_proxies
        max_request_body_size=12 * 1024 * 1024,
        asyncore_use_poll=True,
        connection_limit=_connection_limit(),
        cleanup_interval=CLEANUP_SECONDS,
    )
    dispatcher = FairDispatcher(_network)
    dispatcher.set_thread_count(THREADS)
    return Server(
        application,
        sockets,
        True,
        listener,
        dispatcher=dispatcher,
        adj=adjustments,
        bind_socket=False,
        sockinfo=(listener.family, listener.type, listener.proto, listener.getsockname()),
    )


def _network(channel: Any) -> str:
    """The network that a connection's next request comes from, behind a trusted proxy too."""
    headers = channel.requests[0].headers if channel.requests else {}
    return network_of(visitor_address(channel.addr[0], headers.get("X_FORWARDED_FOR", "")))


def _connection_limit() -> int:
    """As many connections as this process may have files open, up to `CONNECTIONS`."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = CONNECTIONS + RESERVED_FILES
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(ValueError, OSError):
            soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    if soft == resource.RLIM_INFINITY:
        return CONNECTIONS
    return min(CONNECTIONS, soft - min(RESERVED_FILES, soft // 2))
