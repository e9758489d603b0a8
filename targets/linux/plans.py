"""The plans for an app on a host: push, rollback, restart, down, unlock. No I/O happens while they are made."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from paasctl.errors import PaasctlError, UsageError
from paasctl.model import Bundle, Desired, Observed, Plan, Say, Step
from paasctl.sync import EnvChanges
from paasctl.words import counted

from .channel import Channel
from .databases import each_its_own
from .prepared import require_processes
from .remarks import (
    ANOTHER_PATH,
    CHANGED,
    REMADE,
    UNKNOWN_HOST,
    ahead,
    copied,
    gaps,
    interrupted,
    refused,
    serves,
    unserved,
)
from .spec import Spec, same_env
from .state import HostState
from .upload import Base, size, upload

#: what an interruption leaves behind
MIGRATING = "what visitors see is as it was, but the release command may have changed the database"
REMOVING = "a part of the app may be gone; run the same command again"


@dataclass(frozen=True, slots=True)
class Planner:
    """Makes the plans of one app on one host; ``channel`` is used by the steps alone."""

    channel: Channel
    who: str
    cache: Path
    target: str
    host: str
    #: the highest number of a release on any host of a fleet, and whether this host runs the release command
    numbers: int = 0
    first: bool = True
    #: whether to make a new release although the live one is what is desired: another host of the fleet has another one
    anew: bool = False
    #: what the web server in front must know of the configuration
    site: Mapping[str, str] = field(default_factory=dict)
    #: the site's address, with a place for the port
    url: str = ""
    #: whether uv installs the requirements there, and not pip
    uv: bool = False

    def push(self, desired: Desired, observed: Observed, changes: EnvChanges) -> Plan:
        """From what is to what is desired; empty when nothing differs.

        Raises:
            UsageError: the host is not prepared for what is desired.
            PaasctlError: the env on the host cannot be read, and nobody said that it may be written anew.
        """
        state: HostState = observed.extra
        if state.lost and not desired.force:
            raise PaasctlError(f"{state.lost}; nothing was changed", hint="--force writes it anew from your .env")
        spec = Spec.desired(desired, state, self.host, uv=self.uv)
        require_setup(self.target, state, spec, self.site)
        same = state.live is not None and not state.lost and same_env(observed, changes)
        if state.live and same and spec.content == state.live["spec"] and not self.anew:
            return self._settle(desired, spec, state)
        number = max(state.last, self.numbers) + 1
        env = state.live["env"] if state.live and same else f"e{number}"
        undo_to = self._undo_to(state)
        document = spec.document(number, desired, env, state.live, undo_to)
        return Plan(
            prepare=(
                self._lock(state, "a push", document),
                *self._code(desired, document, spec, state),
                self._write(document, state, changes),
                *self._collect(document, state),
                *self._try_out(document, state, self.first or each_its_own(desired.app, changes)),
            ),
            commit=(self._switch(document["id"], state, undo_to),),
            verify=(self._roll(document["id"], document, state),),
            finish=(self._prune(),),
            undo=self._undo(document["id"], undo_to),
            undone=serves(undo_to),
            late_warnings=self._answers,
            url=self._at(document),
            warnings=(*gaps(document, state), *unserved(desired, state)),
            notes=(*interrupted(state), *copied(desired)),
        )

    def rollback(self, observed: Observed, release: str | None) -> Plan:
        """To an earlier good release: code and env together.

        Raises:
            UsageError: there is no such release, it never was good, or the host is prepared for other processes.
        """
        state: HostState = observed.extra
        document = state.documents[self._choose(state, release)]
        require_processes(self.target, state, document)
        undo_to = self._undo_to(state)
        chosen, goes_on = document["id"], state.live is not None and document["id"] == state.live["id"]
        check = Step(f"check that {chosen} is whole", lambda say: self._call("repair", say, release=chosen))
        return Plan(
            prepare=(self._lock(state, "a rollback", document), check, self._canary(document, state)),
            commit=(self._switch(document["id"], state, undo_to),),
            verify=(self._roll(document["id"], document, state),),
            finish=(self._prune(),),
            undo=self._undo(document["id"], undo_to),
            undone=serves(undo_to),
            again=f"see `paasctl status {self.target}`, then run `paasctl rollback {self.target} {chosen}`: "
            "with its ID it goes no further back",
            late_warnings=self._answers,
            url=self._at(document),
            notes=tuple(interrupted(state) if goes_on else ()),
            warnings=(*gaps(document, state), *ahead(document, state)),
        )

    def restart(self, observed: Observed) -> Plan:
        """Every process of the live release, one after the other.

        Raises:
            UsageError: nothing is live, or the host is prepared for other processes.
        """
        state: HostState = observed.extra
        live = self._need_live(state)
        require_processes(self.target, state, live)
        title = f"restart the processes of {live['id']} one after the other"
        release = live["id"]
        return Plan(
            prepare=(self._lock(state, "a restart", live),),
            commit=(Step(title, lambda say: self._call("restart", say)),),
            undo=Step(
                f"bring every process of {release} up again", lambda say: self._call("roll", say, release=release)
            ),
            undone=f"then every process of {release} was brought up again",
            url=self._at(live),
            warnings=tuple(gaps(live, state)),
        )

    def down(self, observed: Observed, purge: bool) -> Plan:
        """Take the app off the host; its data stays unless ``purge``."""
        state: HostState = observed.extra
        if not observed.exists and not state.begun and not purge:
            return Plan()
        what = "code, env, logs and DATA" if purge else "code, env and logs (data is kept)"
        title = f"stop the processes and remove {what}"

        def take_down(say: Say) -> None:
            self._call("down", say, purge=purge)
            self.cache.unlink(missing_ok=True)  # what it remembers of the host is not there any more

        step = Step(title, take_down, leaves=REMOVING)
        return Plan(prepare=(self._lock(state, "taking the app down"), step))

    def unlock(self, owner: Mapping[str, Any] | None) -> Plan:
        """End the command that holds the lock."""
        if owner is None:
            return Plan()
        what = f"end {owner.get('what', 'a command')} of {owner.get('who', 'somebody')} (since {owner.get('since')})"
        return Plan(prepare=(Step(what, lambda say: self._call("unlock", say)),))

    # ----------------------------------------------------------------------------------------------- the steps

    def _call(self, name: str, say: Say, **args: Any) -> None:
        self.channel.call(name, say, **args)

    def _lock(self, state: HostState, what: str, release: Mapping[str, Any] | None = None) -> Step:
        """Take the lock; ``release`` is the one that will be live, whose port must be free or this app's; None: none
        will be."""
        port = release["port"] if release else None
        live = state.live["id"] if state.live else None
        expected = {"live": live, "last": state.last, "unfinished": state.unfinished}
        return Step("lock the app", lambda say: self._call("lock", say, who=self.who, what=what, port=port, **expected))

    def _code(self, desired: Desired, document: Mapping[str, Any], spec: Spec, state: HostState) -> list[Step]:
        if desired.bundle is None:
            return []
        there = state.live is not None and state.whole and state.live["tree"] == document["tree"]
        upload = [] if there else [self._upload(desired, desired.bundle, document, state)]
        install = [] if document["venv"] in state.venvs else [self._install(desired, document, spec)]
        return [*upload, *install]

    def _upload(self, desired: Desired, bundle: Bundle, document: Mapping[str, Any], state: HostState) -> Step:
        def send(say: Say) -> None:
            upload(self.channel, bundle, desired.app.persist, document["built"], state.base, say)
            Base.save(self.cache, document["tree"], bundle)

        title = f"upload the code {bundle.digest[:12]} ({counted(len(bundle.files), 'file')}, {size(bundle.size)})"
        kept = (f"outlives releases: {', '.join(desired.app.persist)}",) if desired.app.persist else ()
        return Step(title, send, kept)

    def _install(self, desired: Desired, document: Mapping[str, Any], spec: Spec) -> Step:
        source = desired.app.dependencies.file or "no dependency file"
        added = [f"+ {name} (added by paasctl)" for name in desired.app.dependencies.added]
        args = {
            "venv": document["venv"],
            "python": document["python"],
            "requirements": spec.requirements,
            "constraints": spec.constraints,
            "tree": document["tree"],
            "local": desired.app.dependencies.local,
        }
        title = f"install the dependencies ({source}) for Python {document['python']}"
        return Step(title, lambda say: self._call("venv", say, **args), tuple(added))

    def _write(self, document: Mapping[str, Any], state: HostState, changes: EnvChanges) -> Step:
        fresh = state.live is None or document["env"] != state.live["env"]
        title = f"write {document['id']}" + (" and its env" if fresh else " (the env stays)")

        def write(say: Say) -> None:
            env = {name: value.reveal() for name, value in changes.result.items()} if fresh else None
            self._call("release", say, document=document, env=env, manifest=changes.manifest.to_json())

        return Step(title, write)

    def _collect(self, document: Mapping[str, Any], state: HostState) -> list[Step]:
        if not document["built"] or (state.live and state.live["tree"] == document["tree"]):
            return []
        release, title = document["id"], f"collect the static files into {', '.join(document['built'])}"
        return [Step(title, lambda say: self._call("collect", say, release=release))]

    def _try_out(self, document: Mapping[str, Any], state: HostState, releases: bool) -> list[Step]:
        release, command = document["id"], document["release_command"]
        steps = []
        done = {key: document[key] for key in ("tree", "venv", "env", "release_command")}
        if releases and command and any(state.released.get(key) != value for key, value in done.items()):
            if state.live and document["runtime"]:
                title = f"import the app in {release}"
                steps.append(Step(title, lambda say: self._call("preflight", say, release=release)))
            title = f"run the release command: {shown(command)}"
            steps.append(Step(title, lambda say: self._call("release_command", say, release=release), leaves=MIGRATING))
        return [*steps, self._canary(document, state)]

    def _canary(self, document: Mapping[str, Any], state: HostState) -> Step:
        release, path = document["id"], document["health"] or "/"
        if state.live and state.live["id"] == release:
            title = f"start one more process of {release}, where no visitor comes, and check its health at {path}"
        else:
            beside = f" beside {state.live['id']}" if state.live else ""
            title = f"start {release}{beside} and check its health at {path}"
        return Step(title, lambda say: self._call("canary", say, release=release))

    def _switch(self, release: str, state: HostState, undo_to: str | None) -> Step:
        before = state.live["id"] if state.live else ""
        title = f"make {release} current" + (f" (was {before})" if before else "")
        if before == release:
            title = f"keep {release} current"
        return Step(title, lambda say: self._call("switch", say, release=release, undo_to=undo_to))

    def _roll(self, release: str, document: Mapping[str, Any], state: HostState) -> Step:
        counts = [f"{name} x {settings['instances']}" for name, settings in sorted(document["settings"].items())]
        verb = "restart one after the other" if state.live else "start"
        if state.live and state.live["id"] == release:
            verb = f"start what does not run {release}"
        title = f"{verb}, each checked: {', '.join(counts)}"
        return Step(title, lambda say: self._call("roll", say, release=release))

    def _prune(self) -> Step:
        return Step("remove what no kept release needs", lambda say: self._call("prune", say))

    def _undo(self, release: str, undo_to: str | None) -> Step:
        title = f"switch back to {undo_to}" if undo_to else "stop the processes again"
        return Step(title, lambda say: self._call("undo", say, release=release, undo_to=undo_to))

    def _at(self, document: Mapping[str, Any]) -> str:
        """Where a release answers once it is live."""
        return self.url.format(port=document["port"])

    def _answers(self) -> list[str]:
        """What a visitor of the live release is answered, where it is not what a visitor wants."""
        report = self.channel.call("answer")
        if report["healthy"] is False:
            return [f"it runs, and visitors do not reach it: {report['problem']}; see `paasctl status {self.target}`"]
        answer = refused(report)
        return [f"{answer}; {UNKNOWN_HOST if report['answer'] == 400 else ANOTHER_PATH}"] if answer else []

    def _settle(self, desired: Desired, spec: Spec, state: HostState) -> Plan:
        """Nothing differs; but a killed push, processes that are down or what was changed are brought in order."""
        assert state.live is not None
        mend = desired.bundle if not state.whole else None
        lacks = desired.bundle is not None and state.live["venv_name"] not in state.venvs
        if state.settled and not mend and not lacks:
            return Plan(url=self._at(state.live))
        release = state.live["id"]
        code = [self._upload(desired, mend, state.live, state)] if mend else []
        code += [self._install(desired, {**state.live, "venv": state.live["venv_name"]}, spec)] if lacks else []
        canary = [] if release in state.good else [self._canary(state.live, state)]
        return Plan(
            prepare=(self._lock(state, "a push", state.live), *code, *canary),
            commit=(self._switch(release, state, self._undo_to(state)),),
            verify=(self._roll(release, state.live, state),),
            finish=(self._prune(),),
            undo=self._undo(release, self._undo_to(state)),
            undone=serves(self._undo_to(state)),
            late_warnings=self._answers,
            url=self._at(state.live),
            notes=(*interrupted(state), *([CHANGED] if mend else [REMADE] if state.remade else [])),
        )

    def _undo_to(self, state: HostState) -> str | None:
        live = state.live["id"] if state.live else None
        return live if live in state.good else state.good_before(live)

    def _choose(self, state: HostState, release: str | None) -> str:
        live = self._need_live(state)["id"]
        chosen = release or state.goal
        if chosen is None:
            raise UsageError(f"there is no good release before {live}", hint="`paasctl releases` lists them")
        if chosen == live and not state.half_back:
            raise UsageError(f"{chosen} is live already", hint="`paasctl releases` lists the others")
        if chosen not in state.good:
            known = ", ".join(name for name in state.good if name != live) or "none"
            raise UsageError(f"there is no good release {chosen}", hint=f"good ones that are still there: {known}")
        return chosen

    def _need_live(self, state: HostState) -> Mapping[str, Any]:
        if state.live is None:
            raise UsageError("nothing is live here yet", hint="push first")
        return state.live


def require_setup(target: str, state: HostState, spec: Spec, site: Mapping[str, str]) -> None:
    """On a host whose Supervisor and web server belong to root, they must fit what is to be pushed.

    Raises:
        UsageError: they do not; a push has no right to change them.
    """
    if state.setup is None:
        return
    hint = f"run `paasctl setup {target}`, then push again"
    if not state.setup:
        raise UsageError("the host is not prepared for this app; nothing was changed", hint=hint)
    for key, value in site.items():
        if state.setup[key] != value:
            raise UsageError(f"{key} is not the one that the host is prepared for; nothing was changed", hint=hint)
    if set(state.setup["static"]) != set(spec.content["static"]):
        raise UsageError("the static folders are not those that the host is prepared for", hint=hint)
    wanted = {n: {k: each[k] for k in ("instances", "stop_wait")} for n, each in spec.content["settings"].items()}
    if state.setup["settings"] != wanted:
        raise UsageError("the app's processes are not those that the host is prepared for", hint=hint)
    if state.setup["handover"] != spec.content["handover"]:
        raise UsageError("the web line takes its requests in another way than the host is prepared for", hint=hint)


def shown(command: str) -> str:
    """A line as its author wrote it, or nearly so."""
    return re.sub(r"( PAASCTL_ASSIGNED=[^;]+; export [^;]+; exec)? ?python -m _paasctl_runtime ", r" ", command).strip()
