"""A mail server that is slow between the data and its reply, so that kills hit just there."""

import asyncio
import email
import email.policy
import random
import time
from dataclasses import dataclass

from aiosmtpd.controller import Controller
from tests.ports import free_port


@dataclass(frozen=True)
class Copy:
    """One e-mail that came: when its data had come, and when the reply was given. Times are `time.monotonic()`."""

    message_id: str
    to: str
    subject: str
    text: str
    came: float
    replied: float


class MailServer:
    """Listens at `url` and keeps what came, also what nobody was there any more to hear the reply of."""

    def __init__(self, slowest):
        self.slowest = slowest  # seconds
        self.copies, self.under_way = [], 0
        self._port = free_port()
        self._controller = Controller(self, hostname="127.0.0.1", port=self._port)

    async def handle_DATA(self, _server, _session, envelope):  # noqa: N802 - the name that aiosmtpd calls
        came = time.monotonic()
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        self.under_way += 1
        try:
            await asyncio.sleep(random.uniform(0, self.slowest))
        finally:
            self.under_way -= 1
            text = message.get_body(("plain",)).get_content()
            [to] = envelope.rcpt_tos
            self.copies.append(Copy(message["Message-ID"], to, message["Subject"], text, came, time.monotonic()))
        return "250 taken"

    @property
    def url(self):
        """For `email.url`."""
        return f"smtp://127.0.0.1:{self._port}"

    def __enter__(self):
        self._controller.start()
        return self

    def __exit__(self, *_):
        self._controller.stop()
