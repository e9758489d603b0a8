"""A site that does not serve what is live, whoever changed it: the next push, restart or undo puts it right."""

from collections.abc import Callable
from typing import Any

import pytest
from standin import Platform
from standin.laptop import Laptop
from standin.visitor import DOMAIN, get

from paasctl.errors import PaasctlError

pytestmark = pytest.mark.e2e
Make = Callable[..., Laptop]
WSGI = "/var/www/eric_pythonanywhere_com_wsgi.py"
CHECK = ["set the web app right, and reload it", "check that r1 serves and is well"]


def edit(app: Laptop, text: str) -> None:
    app.write("wsgi.py", (app.root / "wsgi.py").read_text() + text)


def delete(platform: Platform) -> None:
    """The web app is deleted on the Web page; its WSGI file goes too."""
    platform.account.webapps.clear()
    platform.account.static.clear()
    platform.account.remove(WSGI)
    platform.end(DOMAIN)


def overwrite(platform: Platform) -> None:
    """Somebody puts the WSGI file of a tutorial in place of ours."""
    platform.account.write(WSGI, b"def application(environ, start_response):\n    raise RuntimeError\n")
    platform._reload(DOMAIN)


HARM: dict[str, Callable[[Platform], None]] = {
    "the web app is deleted": delete,
    "the WSGI file is another": overwrite,
}


@pytest.mark.parametrize("harm", HARM)
@pytest.mark.parametrize("how", ["push", "restart"])
def test_what_was_changed_by_hand_is_put_right(platform: Platform, laptop: Make, harm: str, how: str) -> None:
    app = laptop()
    app.push()
    HARM[harm](platform)
    assert "first v001" not in get(platform).text
    plan = app.plan()
    assert [step.title for step in plan.steps] == CHECK
    assert plan.warnings[0].startswith("r1 is live but not well: ")
    if how == "push":
        app.push()
    else:
        app.operate("restart")
    assert "first v001" in get(platform).text
    assert not app.plan()
    edit(app, "VERSION = 'v002'\n")
    app.push()
    assert "first v002" in get(platform).text


@pytest.mark.parametrize("release", [False, True])
def test_a_push_to_a_web_app_that_is_gone_creates_it_again(platform: Platform, laptop: Make, release: bool) -> None:
    app = laptop()
    app.push()
    delete(platform)
    edit(app, "VERSION = 'v002'\n")
    if release:
        app.config('[app]\nrelease = "true"\n')
    app.push()
    assert "first v002" in get(platform).text
    assert not app.plan()


def test_a_rollback_to_a_web_app_that_is_gone_creates_it_again(platform: Platform, laptop: Make) -> None:
    app = laptop()
    app.push()
    edit(app, "VERSION = 'v002'\n")
    app.push()
    delete(platform)
    app.operate("rollback", None)
    assert "first v001" in get(platform).text


def test_another_python_chosen_by_hand_is_set_back(platform: Platform, laptop: Make, other_python: str) -> None:
    app = laptop()
    app.push()
    platform.account.webapps[DOMAIN]["python_version"] = other_python
    platform._reload(DOMAIN)
    assert get(platform).status == 503
    assert f"the web app runs Python {other_python}, and release r1 was made for" in app.plan().warnings[0]
    app.push()
    assert "first v001" in get(platform).text


def test_a_push_that_meets_another_python_sets_it_back(platform: Platform, laptop: Make, other_python: str) -> None:
    """It was chosen on the Web page and is not in force yet: the push's own reload would bring the site down."""
    app = laptop()
    app.push()
    platform.account.webapps[DOMAIN]["python_version"] = other_python
    edit(app, "VERSION = 'v002'\n")
    with pytest.raises(PaasctlError, match=f"runs Python {other_python}, and release r2 was made for") as caught:
        app.push()
    assert caught.value.exit_code == 1
    assert "r1 serves as before" in caught.value.hint
    assert "first v001" in get(platform).text
    app.push()
    assert "first v002" in get(platform).text


def test_an_app_moves_to_another_python_and_back(platform: Platform, laptop: Make, other_python: str) -> None:
    """Also where a release command is due: it runs in the new Python, before the switch."""
    app = laptop()
    app.config('[app]\nrelease = "python -V >> $HOME/released.txt"\n')
    app.push()
    ours, app.settings["python"] = platform.account.pythons[0], other_python
    app.config('[app]\nrelease = "python -V >> $HOME/released.txt; true"\n')
    app.push()
    assert platform.account.webapps[DOMAIN]["python_version"] == other_python
    assert [
        line.split()[1].rpartition(".")[0] for line in platform.account.read("/home/eric/released.txt").splitlines()
    ] == [
        ours,
        other_python,
    ]
    edit(app, "import no_such_module_xyz\n")
    app.settings["python"] = ours
    app.config('[app]\nrelease = "true"\n')
    with pytest.raises(PaasctlError, match="could not be started") as caught:
        app.push()
    assert "r2 serves as before" in caught.value.hint
    assert "first v001" in get(platform).text
    app.operate("rollback", None)
    assert "first v001" in get(platform).text
    assert platform.account.webapps[DOMAIN]["python_version"] == ours
    assert app.operate("status").healthy


def test_an_unwell_site_is_said_where_nothing_else_is_to_do(platform: Platform, laptop: Make) -> None:
    app = laptop()
    edit(
        app,
        "import os\n"
        "well = application\n"
        "def application(environ, start_response):\n"
        "    if os.path.exists('/home/eric/unwell'):\n"
        "        raise RuntimeError('unwell')\n"
        "    return well(environ, start_response)\n",
    )
    app.push()
    assert not app.plan()
    platform.account.write("/home/eric/unwell", b"")
    assert app.plan().warnings == ("r1 is live but not well: / answers 500",)
    with pytest.raises(PaasctlError, match="not well after the reload: / answers 500") as caught:
        app.push()
    assert caught.value.exit_code == 1
    platform.account.remove("/home/eric/unwell")
    assert not app.plan()


@pytest.mark.parametrize(
    ("fault", "said"), [((401, b"<h1>Password</h1>"), "asks visitors for a password"), ("drop", "did not answer")]
)
def test_a_site_that_cannot_be_asked_is_a_warning(platform: Platform, laptop: Make, fault: Any, said: str) -> None:
    app = laptop()
    app.push()
    platform.faults = lambda method, path: fault if "/__paasctl__/" in path else None
    plan = app.plan()
    assert not plan
    assert said in plan.warnings[0]
    app.push()


def test_an_env_sync_asks_nothing_more(platform: Platform, laptop: Make) -> None:
    app = laptop()
    app.push()
    platform.forget()
    app.push(mode="sync", code=False)
    assert platform.counts() == (1, 0)
