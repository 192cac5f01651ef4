"""A mail server that takes every letter and keeps it: enough SMTP (RFC 5321) for the site's own backend."""

import email
import email.policy
import socketserver
import threading


class MailServer:
    """Listens at `url` once started; `letters` are the messages it took, oldest first."""

    def __init__(self):
        self.letters = []
        self._server = None

    def __enter__(self):
        taken = self.letters

        class Conversation(socketserver.StreamRequestHandler):
            def say(self, line):
                self.wfile.write(f"{line}\r\n".encode())

            def handle(self):
                self.say("220 mail.test")
                for raw in self.rfile:
                    match raw.split(maxsplit=1)[0].upper() if raw.strip() else b"":
                        case b"DATA":
                            self.say("354 go on")
                            self.take()
                        case b"QUIT":
                            self.say("221 bye")
                            return
                        case _:
                            self.say("250 ok")

            def take(self):
                lines = []
                for raw in self.rfile:
                    if raw == b".\r\n":
                        break
                    lines.append(raw[1:] if raw.startswith(b"..") else raw)
                taken.append(email.message_from_bytes(b"".join(lines), policy=email.policy.default))
                self.say("250 taken")

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = True

        self._server = Server(("127.0.0.1", 0), Conversation)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self):
        """For `email.url`."""
        return f"smtp://127.0.0.1:{self._server.server_address[1]}"

    def text_to(self, address):
        """The newest letter to an address, None where there is none."""
        found = [one for one in self.letters if address in str(one["to"])]
        return found[-1].get_content() if found else None
