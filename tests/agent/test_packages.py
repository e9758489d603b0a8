"""What setup makes of an apt-get that fails, which is played by a script."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from paasctl.procfiles.host import packages
from paasctl.procfiles.host.wire import Failure

NAMES = ["nginx", "python3.99-venv"]
UNKNOWN = "echo 'E: Unable to locate package python3.99-venv'; exit 100"
OFFLINE = "W: Failed to fetch http://deb.example.com/InRelease  Temporary failure"
Apt = Callable[..., Path]


@pytest.fixture
def apt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Apt:
    """Makes an apt-get that runs a line of shell for each of its two commands; what it was asked is in a file."""

    def make(update: str = "exit 0", install: str = "exit 0") -> Path:
        asked, program = tmp_path / "asked", tmp_path / "bin" / "apt-get"
        program.parent.mkdir()
        program.write_text(
            f'#!/bin/sh\necho "$LC_ALL $*" >>{asked}\ncase " $* " in\n'
            f'*" update "*) {update};;\n*" install "*) {install};;\nesac\n'
        )
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
        monkeypatch.setattr(packages, "PAUSE", 0)
        return asked

    return make


def failure() -> Failure:
    with pytest.raises(Failure) as caught:
        packages.install(NAMES, lambda line: None)
    return caught.value


def test_packages_are_installed_in_a_known_language_and_another_apt_is_waited_for(apt: Apt) -> None:
    asked = apt()
    packages.install(NAMES, lambda line: None)
    update, install = asked.read_text().splitlines()
    assert update == "C update -qq"
    assert install.startswith("C -o DPkg::Lock::Timeout=300 install -y")
    assert install.endswith("nginx python3.99-venv")


def test_a_python_that_the_system_does_not_have_is_named(apt: Apt) -> None:
    apt(install=UNKNOWN)
    assert "this system's packages have no Python 3.99" in failure().message


@pytest.mark.parametrize("update", [f"echo '{OFFLINE}'; exit 0", "echo 'E: The repository is not signed'; exit 100"])
def test_lists_that_could_not_be_renewed_are_the_reason_that_is_told(apt: Apt, update: str) -> None:
    apt(update, UNKNOWN)
    error = failure()
    assert "nor could it renew its lists of packages" in error.message
    assert "no Python" not in error.message
    assert "apt-get update" in error.hint
    assert error.output in update


def test_a_broken_source_of_somebody_elses_is_no_obstacle(apt: Apt) -> None:
    asked = apt("exit 100")
    packages.install(NAMES, lambda line: None)
    assert len(asked.read_text().splitlines()) == 2


def test_lists_that_another_apt_renews_are_waited_for(apt: Apt, tmp_path: Path) -> None:
    flag = tmp_path / "free"
    asked = apt(f"[ -e {flag} ] && exit 0; touch {flag}; echo 'E: Could not get lock /x/lock'; exit 100")
    said: list[str] = []
    packages.install(NAMES, said.append)
    assert len(asked.read_text().splitlines()) == 3
    assert said == ["somebody else renews the lists of packages there; waiting"]


def test_lists_that_stay_locked_are_given_up(apt: Apt, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "LOCKED", -1)
    apt("echo 'E: Could not get lock /x/lock'; exit 100", "exit 100")
    assert failure().output == "E: Could not get lock /x/lock"


def test_whatever_else_apt_says_is_shown(apt: Apt) -> None:
    apt(install="echo 'E: no space'; exit 100")
    error = failure()
    assert error.message == "the host could not install nginx python3.99-venv; nothing else was changed"
    assert error.output == "E: no space"
