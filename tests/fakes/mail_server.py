"""A mail server that takes every letter and keeps it, and refuses as real ones do: enough SMTP (RFC 5321) for us."""

import base64
import email
import email.policy
import re
import socketserver
import ssl
import threading
import time


class MailServer:
    """Listens at `url` once started; `letters` are the messages it took, oldest first.

    Stages are CONNECT, EHLO, STARTTLS, AUTH, MAIL, RCPT, DATA, END (of the data) and QUIT.
    """

    def __init__(self, *, users=None, tls=None, implicit_tls=False):
        self.letters = []
        self.log = []  # the verbs of every conversation; of what was said no secret is kept
        self.users = users or {}  # name to password; with any, MAIL needs AUTH first
        self.tls, self.implicit_tls = tls, implicit_tls  # an SSLContext
        self.refuse = {}  # a stage to the reply that it gets
        self.recipients = {}  # an address or a domain to the reply that RCPT gets
        self.closes = set()  # stages at which the connection is closed without a word
        self.slow = {}  # a stage to the seconds that its reply takes
        self.quota = None  # so many letters are taken, then 5.4.5
        self.greylists = False  # the first attempt for each recipient is put off
        self.seen_recipients = set()
        self.encrypted = 0  # conversations that were under TLS when MAIL came
        self._server = None

    def __enter__(self):
        fake = self

        class Conversation(_Conversation):
            server_state = fake

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = True

        self._server = Server(("127.0.0.1", 0), Conversation)
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()

    @property
    def port(self):
        """Where it listens."""
        return self._server.server_address[1]

    @property
    def url(self):
        """For `email.url`."""
        return f"smtp://127.0.0.1:{self.port}"

    def text_to(self, address):
        """The newest letter to an address, None where there is none."""
        found = [one for one in self.letters if address in str(one["to"])]
        return found[-1].get_body(("plain",)).get_content() if found else None

    def heal(self):
        """Refuse nothing any more."""
        self.refuse, self.recipients, self.closes, self.slow = {}, {}, set(), {}
        self.quota, self.greylists = None, False


class _Hangup(Exception):
    pass


class _Conversation(socketserver.StreamRequestHandler):
    server_state: MailServer

    def say(self, line):
        self.wfile.write(f"{line}\r\n".encode())
        self.wfile.flush()

    def answer(self, stage, well):
        """The reply of a stage: what the server was told to answer there, else `well`. True where it went well."""
        state = self.server_state
        state.log.append(stage)
        if stage in state.slow:
            time.sleep(state.slow[stage])
        if stage in state.closes:
            raise _Hangup
        refusal = state.refuse.get(stage)
        self.say(refusal or well)
        return refusal is None

    def handle(self):
        try:
            if self.server_state.implicit_tls:
                self.encrypt()
            self.converse()
        except (_Hangup, OSError, ssl.SSLError):
            return

    def encrypt(self):
        self.request = self.server_state.tls.wrap_socket(self.request, server_side=True)
        self.rfile = self.request.makefile("rb")
        self.wfile = self.request.makefile("wb")

    def converse(self):
        state, signed_in = self.server_state, False
        if not self.answer("CONNECT", "220 mail.test"):
            return
        while raw := self.rfile.readline():
            verb = raw.split(maxsplit=1)[0].upper().decode("ascii", "replace") if raw.strip() else ""
            match verb:
                case "EHLO" | "HELO":
                    offers = ["250-mail.test"]
                    offers += ["250-AUTH PLAIN"] * bool(state.users)
                    under_tls = isinstance(self.request, ssl.SSLSocket)
                    offers += ["250-STARTTLS"] * bool(state.tls and not under_tls)
                    self.answer("EHLO", "\r\n".join([*offers, "250 8BITMIME"]))
                case "STARTTLS":
                    if self.answer("STARTTLS", "220 go ahead"):
                        self.encrypt()
                case "AUTH":
                    good = self.password_is_right(raw)
                    signed_in = self.answer("AUTH", "235 welcome" if good else "535 5.7.8 bad credentials") and good
                case "MAIL":
                    state.encrypted += isinstance(self.request, ssl.SSLSocket)
                    needed = "530 5.7.0 authentication required" if state.users and not signed_in else "250 ok"
                    self.answer("MAIL", needed)
                case "RCPT":
                    self.answer("RCPT", self.reply_to(raw.decode()))
                case "DATA":
                    if self.answer("DATA", "354 go on"):
                        self.take()
                case "QUIT":
                    self.answer("QUIT", "221 bye")
                    return
                case _:
                    self.say("250 ok")

    def password_is_right(self, raw):
        parts = base64.b64decode(raw.split()[2]).decode().split("\0")
        return self.server_state.users.get(parts[1]) == parts[2]

    def reply_to(self, line):
        state, address = self.server_state, re.search(r"<(.*?)>", line)[1].lower()
        for key in (address, address.rpartition("@")[2]):
            if key in state.recipients:
                return state.recipients[key]
        if state.greylists and address not in state.seen_recipients:
            state.seen_recipients.add(address)
            return "450 4.7.1 greylisted, try again later"
        return "250 ok"

    def take(self):
        state, lines = self.server_state, []
        for raw in self.rfile:
            if raw == b".\r\n":
                break
            lines.append(raw[1:] if raw.startswith(b"..") else raw)
        if state.quota is not None and len(state.letters) >= state.quota:
            self.answer("END", "550 5.4.5 Daily user sending limit exceeded")
            return
        if "END" not in state.refuse:
            state.letters.append(email.message_from_bytes(b"".join(lines), policy=email.policy.default))
        self.answer("END", "250 taken")
