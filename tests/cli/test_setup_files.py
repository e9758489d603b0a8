"""``init``, ``targets`` and ``doctor``."""

from __future__ import annotations

import json
import os
import stat
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from dotenv import dotenv_values
from support.trees import tree

from paasctl import config as configuration
from paasctl import procfile
from paasctl.errors import PaasctlError
from paasctl.target import installed, load


@pytest.fixture
def bare(project: Path) -> Path:
    """The app as it is before paasctl is used."""
    for name in (".env", "Procfile", "paasctl.toml"):
        (project / name).unlink()
    return project


# ------------------------------------------------------------------------------------------------------------- init


def test_init_shows_everything_before_it_writes(run: Any, bare: Path) -> None:
    out = run("init", "fake", "--dry-run").stdout
    for words in ("1. write paasctl.toml", 'entry = "wsgi:app"', "# region = ", "2. write Procfile", "web: gunicorn"):
        assert words in out
    assert "put a fresh random SECRET_KEY into .env" in out
    assert sorted(path.name for path in bare.iterdir()) == ["requirements.txt", "runtime.txt", "wsgi.py"]


@pytest.mark.parametrize(
    ("files", "line"),
    [
        (
            {"migrations/env.py": "", "requirements.txt": "flask\nflask-migrate\n"},
            '# release = "flask db upgrade"',
        ),
        (
            {
                "manage.py": "import os\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 's')\n",
                "s.py": "WSGI_APPLICATION = 'wsgi.application'\n",
                "wsgi.py": "from django.core.wsgi import get_wsgi_application\napplication = get_wsgi_application()\n",
                "notes/migrations/__init__.py": "",
                "notes/__init__.py": "",
                "requirements.txt": "django\n",
            },
            '# release = "python manage.py migrate --noinput"',
        ),
    ],
)
def test_migrations_that_nothing_runs_are_mentioned(run: Any, bare: Path, files: dict[str, str], line: str) -> None:
    tree(bare, files)
    result = run("init", "fake", "-y")
    assert "is there and no release command" in result.stderr
    assert line in (bare / "paasctl.toml").read_text()
    assert configuration.load(bare).app.release is None
    assert line.removeprefix("# ") in run("push", "fake", "-n").stderr
    text = (bare / "paasctl.toml").read_text()
    (bare / "paasctl.toml").write_text(text.replace("# release", "release"))
    assert "no release command" not in run("push", "fake", "-n").stderr


def test_init_asks(run: Any, bare: Path) -> None:
    run("init", code=2)
    run("init", answers="n\n", code=1)
    assert not (bare / "paasctl.toml").exists()
    run("init", answers="y\n")
    assert (bare / "paasctl.toml").exists()


def test_what_init_writes_is_read_again(run: Any, bare: Path) -> None:
    result = run("init", "fake", "-y")
    config = configuration.load(bare)
    assert (config.app.name, config.app.entry, config.app.python) == ("bluelog", "wsgi:app", "3.11")
    assert config.app.dependencies == "requirements.txt"
    assert list(config.targets) == ["fake"]
    assert set(procfile.parse((bare / "Procfile").read_text()).processes) == {"web"}
    assert (bare / ".gitignore").read_text().splitlines() == [".env", ".env.*", "!.env.example", ".paasctl/"]
    value = dotenv_values(bare / ".env")["SECRET_KEY"]
    assert value and len(value) >= 48 and value not in result.output
    assert stat.S_IMODE((bare / ".env").stat().st_mode) == 0o600
    assert result.stdout.endswith("next: fill in [targets.fake], then `paasctl setup fake`, then `paasctl push fake`\n")


@pytest.mark.parametrize("name", sorted(set(installed()) - {"broken"}))
def test_the_table_of_every_adapter_can_be_read(run: Any, bare: Path, name: str) -> None:
    said = run("init", name, "-y").stdout
    assert list(configuration.load(bare).targets) == [name]
    assert said.endswith(f"`paasctl push {name}`\n")
    assert (f"`paasctl setup {name}`" in said) == (not load(name).abilities.get("setup", "no"))


def test_init_overwrites_nothing(run: Any, project: Path) -> None:
    (project / ".gitignore").write_text("*.pyc\n/.env\n.paasctl")
    before = {path: path.read_bytes() for path in project.iterdir()}
    result = run("init", "shop", "-y")
    assert "paasctl.toml is there and stays as it is" in result.stderr
    ignored = (project / ".gitignore").read_text()
    assert ignored == "*.pyc\n/.env\n.paasctl\n.env.*\n!.env.example\n"
    after = {path: path.read_bytes() for path in project.iterdir()}
    assert {path for path in after if after[path] != before.get(path)} == {project / ".gitignore"}
    assert run("init", "shop", "-y").stdout.endswith("nothing to do\n")


def test_init_adds_the_table_of_another_target(run: Any, bare: Path) -> None:
    run("init", "-y")
    before = (bare / "paasctl.toml").read_text()
    assert "add lines to paasctl.toml" in run("init", "fake", "-y").stdout
    assert (bare / "paasctl.toml").read_text().startswith(before.rstrip("\n") + "\n\n[targets.fake]\n# region = ")
    assert list(configuration.load(bare).targets) == ["local", "fake"]
    assert run("init", "fake", "-y").stdout.endswith("nothing to do\n")


@pytest.mark.parametrize("file", ["paasctl.toml", "pyproject.toml"])
def test_where_a_table_cannot_be_added_its_keys_are_named(run: Any, bare: Path, file: str) -> None:
    inline = "targets = { local = {} }\n" if file == "paasctl.toml" else "[tool.paasctl.targets.local]\n"
    (bare / file).write_text(inline)
    assert "add a table [targets.fake]" in run("init", "fake", "-y").stderr
    assert (bare / file).read_text() == inline


def test_init_takes_the_name_of_the_key_from_the_example(run: Any, bare: Path) -> None:
    (bare / ".env.example").write_text("FLASK_SECRET_KEY=\n")
    run("init", "-y")
    assert set(dotenv_values(bare / ".env")) == {"FLASK_SECRET_KEY"}


def test_init_asks_which_entry_point_is_meant(run: Any, bare: Path) -> None:
    (bare / "wsgi.py").rename(bare / "one.py")
    (bare / "two.py").write_text("from flask import Flask\n\nserver = Flask(__name__)\n")
    run("init", "-n", code=2)
    assert "two:server" in run("init", "-n", answers="two:server\n").stdout


def test_init_without_an_app(run: Any, bare: Path) -> None:
    (bare / "wsgi.py").unlink()
    assert "hint:" in run("init", "-y", code=2).stderr
    run("init", "no-such-target", code=2)


# ---------------------------------------------------------------------------------------------------------- targets


def test_targets_lists_adapters_and_reports_a_broken_one(run: Any) -> None:
    result = run("targets")
    lines = {line.split()[0]: line for line in result.stdout.splitlines() if line.strip()}
    assert "a platform in memory" in lines["fake"] and lines["fake"].endswith("unlock setup")
    assert lines["clumsy"].endswith("push env")
    assert lines["shop"].split() == ["shop", "fake"]
    assert "broken" in result.stderr and "fake-paas" in result.stderr and "broken" not in lines
    assert "clumsy rollback: use the vendor's dashboard" in run("targets", "-v").stdout


def test_targets_as_json(run: Any) -> None:
    document = json.loads(run("targets", "--json").stdout)
    adapters = {each["name"]: each for each in document["adapters"]}
    assert adapters["fake"]["abilities"]["rollback"] == ""
    assert "error" in adapters["broken"] and "abilities" not in adapters["broken"]
    assert document["targets"] == [{"name": "shop", "adapter": "fake"}]


# ----------------------------------------------------------------------------------------------------------- doctor


def findings(run: Any, *words: str, code: int = 0) -> dict[str, dict[str, str]]:
    return {each["check"]: each for each in json.loads(run("doctor", "--json", *words, code=code).stdout)["findings"]}


def test_doctor_is_content(run: Any, world: Any) -> None:
    out = run("doctor").stdout
    assert "ok       shop: target: reachable" in out and "2 names in .env" in out
    assert world["shop"].done == ["close"]


def test_every_finding_that_is_not_ok_says_what_to_do(run: Any, world: Any, project: Path) -> None:
    run("push", "-y")
    (project / ".env").chmod(0o644)
    world["shop"].healthy = False
    listed = json.loads(run("doctor", "shop", "--json", code=1).stdout)["findings"]
    states = {(each["check"], each["state"]) for each in listed}
    assert {("shop: health", "error"), ("shop: env", "warning"), ("shop: target", "ok")} <= states
    for each in listed:
        assert set(each) == {"check", "state", "message", "hint"}
        assert each["hint"] or each["state"] == "ok"


def test_doctor_goes_on_after_a_failure(run: Any, world: Any, project: Path) -> None:
    (project / "paasctl.toml").write_text(
        '[targets.shop]\nadapter = "fake"\n[targets.bad]\nadapter = "buggy"\n[targets.prod]\nadapter = "fake"\n'
    )
    world["shop"].fails["observe"] = PaasctlError("the token was refused", hint="make a new one")
    (project / ".env").write_text("A B\n")
    found = findings(run, code=1)
    assert found["shop: target"] == {
        "check": "shop: target",
        "state": "error",
        "message": "the token was refused",
        "hint": "make a new one",
    }
    assert found["bad"]["message"].startswith("KeyError at ")
    assert found["prod: target"]["state"] == "ok"
    assert ".env:1" in found["prod: env"]["message"]
    assert found["adapter broken"]["state"] == "warning"


def test_doctor_counts_names_by_file_and_says_what_to_do(run: Any, project: Path) -> None:
    (project / ".flaskenv").write_text("FLASK_APP=wsgi.py\n")
    (project / ".env").chmod(0o644)
    out = run("doctor").stdout
    assert "shop: env: 2 names in .env, 1 name in .flaskenv" in out
    assert "see the sentence" not in out


UNFIT = "DATABASE_URL=postgres://me:sentinel-9@localhost/x\nDJANGO_SECRET_KEY=short\n"


def test_doctor_names_what_a_push_would_refuse(run: Any, world: Any, project: Path) -> None:
    (project / ".env").write_text(UNFIT)
    found = findings(run, code=2)["shop: env"]
    assert (found["state"], found["message"].splitlines()[0]) == (
        "error", "2 values are not fit for shop; nothing was sent",
    )  # fmt: skip
    assert "DATABASE_URL points at localhost" in found["message"] and "sentinel" not in found["message"]
    world["shop"].env, world["shop"].protected = {"DATABASE_URL": "x"}, {"DATABASE_URL": "an add-on"}
    assert findings(run, code=2)["shop: env"]["message"].startswith("1 value is not fit for shop")
    world["shop"].fails["observe"] = PaasctlError("not reachable", hint="wait")
    assert findings(run, code=1)["shop: env"]["message"].startswith("2 values are")


def test_doctor_warns_of_development_values_on_this_machine(run: Any, world: Any, project: Path) -> None:
    (project / ".env").write_text(UNFIT)
    world["shop"].facts = replace(world["shop"].facts, local=True)
    assert "warning  shop: env: .env:2: DJANGO_SECRET_KEY has fewer than 16 characters" in run("doctor").stdout


def test_env_check_of_a_target_names_what_a_push_would_refuse(
    run: Any, world: Any, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / ".env").write_text(UNFIT)
    refused = run("env", "check", "shop", code=2).stderr
    assert "2 values are not fit for shop" in refused and "`paasctl doctor shop` leaves out" in refused
    assert "sentinel" not in refused
    assert "is well-formed" in run("env", "check").stdout
    fake = load("fake")
    monkeypatch.setattr(fake, "facts", replace(fake.facts, local=True))
    assert ".env:1: DATABASE_URL" not in run("env", "check", "shop").stderr  # may be at localhost there: so may the app
    assert not world.contexts, "nothing was connected to"


@pytest.mark.parametrize("adapter", ["heroku", "linux", "pythonanywhere"])
def test_env_check_needs_no_network_and_no_account(
    run: Any, project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, adapter: str
) -> None:
    ssh = tmp_path / "bin" / "ssh"
    ssh.parent.mkdir()
    ssh.write_text(f"#!/bin/sh\necho hostname sentinel.invalid\necho user me\ntouch '{tmp_path}/called'\n")
    ssh.chmod(0o755)
    monkeypatch.setenv("PATH", str(ssh.parent), prepend=os.pathsep)
    hosts = 'hosts = ["me@sentinel.invalid"]\n' if adapter == "linux" else ""
    (project / "paasctl.toml").write_text(f'[targets.web]\nadapter = "{adapter}"\n{hosts}')
    (project / ".env").write_text(UNFIT)
    refused = run("env", "check", "web", code=2).stderr
    assert "not fit for web" in refused and not (tmp_path / "called").exists()


def test_env_check_says_when_it_cannot_know(run: Any, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load("fake"), "facts", None)
    assert "whether the values are fit for shop only `paasctl doctor shop` knows" in run("env", "check", "shop").stderr
    (project / "paasctl.toml").write_text('[targets.web]\nadapter = "broken"\n')
    assert "whether the values are fit for web is not known: the adapter broken" in run("env", "check", "web").stderr


def test_doctor_reads_the_configuration(run: Any, project: Path) -> None:
    (project / "paasctl.toml").write_text("[app\n")
    assert findings(run, code=2)["config"]["message"].startswith("paasctl.toml:1")
    run("doctor", "nowhere", code=2)
