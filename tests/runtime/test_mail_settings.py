"""The settings of error mails: a password, TLS of both kinds, and those that cannot be used."""

from __future__ import annotations

import shutil
import ssl
import subprocess
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, AuthResult
from mail_lab import Kept, settings, smtp
from runtime_lab import Bench


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for 127.0.0.1 and its key in one file."""
    if not shutil.which("openssl"):
        pytest.skip("mail over TLS NOT TESTED: there is no openssl to make a certificate with")
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
         "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(path), "-out", str(path) + ".crt"],
        check=True, capture_output=True,
    )  # fmt: skip
    path.write_text(path.read_text() + Path(f"{path}.crt").read_text())
    return path


@pytest.mark.parametrize("how", ["implicit", "starttls"])
def test_tls_and_a_password(bench: Bench, certificate: Path, how: str) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    logins = []

    def login(server: SMTP, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        logins.append((data.login, data.password))
        return AuthResult(success=True)

    options: dict[str, Any] = {"authenticator": login, "auth_required": True}
    options |= (
        {"ssl_context": context, "auth_require_tls": False}
        if how == "implicit"
        else {"tls_context": context, "require_starttls": True}
    )
    kept = Kept()
    bench.write(app="import logging; logging.error('x')")
    switch = "MAIL_USE_SSL" if how == "implicit" else "MAIL_USE_TLS"
    with smtp(kept, **options) as port:
        more = {
            switch: "true",
            "MAIL_USERNAME": "me@example.com",
            "MAIL_PASSWORD": "password-of-it",
            "SSL_CERT_FILE": str(certificate),
        }
        done = bench.run("python", "app.py", **settings(port, **more))
    assert len(kept.mails) == 1, done.stderr
    assert kept.mails[0]["From"] == "me@example.com"
    assert logins == [(b"me@example.com", b"password-of-it")]


def test_port_465_is_tls_from_the_first_byte(monkeypatch: pytest.MonkeyPatch) -> None:
    from paasctl.procfiles.runtime.mail import MailServer

    for name, value in {"MAIL_ADMIN": "a@x, b@x", "MAIL_SERVER": "h", "MAIL_PORT": "465", "MAIL_USE_TLS": "1"}.items():
        monkeypatch.setenv(name, value)
    server = MailServer()
    assert (server.implicit, server.starttls, server.to) == (True, False, ["a@x", "b@x"])


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"MAIL_PORT": "abc"}, "MAIL_PORT is not a port's number"),
        ({"MAIL_ADMIN": " , "}, "MAIL_ADMIN holds no address"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named(bench: Bench, wrong: dict[str, str], reason: str) -> None:
    bench.write(app="import logging; logging.error('x'); print('runs')")
    done = bench.run("python", "app.py", **{**settings(25), **wrong, "PAASCTL_LOG": "keep"})
    assert done.stdout == "runs\n"
    said = f"paasctl: errors are not mailed: {reason}; set it right, or take MAIL_ADMIN away"
    assert said in done.stderr.splitlines()
