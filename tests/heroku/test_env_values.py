"""Every value of ``.env`` reaches Heroku byte for byte, and a process there that is started with the config vars."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping

import pytest
from heroku_standin import HerokuApp
from laptop import ENV, Laptop
from support import values


def a_dyno_shows(app: HerokuApp) -> Mapping[str, str]:
    """What a process of the live release has in ``os.environb``; it gets the release's config vars and nothing else."""
    assert app.current.slug is not None
    source = app.current.slug.files["wsgi.py"].decode() + "\nprint(json.dumps(SEEN))\n"
    environ = {name.encode(): value.encode() for name, value in app.current.config.items()}
    done = subprocess.run([sys.executable, "-c", source], env=environ, check=True, capture_output=True)
    shown: Mapping[str, str] = json.loads(done.stdout)
    return shown


@pytest.mark.parametrize("wanted", [values.awkward(), values.long()], ids=["awkward", "30 kB"])
def test_every_value_reaches_a_process_byte_for_byte(laptop: Laptop, app: HerokuApp, wanted: Mapping[str, str]) -> None:
    values.write(laptop.root, wanted, SECRET_KEY=ENV["SECRET_KEY"])
    laptop.push()
    assert {name: app.config.get(name) for name in wanted} == wanted
    assert values.wrong(wanted, a_dyno_shows(app)) == []
    assert laptop.push().stdout.startswith("nothing to do")


def test_every_value_comes_back_by_a_pull(laptop: Laptop, app: HerokuApp) -> None:
    laptop.push()
    app.patch(dict(values.awkward()))
    laptop.paasctl("env", "pull", "heroku", "-y")
    laptop.sync()
    assert {name: app.config.get(name) for name in values.awkward()} == values.awkward()
    assert laptop.paasctl("env", "diff", "heroku").stdout.splitlines()[-1] == "heroku is in sync"
