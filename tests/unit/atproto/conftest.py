"""Servers on this machine that misbehave on purpose, and certificates for names that do not exist."""

import datetime
import socket
import ssl
import threading

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pytest_httpserver import HTTPServer


class RawServer:
    """Listens on this machine and calls `act(connection)` after each request of a connection."""

    def __init__(self, act):
        self.act = act
        self.requests = []
        self.connections = 0
        self.ended = threading.Semaphore(0)  # released for each connection that this server has closed
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.host = f"127.0.0.1:{self.port}"
        self.url = f"http://{self.host}/"
        self._open = []
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._open.append(connection)
            threading.Thread(target=self._talk, args=(connection,), daemon=True).start()

    def _talk(self, connection):
        try:
            while (data := connection.recv(65536)) != b"":
                self.requests.append(data)
                if self.act(connection) is False:
                    break
        except OSError:
            pass
        finally:
            connection.close()
            self.ended.release()

    def close(self):
        self._listener.close()
        for connection in self._open:
            connection.close()


@pytest.fixture(scope="session")
def httpserver_listen_address():
    """An IP address rather than a name, because the tests exempt it from vetting by that."""
    return ("127.0.0.1", 0)


@pytest.fixture
def raw_server():
    """Makes RawServers that are closed after the test."""
    made = []

    def make(act):
        made.append(RawServer(act))
        return made[-1]

    yield make
    for server in made:
        server.close()


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    """Certificate and key files for good.example.com, signed by itself."""
    folder = tmp_path_factory.mktemp("tls")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "good.example.com")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("good.example.com")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return folder / "cert.pem", folder / "key.pem"


@pytest.fixture
def tls_server(certificate):
    """An https server with the certificate of good.example.com; `.names` are the names it was asked for (SNI)."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    names = []
    context.sni_callback = lambda _socket, name, _context: names.append(name)
    server = HTTPServer(host="127.0.0.1", ssl_context=context)
    server.names = names
    server.start()
    yield server
    server.clear()
    server.stop()
