"""A job: one command in a release's code and env, run inside one signed request."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import time
from typing import Any, Dict, List, Optional

from .document import HEX, Document, check_record, need
from .places import Invalid, Places, exclusive, read_json, say, write_json
from .release import Release
from .site import PRISTINE, import_path, kind_of, platform_env, reason
from .state import State

#: Seconds for all that a job's request does: the platform ends a request after 300.
JOB_LIMIT = 280
#: Seconds to wait for the lock at the end of a job, which are within the platform's 300 too.
MARK_WAIT = 10.0
#: Bytes of output that are kept, the last ones.
OUTPUT_LIMIT = 512 * 1024


class Refused(Exception):
    """A job that is not run; ``kind`` and the text say why, for whoever signed the request."""

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(text)
        self.kind = kind


def job_file(places: Places, id: str) -> Optional[Dict[str, Any]]:
    """The uploaded description of a job, or None when there is none (any more).

    Raises:
        Invalid: it is damaged.
    """
    if not HEX.fullmatch(id):
        return None
    job = read_json(places.path("jobs", id + ".json"))
    if job is None or "rc" in job or "started" in job:
        return None
    if need(job, "id", HEX) != id or job.get("kind") not in ("release", "run"):
        raise Invalid("the job is not what paasctl writes")
    argv = job.get("argv")
    if not isinstance(argv, list) or not argv or not all(isinstance(a, str) and a and "\0" not in a for a in argv):
        raise Invalid("the job has no command")
    return job


def run_job(places: Places, id: str, limit: float = JOB_LIMIT) -> Dict[str, Any]:
    """Run a job that was uploaded, once, and remember its result.

    Raises:
        Refused: there is no such job (any more), another one runs, or the release that it was made for is not live.
    """
    end = time.monotonic() + limit
    with exclusive(places.path("jobs", "lock"), 0.0) as got:
        if not got:
            raise Refused("busy", "another job is running")
        try:
            job = job_file(places, id)
            if job is None:
                raise Refused("gone", "there is no such job")
            state = State(places)
            record = _record(job, state)
            write_json(places.path("jobs", id + ".json"), dict(job, started=int(time.time())))
            result = _run(places, job, record, _key(job, state), end)
        except (Invalid, OSError) as error:
            kind = "full" if kind_of(error) == "full" else "failed"
            result = {"rc": 125, "output": reason(error), "seconds": 0.0, "kind": kind}
        _remember(places, id, result)
    say("a job ended with status %d" % result["rc"])
    return result


def _run(places: Places, job: Dict[str, Any], record: Document, key: str, end: float) -> Dict[str, Any]:
    release = Release(places, record)
    with exclusive(places.path("lock"), 90.0):
        release.lay()
        if job["kind"] == "run":
            _note_released(places, "")  # it may undo what the release command did: `migrate shop down`
    values, _ = release.env(key)
    argv = ["/bin/sh", "-c", job["argv"][0]] if job["kind"] == "release" else job["argv"]
    started = time.monotonic()
    if end - started < 1:  # better not begun than ended at once
        raise Invalid("no time was left for it after the release was unpacked")
    code, output = execute(argv, release.code, environment(release, record, values), end - started)
    if code == 0 and job["kind"] == "release":
        _mark_released(places, str(job.get("fingerprint") or ""))
    seconds = round(time.monotonic() - started, 1)
    return {"rc": code, "output": output.decode("utf-8", "replace"), "seconds": seconds, "kind": job["kind"]}


def _record(job: Dict[str, Any], state: State) -> Document:
    """The release that a job belongs to: one that is to become live, or the live one."""
    live = state.live
    if job["kind"] == "release":
        parents = job.get("parents")
        if live is not None and (not isinstance(parents, list) or live["id"] not in parents):
            raise Refused("conflict", "%s pushed meanwhile; release %s is live" % (live["who"], live["release"]))
        record = job.get("record")
        if not isinstance(record, dict):
            raise Invalid("the job has no release")
        return check_record(record)
    found = next((r for r in live["releases"] if r.get("id") == live["release"]), None) if live else None
    if found is None:
        raise Refused("gone", "nothing is live")
    return found  # type: ignore[no-any-return]


def _key(job: Dict[str, Any], state: State) -> str:
    return str(state.live["key"] if state.live else job.get("key"))


def _mark_released(places: Places, fingerprint: str) -> None:
    with exclusive(places.path("lock"), MARK_WAIT) as got:
        if got:  # else the command is run once more by the next push
            _note_released(places, fingerprint)


def _note_released(places: Places, fingerprint: str) -> None:
    """Note what the last release command looked at; "" lets the next push run it. The caller holds the lock."""
    state = State(places)
    if state.released != fingerprint:
        state.released = fingerprint
        state.try_to_save()


def _remember(places: Places, id: str, result: Dict[str, Any]) -> None:
    """A job that ran is never run again; its result can still be read when the answer was lost."""
    path = places.path("jobs", id + ".json")
    try:
        write_json(path, dict(result, id=id))
    except OSError:
        os.unlink(path)


def environment(release: Release, record: Document, values: Dict[str, str]) -> Dict[str, str]:
    """The environment of a job: the platform's own, the release's env, its packages and programs first."""
    env = dict(PRISTINE, **values)
    env.update(platform_env(release, record))
    env["VIRTUAL_ENV"] = release.layer
    env["PATH"] = os.pathsep.join([os.path.join(release.layer, "bin"), PRISTINE.get("PATH", "/usr/bin:/bin")])
    env["PYTHONPATH"] = os.pathsep.join(import_path(release, values))
    return env


def execute(argv: List[str], folder: str, env: Dict[str, str], limit: float) -> "tuple[int, bytes]":
    """Run a command in its own process group; its status (124: out of time, 127: not found) and last output."""
    try:
        process = subprocess.Popen(
            argv,
            cwd=folder,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    except OSError as error:
        return 127, ("%s: %s\n" % (argv[0], error.strerror)).encode()
    try:
        output, in_time = _read(process, time.monotonic() + limit)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # also what the command left behind
    code = process.wait()
    if not in_time:
        return 124, output + ("\npaasctl: ended after %d s: the platform allows a request 300\n" % limit).encode()
    return (128 - code if code < 0 else code), output


def _read(process: "subprocess.Popen[bytes]", end: float) -> "tuple[bytes, bool]":
    """The last output of a process, and whether it ended in time. Without a thread: the platform allows none."""
    assert process.stdout is not None
    kept = b""
    with process.stdout as stream:
        while True:
            left = end - time.monotonic()
            if left <= 0:
                return kept, False
            ready, _, _ = select.select([stream], [], [], min(left, 0.5))
            if ready:
                block = os.read(stream.fileno(), 65536)
                if not block:
                    break
                kept = (kept + block)[-OUTPUT_LIMIT:]
            elif process.poll() is not None:
                break  # it ended and left somebody behind who holds the pipe
    while process.poll() is None:
        if time.monotonic() >= end:
            return kept, False
        time.sleep(0.02)
    return kept, True
