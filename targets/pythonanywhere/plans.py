"""The plans of a push and of what else changes a site: data and steps, made without any request."""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass, replace

from paasctl.errors import UsageError
from paasctl.model import Bundle, Desired, Observed, Plan, Step
from paasctl.sync import EnvChanges
from paasctl.words import counted

from .account import Account
from .archives import code_name
from .checking import check_app, mapped, slug
from .documents import Deploy, Record, now, number, way_to
from .layers import layer_name
from .push import Push, Seen
from .remarks import ahead, databases, is_free, left_to_the_app, refused, waiting, warnings
from .stub import digest
from .switching import Switch
from .webapp import WebApp

#: Release commands that do nothing but bring the database to the newest migration.
MIGRATION = re.compile(
    r"(?:python3? -m _paasctl_runtime )?"
    r"(flask db upgrade|alembic upgrade heads?|(python3? )?manage\.py migrate( --no-?input)?|django-admin migrate)"
)
MIGRATIONS = re.compile(r"(^|/)(migrations|alembic|versions)/|(^|/)alembic\.ini$")
MIGRATING = "what visitors see is as it was, but the release command may have changed the database"


@dataclass(frozen=True, slots=True)
class Planner:
    """Makes the plans of one app in one account."""

    account: Account

    def push(self, desired: Desired, observed: Observed, changes: EnvChanges) -> Plan:
        """From what is to what is desired; empty when nothing differs.

        Raises:
            UsageError: the app cannot run on this platform, or an env-only push where nothing is live.
        """
        seen: Seen = observed.extra
        check_app(desired)
        self._check_takeover(desired, seen)
        base = seen.base
        record, layer = self._record(desired, seen, base)
        record = replace(record, manifest=changes.manifest.to_json())
        env = changes.writes or changes.bookkeeping or not record.env or not seen.active.intact
        site = self._webapp(record)
        same = seen.live is not None and seen.live.record is not None and record.essence == seen.live.record.essence
        settled = base.site == site.to_json() and base.stub == digest()
        if same and settled and not env and not (layer and record.layer is None):
            return Plan(url=self.account.url)
        switch = Switch(self.account, seen.live, seen.parents, site)
        switch.theirs = seen.theirs
        push = Push(self.account, seen, base, record, site, switch, desired.app.dependencies, changes.result)
        push.to_come = desired.bundle.size if desired.bundle is not None and record.code is None else 0
        plan = self._steps(push, desired, layer, changes.writes or not record.env or not seen.active.intact)
        return replace(plan, notes=(*plan.notes, *databases(changes.set, is_free(seen.webapp))))

    def _steps(self, push: Push, desired: Desired, layer: str, env: bool) -> Plan:
        record, seen, domain = push.record, push.seen, self.account.settings.domain
        first = seen.live is None
        mark, reason = due(push, layer)
        prepare = self._uploads(push, desired, layer, env)
        setting_up = [self._create(push)] if first else []
        folders = desired.collected() if record.code is None else []
        if folders:
            setting_up.append(Step(f"collect the static files into {', '.join(folders)}", push.collect))
        if mark:
            line = (record.command,)
            command = Step("run the release command", lambda say: push.run_release(mark, say), line, leaves=MIGRATING)
            setting_up.append(command)
        commit = []
        if seen.theirs:  # visitors would notice: what fails from here on must be undone
            prepare, commit = [*self._keep(push), *prepare], setting_up
        else:
            prepare += setting_up
        moved = push.site.details(push.base.site)
        if moved and not first:
            commit.append(Step("change the web app's settings", push.change_site, moved))
        commit.append(Step(f"switch to release {record.id}", push.go_live, stub_details(push)))
        return Plan(
            prepare=tuple(prepare),
            commit=tuple(commit),
            verify=(Step(f"check that {record.id} serves and is well", push.check, (record.health,)),),
            undo=Step(undo_title(seen), push.undo),
            late_warnings=lambda: refused(push.switch.answer, record, domain, desired.app.framework),
            url=self.account.url,
            notes=(
                *left_to_the_app(desired),
                *((waiting(is_free(seen.webapp)),) if mark else (reason,) if reason else ()),
            ),
            warnings=warnings(desired),
        )

    def _uploads(self, push: Push, desired: Desired, layer: str, env: bool) -> list[Step]:
        steps, bundle, needs = [], desired.bundle, desired.app.dependencies
        if layer and push.record.layer is None:
            what = (f"for Python {push.record.python}, from {needs.file}",)
            steps.append(Step("resolve and upload the dependencies", lambda say: push.upload_layer(layer, say), what))
        if bundle is not None and push.record.code is None:
            size = f"{counted(len(bundle.files), 'file')}, {bundle.size / 1024:.0f} kB"
            steps.append(Step("upload the code", lambda say: push.upload_code(bundle, say), (size,)))
        if env:
            count = f"{len(push.env)} names"
            steps.append(Step("upload the env", push.upload_env, (count,)))
        return steps

    def _keep(self, push: Push) -> list[Step]:
        """Where an earlier takeover was interrupted, the copy is there already."""
        if push.seen.ours:
            return []
        return [Step("copy the site that is there", push.keep_site, (self.account.path("before"),))]

    def _create(self, push: Push) -> Step:
        domain = self.account.settings.domain
        title = f"set up the web app {domain}" if push.seen.webapp else f"create the web app {domain}"
        return Step(title, push.create_site, push.site.details({}))

    def _check_takeover(self, desired: Desired, seen: Seen) -> None:
        if seen.live is not None or seen.webapp is None or seen.ours or desired.force:
            return
        apps = self.account.path().rpartition("/")[0] + "/"
        source = str(seen.webapp.get("source_directory") or "").rstrip("/")
        domain, folder = self.account.settings.domain, source.removeprefix(apps)
        if folder != source:
            owner = folder.partition(".")[0]
            raise UsageError(
                f"{domain} serves the app {owner}, which paasctl pushed; nothing was changed",
                hint=f'if this is that app, write name = "{owner}" under [app]; --force puts this one in its place',
            )
        raise UsageError(
            f"{domain} exists and was not made by paasctl; nothing was changed",
            hint="--force takes it over: its WSGI file and settings are replaced (a copy is kept), its own files stay",
        )

    def _record(self, desired: Desired, seen: Seen, base: Deploy) -> tuple[Record, str]:
        """The release to be made, and the name of its layer ("" where the app needs none)."""
        live = seen.live.record if seen.live else None
        last = max([base.last_number, *(number(f.id) for f in seen.active.failures)])
        id = f"r{last + 1}"
        if desired.bundle is None:
            if live is None:
                raise UsageError("nothing is live on this target yet", hint="push the code too: without --env-only")
            who = desired.provenance.who
            return replace(live, id=id, before=live.id, when=now(), who=who, state="good", note="env only"), ""
        python = self.account.settings.python or desired.app.python
        layer = layer_name(desired.app.dependencies, python, desired.bundle.digest)
        layer = layer if desired.app.dependencies.requirements.strip() else ""
        made = described(desired, desired.bundle, id, python)
        return replace(
            made,
            code=base.archives("code").get(code_name(desired.bundle)),
            layer=base.archives("layer").get(layer),
            env=live.env if live else {},
            before=live.id if live else "",
        ), layer

    def _webapp(self, record: Record) -> WebApp:
        account = self.account
        static = {url: f"{account.public}/current/{slug(url)}" for url in record.static}
        return WebApp(account.settings.domain, record.python, account.path(), account.settings.force_https, static)

    def chosen(self, observed: Observed, release: str | None) -> Record:
        """The release that a rollback goes to.

        Raises:
            UsageError: there is no such release.
        """
        seen: Seen = observed.extra
        if seen.live is None:
            raise UsageError("nothing is live on this target", hint="`paasctl push` makes a first release")
        return choose(seen.live, release)

    def rollback(self, observed: Observed, record: Record) -> Plan:
        """To an earlier good release: code and env together."""
        seen: Seen = observed.extra
        assert seen.live is not None
        site, live = self._webapp(record), seen.live
        switch = Switch(self.account, seen.live, seen.parents, site)
        push = Push(self.account, seen, live, record, site, switch)
        moved = site.details(live.site)
        commit = [Step("change the web app's settings", push.change_site, moved)] if moved else []
        return Plan(
            commit=(*commit, Step(f"switch back to release {record.id}", push.go_live)),
            verify=(Step(f"check that {record.id} serves and is well", switch.verify, (record.health,)),),
            undo=Step(f"switch to {live.release} again", push.undo),
            late_warnings=lambda: refused(switch.answer, record, self.account.settings.domain),
            url=self.account.url,
            notes=("the env goes back too: .env is newer than what then runs", *ahead(live, record)),
        )


def described(desired: Desired, bundle: Bundle, id: str, python: str) -> Record:
    """The record of a release, before anything of it is uploaded."""
    app, provenance = desired.app, desired.provenance
    return Record(
        id=id,
        when=now(),
        who=provenance.who,
        digest=bundle.digest,
        commit=provenance.commit,
        dirty=provenance.dirty,
        unpushed=provenance.unpushed,
        python=python,
        entry=app.entry or "",
        command=desired.release_command or "",
        migrations=migrations(bundle),
        persist=app.persist,
        static=mapped(app),
        health=app.health or "/",
        strict=app.health is not None,
        runtime=desired.runtime,
    )


def due(push: Push, layer: str) -> tuple[str, str]:
    """The release command's fingerprint when it must run (else ""), and a note where it need not.

    It runs unless code, dependencies, env and command are those of its last success. Of a command that only brings
    the database to the newest migration, the migrations are the code. Which names of the env lead to another database
    nobody can tell (``POSTGRES_HOST``, ``DJANGO_SETTINGS_MODULE``), so all of them count. Any other command may
    have made files in the code's folder, and runs again where that is not held any more.
    """
    record = push.record
    if not record.command:
        return "", ""
    only = MIGRATION.fullmatch(" ".join(record.command.split())) is not None
    env = {name: value.reveal() for name, value in push.env.items()}
    code = record.migrations if only else record.digest
    parts = [record.command, layer or (record.layer.name if record.layer else ""), code]
    parts += [f"{name}={value}" for name, value in sorted(env.items())]
    found = hmac.new(bytes.fromhex(push.base.key), "\0".join(parts).encode(), hashlib.sha256).hexdigest()
    if found == push.seen.active.released and (only or record.code is not None):
        return "", "the release command is not run: nothing that it looks at has changed since it last succeeded"
    return found, ""


def migrations(bundle: Bundle) -> str:
    """The digest of a bundle's migration files."""
    found = "".join(f"{f.path}\0{f.digest}\0" for f in bundle.files if MIGRATIONS.search(f.path))
    return hashlib.sha256(found.encode("utf-8", "surrogateescape")).hexdigest()


def undo_title(seen: Seen) -> str:
    """What undoing a push is called."""
    if seen.live:
        return f"switch back to {seen.live.release}"
    return "put back the site that was there" if seen.theirs else "take the release back"


def stub_details(push: Push) -> tuple[str, ...]:
    """For the plan: whether the WSGI file is written too."""
    changed = push.base.stub != digest() and push.seen.live is not None
    return ("the site's WSGI file is replaced by this paasctl's",) if changed else ()


def choose(live: Deploy, release: str | None) -> Record:
    """The release to go back to: the one that is named, else the one that was live when the live one was pushed."""
    good = [r for r in live.releases if r.code and r.state != "failed"]
    if release is not None:
        found = next((r for r in good if r.id == release), None)
        if found is None:
            raise UsageError(f"there is no good release {release}", hint=f"kept: {', '.join(r.id for r in good)}")
        if release == live.release:
            raise UsageError(f"release {release} is live already", hint="`paasctl releases` lists the others")
        return found
    known = {r.id: r for r in good}
    way = way_to(live.release or "", known)
    if not way:
        raise UsageError("there is no good release before the live one", hint="`paasctl releases` lists them")
    return known[way[0]]
