"""Which target is meant, and whether its adapter understands what is said to it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support.trees import tree

from paasctl import config
from paasctl.errors import UsageError
from paasctl.model import Setting

KNOWN = {
    "app": Setting(str, "the app's name there"),
    "hosts": Setting(list, "ssh destinations"),
    "port": Setting(int, "a port", limits=(1024, 65535)),
    "region": Setting(str, "where it runs", ("us", "eu")),
    "ratio": Setting(float, "a share"),
    "formation": Setting(dict, "processes"),
    "force_https": Setting(bool, "redirect"),
}


def settings(root: Path, lines: str) -> dict[str, Any]:
    loaded = config.load(tree(root, {"paasctl.toml": f"[targets.x]\n{lines}\n"}))
    return config.check_settings(config.target(loaded, "x"), KNOWN, loaded.file)


def test_known_keys_come_back_and_common_ones_do_not(tmp_path: Path) -> None:
    said = 'app = "a"\nhosts = ["h"]\nport = 8000\nregion = "eu"\nratio = 1\nforce_https = true\nlog = "keep"'
    expected = {"app": "a", "hosts": ["h"], "port": 8000, "region": "eu", "ratio": 1, "force_https": True}
    assert settings(tmp_path, said) == expected


@pytest.mark.parametrize(
    ("line", "message", "hint"),
    [
        ('ap = "x"', "paasctl.toml:2: [targets.x] has no key ap", "did you mean app?"),
        ("pool_recyle = 3", "paasctl.toml:2: [targets.x] has no key pool_recyle", "did you mean pool_recycle?"),
        ("app = 1", "paasctl.toml:2: app must be a string, not a whole number", "the app's name there"),
        ("port = true", "paasctl.toml:2: port must be a whole number, not true or false", "a port"),
        ('force_https = "yes"', "paasctl.toml:2: force_https must be true or false, not a string", "redirect"),
        ('hosts = "h"', "paasctl.toml:2: hosts must be an array, not a string", "ssh destinations"),
        ("hosts = [1]", "paasctl.toml:2: hosts must be an array of strings", ""),
        ('region = "mars"', "paasctl.toml:2: region must be one of us, eu", "where it runs"),
        ('app = " "', "paasctl.toml:2: app must not be empty", ""),
        ("port = 80000", "paasctl.toml:2: port must be 1024 to 65535", "a port"),
        ("formation = [1]", "paasctl.toml:2: formation must be a table, not an array", ""),
    ],
)
def test_what_the_adapter_does_not_understand_is_an_error(tmp_path: Path, line: str, message: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        settings(tmp_path, line)
    assert caught.value.message == message
    assert hint in caught.value.hint


def test_a_table_whose_name_is_misspelt_is_not_passed_over(tmp_path: Path) -> None:
    loaded = config.load(tree(tmp_path, {"paasctl.toml": "[targets.lcoal]\nport = 8111\n"}))
    with pytest.raises(UsageError) as caught:
        config.target(loaded, "local")
    assert caught.value.message == (
        "paasctl.toml:1: [targets.lcoal] does not say its adapter, and no adapter is named lcoal"
    )
    assert caught.value.hint == "did you mean [targets.local]?"
    assert config.target(loaded, "heroku").adapter == "heroku"


def test_a_table_of_another_adapter_is_no_misspelling(tmp_path: Path) -> None:
    loaded = config.load(tree(tmp_path, {"paasctl.toml": '[targets.locals]\nadapter = "theirs"\n'}))
    assert config.target(loaded, "local").adapter == "local"


def test_an_adapters_name_is_a_target_without_configuration() -> None:
    found = config.target(config.Config(), "local")
    assert (found.name, found.adapter, found.settings) == ("local", "local", {})


def test_an_unknown_target_is_refused_with_the_nearest_name(tmp_path: Path) -> None:
    loaded = config.load(tree(tmp_path, {"paasctl.toml": '[targets.staging]\nadapter = "local"\n'}))
    with pytest.raises(UsageError, match="no target named 'stagin'") as caught:
        config.target(loaded, "stagin")
    assert caught.value.hint == "did you mean staging?"


@pytest.mark.parametrize(
    ("lines", "message", "hint"),
    [
        ("[targets.prod]\n", "paasctl.toml:1: [targets.prod] does not say its adapter", 'adapter = "linux"'),
        ('[targets.prod]\nadapter = "linx"\n', "paasctl.toml:2: there is no adapter linx", "did you mean linux?"),
    ],
)
def test_a_target_without_an_adapter_is_refused_with_its_line(
    tmp_path: Path, lines: str, message: str, hint: str
) -> None:
    loaded = config.load(tree(tmp_path, {"paasctl.toml": lines}))
    with pytest.raises(UsageError) as caught:
        config.require_adapter(loaded, config.target(loaded, "prod"), {"local", "linux", "heroku"})
    assert caught.value.message == message and hint in caught.value.hint
