"""What can be asked or done besides a push: status, logs, run, restart, down."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from paasctl.errors import UsageError
from paasctl.model import LogLine, Observed, Plan, ProcessStatus, Say, Status, Step
from paasctl.secret import Secret

from . import mending, takeover, webapp
from .account import Account
from .jobs import Job, run_job
from .observing import all_releases
from .push import Seen
from .remarks import is_free

#: The platform's logs, and the names that `paasctl logs --process` takes.
LOGS = ("server", "error", "access")
FOLLOW = 5.0
EXPIRY_WARNING = 14


def status(account: Account, learn: Callable[[Mapping[str, Secret]], None]) -> Status:
    """What is live, whether it is well, and what the platform says of the web app and the plan.

    Args:
        learn: told the values that are not to be shown; the error of an app that does not start may hold them.
    """
    active = account.active()
    learn({name: Secret(value) for name, value in active.env.items()})
    found = webapp.find(account.api.webapps(), account.settings.domain)
    live = active.live if active.live and active.live.record else None
    facts = {
        **platform_facts(account, found),
        "releases kept": str(sum(r.code is not None for r in live.releases) if live else 0),
    }
    warnings = expiry_warnings(account, found)
    if live is None:
        return Status(exists=False, url=account.url, health="nothing is live", facts=facts, warnings=tuple(warnings))
    release = next(r for r in all_releases(active) if r.id == live.release)
    word = mending.ask(account, live)
    return Status(
        exists=True,
        url=account.url,
        live=release,
        healthy=word.healthy,
        health=word.problem,
        processes=(ProcessStatus("web", "running" if word.said and word.said.serves else "unknown"),),
        facts={**facts, **({"Python": word.said.python} if word.said else {})},
        warnings=(*warnings, *([] if active.intact else ["the env file was changed by hand in the account"])),
    )


def platform_facts(account: Account, found: Mapping[str, Any] | None) -> dict[str, str]:
    """The plan as far as it shows, and until when a free account's site runs."""
    limit = account.api.cpu().get("daily_cpu_limit_seconds")
    free = limit == 100 or is_free(found)
    facts = {"plan": "free: one worker, no always-on tasks" if free else "paid"}
    if found is not None and found.get("expiry"):
        facts["runs until"] = str(found["expiry"])
    if found is not None and found.get("enabled") is False:
        facts["web app"] = "disabled"
    return facts


def expiry_warnings(account: Account, found: Mapping[str, Any] | None) -> list[str]:
    """A free account's site stops after a month unless a button is pressed; nothing but the button extends it."""
    if found is None:
        return ["the web app does not exist on PythonAnywhere"]
    try:
        ends = datetime.fromisoformat(str(found.get("expiry"))).date()
    except ValueError:
        return []
    left = (ends - datetime.fromtimestamp(account.clock.time(), UTC).date()).days
    if left > EXPIRY_WARNING:
        return []
    host = account.settings.api.url
    when = "today" if left == 0 else f"in {left} day{'s' * (left > 1)}, on {ends}"
    what = f"the site is switched off {when}" if left >= 0 else f"the site has been switched off since {ends}"
    return [f"{what}: press 'Run until 1 month from today' on {host}/user/{account.settings.username}/webapps/"]


def logs(account: Account, process: str | None, lines: int, follow: bool) -> Iterator[LogLine]:
    """The last lines of the server and error logs (or of one that is named), then each new line.

    The API gives whole files only, so following asks every five seconds, within its pace.
    """
    if process not in (None, "web", *LOGS):
        raise UsageError(f"there is no log {process}", hint=f"one of {', '.join(LOGS)}")
    names = (process,) if process in LOGS else ("server", "error")
    seen: dict[str, int] = {}
    for name in names:
        data = _log(account, name)
        whole = data.decode("utf-8", "replace").splitlines()
        seen[name] = len(data)
        yield from (LogLine(name, line) for line in (whole[-lines:] if lines else []))
    while follow:
        account.clock.sleep(FOLLOW * len(names))
        for name in names:
            data = _log(account, name)
            start = seen[name] if len(data) >= seen[name] else 0
            end = data.rfind(b"\n") + 1
            seen[name] = max(end, start)
            yield from (LogLine(name, line) for line in data[start:end].decode("utf-8", "replace").splitlines())


def _log(account: Account, name: str) -> bytes:
    return account.api.read(f"/var/log/{account.settings.domain}.{name}.log") or b""


def run(account: Account, command: Sequence[str]) -> int:
    """Run a command in the live release, inside one request to the site: at most 280 seconds, no input.

    Its output goes where a child's would have gone; its status is the answer.
    """
    active = account.active()
    if active.live is None or active.live.record is None:
        raise UsageError("nothing is live on this target", hint="`paasctl push` first")
    through = ("python", "-m", "_paasctl_runtime") if active.live.record.runtime else ()
    result = run_job(account, active.live.key, Job("run", (*through, *command)), lambda line: None)
    sys.stdout.buffer.write(str(result.get("output", "")).encode("utf-8", "replace"))
    sys.stdout.flush()
    return int(result["rc"])


def restart(account: Account, observed: Observed) -> Plan:
    """Reload the web app, set right where somebody changed it by hand, and see that the same release serves."""
    seen: Seen = observed.extra
    if seen.live is None:
        raise UsageError("nothing is live on this target", hint="`paasctl push` first")
    return mending.plan(account, seen.live)


def down(account: Account, observed: Observed, purge: bool) -> Plan:
    """Take the app off: the web app, our files and its WSGI file; the data only with ``purge``.

    A site made by hand whose takeover was interrupted comes back (and is reloaded, where that is all that was missing);
    one that was never taken over is not touched.
    """
    seen: Seen = observed.extra
    ours = seen.live is not None or seen.webapp is None or seen.ours
    data = (_step(account, "delete the data that outlives releases", account.data),) if purge else ()
    note = () if purge else (f"the data stays in {account.data}; --purge deletes it too",)
    if seen.live is None and seen.webapp is not None and seen.ours and seen.theirs:
        return Plan(commit=(_putting_back(account),), finish=data, url=account.url, notes=note)
    paths = [account.path(), account.public, *([account.settings.wsgi] if ours else [])]
    finish = (_step(account, "delete the releases and their env", *paths, shown=False), *data)
    if not ours and takeover.is_kept(account):
        return Plan(commit=(_reloading(account),), finish=finish, url=account.url, notes=note)
    if seen.live is None and (seen.webapp is None or not ours):
        return Plan(finish=finish if purge else (), url=account.url)
    domain = account.settings.domain

    def delete_site(say: Say) -> None:
        with account.telling(say):
            account.api.delete_webapp(domain)

    if takeover.is_kept(account):
        note = (*note, f"the copy of the site that was there before goes too: {account.path('before')}")
    return Plan(commit=(Step(f"delete the web app {domain}", delete_site),), finish=finish, notes=note)


def _step(account: Account, title: str, *paths: str, shown: bool = True) -> Step:
    def delete(say: Say) -> None:
        with account.telling(say):
            for path in paths:
                account.api.remove(path)

    return Step(title, delete, paths if shown else ())


def _putting_back(account: Account) -> Step:
    def put_back(say: Say) -> None:
        with account.telling(say):
            mappings = account.api.static_files(account.settings.domain)
            found = {str(m.get("url")): str(m.get("path")) for m in mappings}
            ours = {url: path for url, path in found.items() if is_below(path, account.public, account.path())}
            takeover.put_back(account, ours, say)

    return Step("put back the site that was there, and delete what was uploaded", put_back)


def _reloading(account: Account) -> Step:
    def reload(say: Say) -> None:
        with account.telling(say):
            mending.say_warning(account.api.reload(account.settings.domain), say)

    return Step("reload the site that was there", reload)


def is_below(path: str, *folders: str) -> bool:
    """Whether a path is one of some folders, or lies in one."""
    return any(f"{path}/".startswith(folder.rstrip("/") + "/") for folder in folders)
