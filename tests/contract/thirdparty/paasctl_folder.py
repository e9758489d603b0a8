"""A target for paasctl: a folder that some web server serves, where one rename makes a release live."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

from paasctl.bundle import read_content
from paasctl.errors import PaasctlError, UsageError
from paasctl.health import probe
from paasctl.manifest import Manifest
from paasctl.model import Desired, Observed, Plan, PlatformFacts, Release, Say, Setting, Step
from paasctl.secret import Secret
from paasctl.sync import EnvChanges
from paasctl.target import OPERATIONS, Context

KEPT = 5


class FolderTarget:
    """``path/releases/rN`` are releases (``code/`` and ``release.json``), ``path/current`` links to the live one."""

    facts = PlatformFacts(log="stderr", log_reason="the web server keeps what the app says", services_beside_app=True)

    def __init__(self, path: Path, url: str) -> None:
        self._path, self._url = path, url

    def observe(self) -> Observed:
        found = {file.parent.name: json.loads(file.read_text()) for file in self._path.glob("releases/r*/release.json")}
        current = self._path / "current"
        live = found.get(current.readlink().name) if current.is_symlink() else None
        releases = [release(document, live) for document in found.values()]
        return Observed(
            exists=bool(found),
            env={name: Secret(value) for name, value in live["env"].items()} if live else {},
            manifest=Manifest.from_json(live["manifest"]) if live else None,
            live=release(live, live) if live else None,
            releases=tuple(sorted(releases, key=lambda each: int(each.id[1:]))),
            url=self._url,
        )

    def plan(self, desired: Desired, observed: Observed, changes: EnvChanges) -> Plan:
        old = observed.live
        digest = desired.bundle.digest if desired.bundle else old.digest if old else None
        if digest is None:
            raise UsageError("there is no release yet whose env could change", hint="push the code too")
        if old and old.digest == digest and not (changes.writes or changes.bookkeeping):
            return Plan(url=self._url)
        new = f"r{int(observed.releases[-1].id[1:]) + 1 if observed.releases else 1}"
        who = desired.provenance
        made = Release(new, datetime.now(UTC), who.who, "pending", digest, who.commit, who.dirty)

        def write(say: Say) -> None:
            self._write(made, desired, changes, old)

        def check(say: Say) -> None:
            health = probe(self._url, desired.app.health)
            if not health:
                raise PaasctlError(f"{new} is not healthy: {health.detail}", hint="see the web server's log")
            self._mark(new, "good")

        def back(say: Say) -> None:
            self._switch(old.id if old else None)
            self._mark(new, "failed")

        return Plan(
            prepare=(Step(f"write {new}", write),),
            commit=(Step(f"make {new} current", lambda say: self._switch(new)),),
            verify=(Step(f"ask {self._url} for its health", check),),
            finish=(Step(f"keep the last {KEPT} releases", lambda say: self._prune(new)),),
            undo=Step(f"make {old.id} current again" if old else "make nothing current again", back),
            url=self._url,
        )

    def _write(self, made: Release, desired: Desired, changes: EnvChanges, old: Release | None) -> None:
        folder = self._path / "releases" / made.id
        shutil.rmtree(folder, ignore_errors=True)  # of a push that was killed
        folder.mkdir(parents=True)
        if desired.bundle is None and old:
            shutil.copytree(folder.parent / old.id / "code", folder / "code", symlinks=True)
        for file in desired.bundle.files if desired.bundle else ():
            target = folder / "code" / file.path
            target.parent.mkdir(parents=True, exist_ok=True)
            if file.link is not None:
                target.symlink_to(file.link)
            else:
                target.write_bytes(b"".join(read_content(file)))
                target.chmod(file.mode)
        env = {name: value.reveal() for name, value in changes.result.items()}
        document = {**asdict(made), "when": made.when.isoformat(), "env": env, "manifest": changes.manifest.to_json()}
        self._save(folder, document)

    def _save(self, folder: Path, document: Mapping[str, Any]) -> None:
        (folder / "new").touch(mode=0o600)  # before there is a value in it
        (folder / "new").write_text(json.dumps(document))
        (folder / "new").rename(folder / "release.json")

    def _mark(self, name: str, state: str) -> None:
        folder = self._path / "releases" / name
        self._save(folder, {**json.loads((folder / "release.json").read_text()), "state": state})

    def _switch(self, name: str | None) -> None:
        if name is None:
            (self._path / "current").unlink(missing_ok=True)
            return
        new = self._path / "current.new"
        new.unlink(missing_ok=True)
        new.symlink_to(Path("releases", name))
        new.rename(self._path / "current")

    def _prune(self, live: str) -> None:
        folders = sorted(self._path.glob("releases/r*"), key=lambda folder: int(folder.name[1:]))
        for folder in folders[:-KEPT]:
            if folder.name != live:
                shutil.rmtree(folder)

    def releases(self) -> Sequence[Release]:
        return self.observe().releases

    def close(self) -> None:
        pass


def release(document: Mapping[str, Any], live: Mapping[str, Any] | None) -> Release:
    """A release as ``release.json`` says it."""
    known = {key: document[key] for key in ("id", "who", "digest", "commit", "dirty", "note")}
    state: Any = "live" if document is live else document["state"]
    return Release(when=datetime.fromisoformat(document["when"]), state=state, **known)


class Folder:
    """What the entry point names."""

    summary: ClassVar[str] = "a folder that a web server serves"
    settings: ClassVar[Mapping[str, Setting]] = {
        "path": Setting(str, "the folder; its `current/code` is what the web server must serve"),
        "url": Setting(str, "the site's address, which is asked for its health"),
    }
    abilities: ClassVar[Mapping[str, str]] = {
        **dict.fromkeys(OPERATIONS, "log in to the web server's machine; a folder cannot do it"),
        "releases": "",
        "rollback": "check out the old commit and push it",
    }

    @staticmethod
    def connect(name: str, settings: Mapping[str, Any], context: Context) -> FolderTarget:
        for key in ("path", "url"):
            if key not in settings:
                raise UsageError(f"[targets.{name}] has no {key}", hint=f'add {key} = "..." to it in paasctl.toml')
        return FolderTarget(context.root / settings["path"], settings["url"])
