"""A websocket through nginx to the app and back."""

from __future__ import annotations

import base64
import hashlib
import os
import socket
from collections.abc import Callable

import pytest
from hostlab.apps import HostApp

pytestmark = pytest.mark.hosts

#: answers a websocket's handshake and gives its first frame back, with nothing but gunicorn
ECHO = """

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_plain = {application}


def {application}(environ, start_response):
    if environ["PATH_INFO"] != "/echo":
        return _plain(environ, start_response)
    import base64, hashlib
    peer = environ["gunicorn.socket"]
    key = hashlib.sha1(environ["HTTP_SEC_WEBSOCKET_KEY"].encode() + GUID).digest()
    peer.sendall(b"HTTP/1.1 101 Switching Protocols\\r\\nUpgrade: websocket\\r\\nConnection: Upgrade\\r\\n"
                 b"Sec-WebSocket-Accept: " + base64.b64encode(key) + b"\\r\\n\\r\\n")
    head = peer.recv(2)
    size = head[1] & 127
    mask, data = peer.recv(4), peer.recv(size)
    peer.sendall(bytes([0x81, size]) + bytes(b ^ mask[i % 4] for i, b in enumerate(data)))
    raise StopIteration
"""


def test_a_websocket_echo_comes_back(make_app: Callable[..., HostApp]) -> None:
    app = make_app("plain_wsgi")
    path = app.project.root / "wsgi.py"
    path.write_text(path.read_text() + ECHO.format(application="application"))
    app.project.commit("an echo")
    app.first_push()
    key, word, mask = base64.b64encode(os.urandom(16)), b"through nginx", os.urandom(4)
    with socket.create_connection((app.host.address, 80), 20) as peer:
        peer.sendall(
            b"GET /echo HTTP/1.1\r\nHost: example.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " + key + b"\r\n\r\n"
        )
        answer = peer.recv(4096)
        assert answer.startswith(b"HTTP/1.1 101"), answer
        accept = hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()
        assert base64.b64encode(accept) in answer
        peer.sendall(bytes([0x81, 0x80 | len(word)]) + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(word)))
        assert peer.recv(100) == bytes([0x81, len(word)]) + word
    assert app.serves() == app.project.version
