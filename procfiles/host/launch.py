"""Start one process, or run one command, in a release's code, environment and env.

A copy lies in every release, so that an old release always starts the way it was made to:
``launch.py process NAME INSTANCE`` (Supervisor), ``launch.py canary NAME WHERE``, ``launch.py run COMMAND...``.
Standard library only, Python 3.8+.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from typing import Any, Dict, List

#: what a process inherits of the machine's own environment; a developer's shell has much more
INHERITED = (
    "HOME", "USER", "LOGNAME", "LANG", "LANGUAGE", "TZ", "TMPDIR", "TERM",
    "SSL_CERT_FILE", "SSL_CERT_DIR", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy",
)  # fmt: skip
RUNTIME = "python -m _paasctl_runtime "


def main(arguments: List[str]) -> None:
    """Become the process that the arguments name."""
    folder = os.path.dirname(os.path.abspath(__file__))
    with open(os.path.join(folder, "release.json"), encoding="utf-8") as file:
        release = json.load(file)
    kind, rest = arguments[0], arguments[1:]
    env = environment(release, os.environ)
    if kind == "run":
        argv = rest
    else:
        env.update(place(release, kind, rest[0], rest[1]))
        argv = shell(release["processes"][rest[0]])
    os.chdir(release["code"])
    os.execvpe(argv[0], argv, env)


def environment(release: Dict[str, Any], inherited: Any) -> Dict[str, str]:
    """The environment of everything in a release: a clean one, the app's env, and what paasctl adds."""
    env = {name: inherited[name] for name in inherited if name in INHERITED or name.startswith("LC_")}
    env["PATH"] = release["venv"] + "/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    try:
        with open(release["env_file"], encoding="utf-8") as file:
            env.update(json.load(file)["env"])
    except (OSError, ValueError, KeyError) as error:
        sys.exit("paasctl: the env file of release %s cannot be read (%s)" % (release["id"], type(error).__name__))
    env.update(release["environment"])
    root = os.path.dirname(os.path.dirname(release["env_file"]))
    env["PAASCTL_SHARED_FOLDER"] = os.path.join(root, "shared")
    env["PAASCTL_RUN_FOLDER"] = release["run"]  # what all processes of the app share, whichever release they run
    return env


def place(release: Dict[str, Any], kind: str, name: str, instance: str) -> Dict[str, str]:
    """Where a process listens: on the socket that Supervisor holds and a private one, or on $PORT."""
    env = dict(release["process_environment"].get(name, {}))
    env["PORT"] = str(release["port"])  # a line may name it, although the runtime listens elsewhere
    if name != "web":
        record(release, name, instance)
        return env
    if kind == "canary":
        env["PAASCTL_PROBE_SOCKET" if release["handover"] else "PORT"] = instance
        return env
    record(release, name, instance)
    if release["handover"]:
        env["PAASCTL_SHARED_FD"] = "0"
        env["PAASCTL_PROBE_SOCKET"] = os.path.join(release["run"], "web.%s" % instance)
    return env


def record(release: Dict[str, Any], name: str, instance: str) -> None:
    """Note which release this process runs; its process id stays the same through every exec.

    A process starts without a note too: a full disk must not keep an app down.
    """
    path = os.path.join(release["run"], "%s.%s.json" % (name, instance))
    note = json.dumps({"pid": os.getpid(), "release": release["id"]})
    try:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path + ".new")  # of one that was killed, or a link that leads elsewhere
        with open(path + ".new", "x", encoding="utf-8") as file:
            file.write(note)
        os.replace(path + ".new", path)
    except OSError:
        with contextlib.suppress(OSError), open(path, "r+", encoding="utf-8") as file:
            file.write(note)  # the room of the note before is there: whoever rolls (or undoes) must see this process
            file.truncate()


def shell(line: str) -> List[str]:
    """A Procfile line is a shell's; one that the runtime reaches leaves no shell between it and Supervisor."""
    return ["/bin/sh", "-c", "exec " + line if line.startswith(RUNTIME) else line]


if __name__ == "__main__":
    main(sys.argv[1:])
