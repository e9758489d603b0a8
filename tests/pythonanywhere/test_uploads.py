"""What visitors upload under a static folder: the app serves it, since the platform's file server has no fallback."""

from collections.abc import Callable

import pytest
from standin import Platform
from standin.laptop import Laptop
from standin.visitor import get

pytestmark = pytest.mark.e2e
Make = Callable[..., Laptop]

FLASK = """\
import os
from flask import Flask, send_from_directory
app = Flask(__name__)
app.config["UPLOAD_FOLDER"] = "{folder}"

@app.route("/save")
def save():
    folder = os.path.join(app.root_path, app.config["UPLOAD_FOLDER"])
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "pic.txt"), "w") as file:
        file.write("picture")
    return "saved"

@app.route("/media/<path:name>")
def media(name):
    return send_from_directory("media", name)
"""


def flask(laptop: Make, folder: str) -> Laptop:
    app = laptop()
    (app.root / "wsgi.py").unlink()
    app.write("app.py", FLASK.format(folder=folder))
    app.write("requirements.txt", "Flask==3.1.3\n")
    app.write("static/a.css", "a {}\n")
    return app


def test_uploads_below_the_static_folder(platform: Platform, laptop: Make) -> None:
    """Without any configuration: both facts are detected."""
    app = flask(laptop, "static/uploads")
    plan = app.push()
    assert [note for note in plan.notes if note.startswith("/static/ is left to the app: static/uploads/ ")]
    assert get(platform, "/save").text == "saved"
    assert get(platform, "/static/uploads/pic.txt").text == "picture"
    assert get(platform, "/static/a.css").text == "a {}\n"
    app.write("static/a.css", "b {}\n")
    app.push()
    assert get(platform, "/static/uploads/pic.txt").text == "picture"
    assert get(platform, "/static/a.css").text == "b {}\n"
    assert not app.plan()


def test_a_folder_that_outlives_releases_and_is_mapped(platform: Platform, laptop: Make) -> None:
    app = flask(laptop, "media")
    app.config()
    config = app.root / "paasctl.toml"
    config.write_text(config.read_text() + '[targets.pythonanywhere.static]\n"/media/" = "media"\n')
    plan = app.push()
    assert [note for note in plan.notes if note.startswith("/media/ is left to the app: media/ ")]
    assert get(platform, "/save").text == "saved"
    assert get(platform, "/media/pic.txt").text == "picture"
    assert [m["url"] for m in platform.account.static["eric.pythonanywhere.com"]] == ["/static/"]
