"""Errors by mail: records of ERROR and above go to MAIL_ADMIN, from a thread that no request waits for."""

from __future__ import annotations

import logging
import os
import re
import sys
import threading
import time

from .base import guard, has_threads, in_force, number, say
from .handlers import in_loggings_name, kind_of
from .hidden import hidden, without
from .hourly import HOUR, Hourly
from .request import Request, current

TYPE_CHECKING = False
if TYPE_CHECKING:
    from queue import Queue
    from typing import Callable, Optional

QUEUE = 100  # mails waiting to be sent; more are counted as held back
PER_HOUR = 20
TIMEOUT = 20  # seconds for one answer of the mail server
AT_EXIT = 3  # seconds that a process which ends gives to the mails still waiting
YES = ("1", "true", "yes", "on", "y", "t")


class MailServer:
    """Flask-Mail's names in the env. Port 465 is TLS from the first byte, whatever the switches say.

    ``wrong`` says which of them keeps mails from being sent; "" when none does.
    """

    def __init__(self) -> None:
        env = os.environ
        self.to = [address.strip() for address in env.get("MAIL_ADMIN", "").split(",") if address.strip()]
        self.host = env.get("MAIL_SERVER", "")
        self.user, self.password = env.get("MAIL_USERNAME", ""), env.get("MAIL_PASSWORD", "")
        tls, ssl = (env.get(name, "").strip().lower() in YES for name in ("MAIL_USE_TLS", "MAIL_USE_SSL"))
        port = env.get("MAIL_PORT", "").strip()
        self.wrong = "" if self.to else "MAIL_ADMIN holds no address"
        if not re.fullmatch("[0-9]{0,5}", port):
            self.wrong, port = "MAIL_PORT is not a port's number", ""
        self.port = int(port) if port else 465 if ssl else 587 if tls else 25
        self.implicit = ssl or self.port == 465
        self.starttls = tls and not self.implicit
        self.sender = (
            env.get("MAIL_DEFAULT_SENDER") or (self.user if "@" in self.user else "") or next(iter(self.to), "")
        )

    def send(self, subject: str, text: str) -> None:
        import smtplib
        import ssl
        from email.message import EmailMessage
        from email.utils import formatdate

        message = EmailMessage()
        message["Subject"], message["From"], message["To"] = subject, self.sender, ", ".join(self.to)
        message["Date"] = formatdate()
        message.set_content(text)
        context = ssl.create_default_context() if self.implicit or self.starttls else None
        if self.implicit:
            client: smtplib.SMTP = smtplib.SMTP_SSL(self.host, self.port, timeout=TIMEOUT, context=context)
        else:
            client = smtplib.SMTP(self.host, self.port, timeout=TIMEOUT)
        with client:
            if self.starttls:
                client.starttls(context=context)
            if self.user:
                client.login(self.user, self.password)
            client.send_message(message)


def in_child(work: Callable[[], None]) -> None:
    """Do something in a process of its own, for which nobody waits: a child's child, so that none is left over."""
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        return
    try:
        if os.fork() == 0:
            os.closerange(3, os.sysconf("SC_OPEN_MAX"))  # the visitor's connection must end with its answer
            work()
    finally:
        os._exit(0)


def import_what_sends() -> None:
    """Not for the thread to import: a process that is forked meanwhile would have one half of a module for ever."""
    import importlib

    for name in ("email.message", "email.policy", "email.utils", "encodings.idna", "smtplib", "ssl"):
        importlib.import_module(name)


class Mailer:
    """A bounded queue and its thread; made at the first error of a process, because threads do not survive a fork.

    Where threads do not run, each mail is sent by a process of its own.
    """

    def __init__(self, server: MailServer, per_hour: int) -> None:
        import atexit
        from queue import Queue

        import_what_sends()
        self.pid = os.getpid()
        self.server, self.hourly = server, Hourly(per_hour)
        self.queue: Queue[tuple[str, str]] = Queue(QUEUE)
        self.again = 0.0  # no mail may be sent before
        self.held = 0
        self.thread = threading.Thread(target=self.work, name="paasctl-mail", daemon=True) if has_threads() else None
        if self.thread is not None:
            self.thread.start()
            atexit.register(self.finish)
            wait_at_hard_exit()

    def take(self, record: logging.LogRecord) -> None:
        """Never waits: a record too many is only counted."""
        from queue import Full

        if time.monotonic() < self.again:
            self.held += 1
            return
        mail = compose(record, current.get())
        if self.thread is None:
            self.send(mail)
            return
        try:
            self.queue.put_nowait(mail)
        except Full:
            self.held += 1

    def work(self) -> None:
        from queue import Empty

        while True:
            try:
                mail = self.queue.get(timeout=60 if self.again or self.held else HOUR)
            except Empty:
                self.send()  # nothing new came: how many were held back, once the hour allows it
                continue
            try:
                self.send(mail)
            finally:
                self.queue.task_done()

    def send(self, mail: tuple[str, str] | None = None) -> None:
        given = self.held
        allowed, held, self.again = self.hourly.ask(given, mail is not None)
        self.held -= given
        if not allowed:
            return
        subject, text = mail or ("errors that were not mailed", "")
        if held:
            text += "\n\n%d more errors were not mailed: at most %d mails an hour.\n" % (held, self.hourly.limit)
        if self.thread is None:
            in_child(lambda: self.deliver(subject, text))
        else:
            self.deliver(subject, text)

    def deliver(self, subject: str, text: str) -> None:
        try:
            self.server.send(subject, text)
        except Exception as error:  # its text may hold the server's answer with an address or a name
            say("the error mail was not sent (%s)" % type(error).__name__)

    def finish(self) -> None:
        """Give the mails that wait a moment while the process ends."""
        until = time.monotonic() + AT_EXIT
        while self.pid == os.getpid() and self.queue.unfinished_tasks and time.monotonic() < until:
            time.sleep(0.02)
        if self.pid == os.getpid() and self.held:
            self.hourly.hand_in(self.held)
            self.held = 0


mailers: list[Mailer] = []  # at most one, of this process


def wait_at_hard_exit() -> None:
    """Give the mails their moment also where ``os._exit`` ends a process, as it does forked workers of queues."""
    leave = os._exit
    if hasattr(leave, "waits"):
        return

    def finish_and_leave(status: int) -> None:
        for each in mailers:
            with guard("the error mail"):
                each.finish()
        leave(status)

    finish_and_leave.waits = True  # type: ignore[attr-defined]
    os._exit = finish_and_leave  # type: ignore[assignment]


def install_mail() -> None:
    """Watch every record of ERROR and above when the env says where to send it."""
    if not os.environ.get("MAIL_ADMIN"):
        return
    if not os.environ.get("MAIL_SERVER"):
        in_force["error mails"] = "none: MAIL_ADMIN is set, MAIL_SERVER is not"
        return
    server, per_hour = MailServer(), number("MAILS_PER_HOUR", PER_HOUR)
    if server.wrong:
        in_force["error mails"] = "none: " + server.wrong
        say("errors are not mailed: %s; set it right, or take MAIL_ADMIN away" % server.wrong)
        return
    call_handlers_before = logging.Logger.callHandlers

    @in_loggings_name
    def call_handlers_and_mail(logger: logging.Logger, record: logging.LogRecord) -> None:
        call_handlers_before(logger, record)
        if record.levelno >= logging.ERROR and threading.current_thread().name != "paasctl-mail":
            with guard("the error mail"):
                if not has_smtp_handler():
                    mailer(server, per_hour).take(record)

    logging.Logger.callHandlers = call_handlers_and_mail  # type: ignore[method-assign,assignment]
    in_force["error mails"] = "to MAIL_ADMIN, at most %d an hour, unless the app has an SMTPHandler" % per_hour


def mailer(server: MailServer, per_hour: int) -> Mailer:
    if not mailers or mailers[0].pid != os.getpid():
        mailers[:] = [Mailer(server, per_hour)]
    return mailers[0]


def has_smtp_handler() -> bool:
    """Whether the app mails its errors itself: a logger has an SMTPHandler, or may have one behind a queue."""
    handlers = sys.modules.get("logging.handlers")
    if handlers is None:
        return False
    mailing = [each for each in (ref() for ref in list(logging._handlerList)) if isinstance(each, handlers.SMTPHandler)]  # type: ignore[attr-defined]
    if not mailing:
        return False
    loggers = [logging.root, *list(logging.root.manager.loggerDict.values())]
    added = [handler for logger in loggers for handler in getattr(logger, "handlers", ())]
    return any(handler in mailing or kind_of(handler) == "deferring" for handler in added)


def compose(record: logging.LogRecord, request: Optional[Request]) -> tuple[str, str]:
    """Subject and text of a mail, made in the request's own thread."""
    secrets = hidden(request)
    text = without(logging.Formatter("%(message)s").format(record), secrets)
    facts = [("level", record.levelname), ("logger", without(record.name, secrets))]
    facts.append(("time", time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(record.created))))
    facts.append(("release", os.environ.get("PAASCTL_RELEASE", "")))
    if request is not None:
        method, place, path, address = request.facts()
        facts += [("request", "%s %s%s" % (method, place, without(path, secrets))), ("address", address)]
        facts.append(("request id", request.id))
    head = "".join("%-10s  %s\n" % fact for fact in facts if fact[1])
    where = os.environ.get("PAASCTL_TARGET", "")
    subject = "%s%s: %s" % ("[%s] " % where if where else "", record.levelname, text.splitlines()[0] if text else "")
    return sendable(subject[:150]), sendable(head + "\n" + text + "\n")


def sendable(text: str) -> str:
    """The text with its lone surrogates (bytes that are not UTF-8, in a file's name) written out."""
    return text.encode("utf-8", "backslashreplace").decode()
