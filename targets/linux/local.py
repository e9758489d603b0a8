"""This machine as the host: no account, no root, no web server in front."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import uv

from paasctl import recycle
from paasctl.model import PlatformFacts, Setting
from paasctl.target import OPERATIONS, Context

from . import squeeze
from .channel import BOOTSTRAP, Channel
from .host import HostTarget, exit_status
from .plans import Planner

FACTS = PlatformFacts(
    log="file",
    log_reason="the app's own files stay, in a folder that outlives releases",
    recycle=recycle.usual,
    services_beside_app=True,
    local=True,
)


class Local:
    """The adapter ``local``."""

    summary: ClassVar[str] = "this machine: the app's own Supervisor, no account, no root"
    facts: ClassVar[PlatformFacts] = FACTS
    settings: ClassVar[Mapping[str, Setting]] = {
        "port": Setting(int, "the port on 127.0.0.1 (default: a free one, kept between pushes)", limits=(1024, 65535)),
    }
    abilities: ClassVar[Mapping[str, str]] = {
        **dict.fromkeys(OPERATIONS, ""),
        "setup": "this machine needs no preparation: `paasctl push local` is enough",
    }

    @staticmethod
    def connect(name: str, settings: Mapping[str, Any], context: Context) -> LocalTarget:
        """Start the agent for this app."""
        port = settings.get("port")
        root = context.data / name / context.app
        hello = {"root": str(root), "name": context.app, "origin": str(context.root), "uv": uv.find_uv_bin()}
        argv = [sys.executable, "-I", "-c", BOOTSTRAP]
        channel = Channel(argv, hello, context.environ, codings=squeeze.LOCAL)
        cache = context.cache / f"{name}-{context.app}.json"
        planner = Planner(channel, context.who, cache, name, "127.0.0.1", uv=True)
        return LocalTarget(FACTS, channel, planner, "http://127.0.0.1:{port}/", port, cache, context.learn)


class LocalTarget(HostTarget):
    """An app on this machine."""

    def run(self, command: Sequence[str]) -> int:
        """Run a one-off command with this terminal's own input and output; returns its exit status."""
        words = self.command(command)
        # Ctrl-C is for the command; what it makes of it is its exit status
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            child = subprocess.Popen(words, preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
            return exit_status(child.wait())
        finally:
            signal.signal(signal.SIGINT, before)
