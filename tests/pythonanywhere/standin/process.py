"""The web app's process: uWSGI with one worker, the account's files at their absolute names, and no network.

A mount namespace puts the account's folders where their names say, and a network namespace leaves loopback alone.
Where that is not possible (no root, no Linux) there is a reason to skip by.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from functools import cache
from pathlib import Path
from typing import Protocol

from .account import Account

SCRIPT = r"""
set -e
mount --make-rprivate /
ip link set lo up
mount -t tmpfs none /home
mkdir -p "/home/$PA_USER"
mount --bind "$PA_ROOT/home/$PA_USER" "/home/$PA_USER"
mkdir -p /run/pa-www /run/pa-log
mount -t tmpfs none /var
mkdir -p /var/www /var/log /var/tmp
mount --bind "$PA_ROOT/var/www" /var/www
mount --bind "$PA_ROOT/var/log" /var/log
mount -t tmpfs none /usr/local/bin
for version in $PA_PYTHONS; do
  ln -s "${version#*=}" "/usr/local/bin/python${version%%=*}"
done
if [ -n "$PA_HOSTS" ]; then
  echo "127.0.0.1 localhost $PA_HOSTS" > "$PA_ROOT/hosts"
  mount --bind "$PA_ROOT/hosts" /etc/hosts
fi
cd "$PA_CWD"
if [ -n "$PA_BEFORE" ]; then sh -c "$PA_BEFORE"; fi
while :; do
  env -i HOME="/home/$PA_USER" USER="$PA_USER" PATH=/usr/local/bin:/usr/bin:/bin LANG=C \
    PA_SERVER_LOG="/var/log/$PA_DOMAIN.server.log" API_TOKEN="$PA_TOKEN" \
    PYTHONANYWHERE_SITE=www.pythonanywhere.com PYTHONANYWHERE_DOMAIN=pythonanywhere.com \
    "$PA_VENV/bin/pyuwsgi" --binary-path "$PA_VENV/bin/python" --master --processes 1 --harakiri 300 \
    --http-socket "$PA_ROOT/$PA_ID.sock" --chmod-socket=600 --listen 64 --buffer-size 32768 --post-buffering 4096 \
    --wsgi-file "$PA_WSGI" --pyimport platform_logs \
     --touch-reload "$PA_WSGI" --master-fifo "$PA_ROOT/$PA_ID.fifo" --disable-logging \
    --worker-reload-mercy 2 --reload-mercy 2 \
    >> "/var/log/$PA_DOMAIN.server.log" 2>> "/var/log/$PA_DOMAIN.error.log" || true
  sleep 0.1
done
"""

#: uWSGI makes one stream of stdout and stderr; the platform keeps two logs.
STDOUT = """\
import os, sys
sys.stdout = sys.__stdout__ = open(os.environ["PA_SERVER_LOG"], "a")
"""


def why_not() -> str:
    """Why a web app cannot be run here; "" when it can."""
    if sys.platform != "linux":
        return "needs Linux"
    if os.geteuid() != 0:
        return "needs root (a mount namespace)"
    if not all(shutil.which(name) for name in ("unshare", "ip", "mount")):
        return "needs unshare, ip and mount (util-linux, iproute2)"
    for path in (sys.base_prefix, str(Path(__file__).resolve())):
        if path.startswith(("/home/", "/var/")):
            return f"{path} would be covered by the account's own folders"
    tried = subprocess.run(["unshare", "--mount", "--net", "--pid", "--fork", "true"], capture_output=True, check=False)
    if tried.returncode:
        return "this machine allows no namespaces"
    try:
        server_venv(f"3.{sys.version_info[1]}")
    except subprocess.CalledProcessError:
        return f"uWSGI cannot be installed for Python 3.{sys.version_info[1]}"
    return ""


@cache
def server_venv(python: str) -> Path:
    """A virtual environment that holds nothing but uWSGI; made once a session."""
    import atexit
    import tempfile

    from uv import find_uv_bin

    root = Path(tempfile.mkdtemp(prefix="paasctl-uwsgi-"))
    atexit.register(shutil.rmtree, root, ignore_errors=True)
    folder = root / python
    for words in (["venv", "-q", "--no-python-downloads", "--python", find(python), str(folder)],
                  ["pip", "install", "-q", "--python", str(folder / "bin/python"), "pyuwsgi"]):  # fmt: skip
        subprocess.run([find_uv_bin(), *words], check=True, capture_output=True)
    packages = next((folder / "lib").glob("python3*/site-packages"))
    (packages / "platform_logs.py").write_text(STDOUT)
    return folder


def find(python: str) -> str:
    """The program of a Python version where pyenv has it, else the version itself for uv to look for."""
    versions = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"), "versions")
    return next((str(path) for path in sorted(versions.glob(f"{python}.*/bin/python{python}"))), python)


@cache
def interpreter(python: str) -> str:
    """The base interpreter of a Python version on this machine."""
    code = "import sys; print(sys._base_executable)"
    done = subprocess.run([server_venv(python) / "bin/python", "-c", code], capture_output=True, text=True, check=True)
    return os.path.realpath(done.stdout.strip())


#: Notes every program that is started on the site's side, with its arguments.
TRACE = ["strace", "-f", "-qq", "--seccomp-bpf", "-e", "trace=execve", "-e", "signal=none", "-s", "100000"]


#: Runs a command in whose process group everything is killed when our end of its stdin closes: when these tests are
#: killed, nothing of the site is left behind.
GUARD = ["sh", "-c", 'exec 3<&0 </dev/null; { cat <&3 >/dev/null; kill -9 0; } & exec 3<&-; exec "$@"', "sh"]


class Options(Protocol):
    """``hosts`` are names for 127.0.0.1, ``before`` a command that is run in the site's own namespace first, ``trace``
    a file for the arguments of every process there."""

    hosts: str
    before: str
    trace: Path | None


class WebProcess:
    """One web app's server."""

    def __init__(self, account: Account, domain: str, python: str, cwd: str, more: Options) -> None:
        self._account, self.python = account, python
        id = account.webapps[domain]["id"]
        self.socket, self._fifo = account.root / f"{id}.sock", account.root / f"{id}.fifo"
        self._log = account.real(f"/var/log/{domain}.error.log")
        wsgi = f"/var/www/{domain.replace('.', '_').lower()}_wsgi.py"
        account.real(cwd).mkdir(parents=True, exist_ok=True)
        env = {
            "PATH": os.environ["PATH"], "PA_USER": account.username, "PA_ROOT": str(account.root), "PA_CWD": cwd,
            "PA_TOKEN": account.token, "PA_DOMAIN": domain, "PA_ID": str(id), "PA_WSGI": wsgi,
            "PA_VENV": str(server_venv(python)),
            "PA_PYTHONS": " ".join(f"{p}={interpreter(p)}" for p in account.pythons),
            "PA_HOSTS": more.hosts, "PA_BEFORE": more.before,
        }  # fmt: skip
        words = [*GUARD, *TRACE, "-o", str(more.trace)] if more.trace else [*GUARD]
        words += ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "sh", "-c", SCRIPT]
        self.output = (account.root / "unshare.log").open("wb")
        self._process = subprocess.Popen(
            words, env=env, stdin=subprocess.PIPE, stdout=self.output, stderr=subprocess.STDOUT, start_new_session=True
        )
        self._wait(self._spawned() if self._log.exists() else 0)

    def reload(self) -> None:
        """Gracefully: the worker ends its request, then a new process loads everything anew."""
        before = self._spawned()
        descriptor = os.open(self._fifo, os.O_WRONLY | os.O_NONBLOCK)
        os.write(descriptor, b"r")
        os.close(descriptor)
        self._wait(before)

    def _spawned(self) -> int:
        return self._log.read_bytes().count(b"spawned uWSGI worker 1 ") if self._log.exists() else 0

    def _wait(self, before: int) -> None:
        end = time.monotonic() + 100
        while self._spawned() <= before:
            if time.monotonic() > end or self._process.poll() is not None:
                raise RuntimeError("the web app's server did not start: " + self._account.read("unshare.log")[-2000:])
            time.sleep(0.02)

    def stop(self) -> None:
        """End the server and everything in its namespace."""
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.communicate(timeout=10)
        self.output.close()
