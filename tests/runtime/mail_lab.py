"""A mail server that keeps what arrives, and the settings of an app that mails its errors there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes
from email.message import Message
from typing import Any

from aiosmtpd.controller import Controller
from runtime_lab import free_port

SECRETS = {
    "SECRET_KEY": "sentinel-key-one",
    "DATABASE_URL": "mysql://user:sentinel-password@db.example.com/x",
    "API_TOKEN": "sentinel-token-two",
    "PIN": "7351",
}


class Kept:
    """The mails that arrived."""

    def __init__(self) -> None:
        self.mails: list[Message] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        self.mails.append(message_from_bytes(envelope.content))
        return "250 OK"

    def texts(self) -> list[str]:
        return [
            f"{mail['Subject']}\n{mail.get_payload(decode=True).decode()}".replace("\r\n", "\n") for mail in self.mails
        ]  # type: ignore[union-attr]


@contextmanager
def smtp(kept: Kept, **options: Any) -> Iterator[int]:
    controller = Controller(kept, hostname="127.0.0.1", port=free_port(), **options)
    controller.start()
    try:
        yield controller.port
    finally:
        controller.stop()


def settings(port: int, **more: str) -> dict[str, str]:
    base = {"MAIL_ADMIN": "admin@example.com", "MAIL_SERVER": "127.0.0.1", "MAIL_PORT": str(port)}
    return {**base, "PAASCTL_LOG": "stdout", "PAASCTL_RELEASE": "r7", "PAASCTL_TARGET": "staging", **SECRETS, **more}
