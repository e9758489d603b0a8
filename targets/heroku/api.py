"""Heroku's Platform API as far as this adapter needs it: one method per call, records back.

heroku3 writes the config vars, the one thing that it does as we need it (one request for any number of names). It is
imported for that alone: reading is what a user waits for most often, and its import costs as much as a request.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote

from paasctl.credentials import Origin
from paasctl.errors import PaasctlError
from paasctl.model import Say
from paasctl.secret import Secret

from .failures import TRY_AGAIN, Uncertain
from .records import Dyno, HerokuBuild, HerokuRelease

if TYPE_CHECKING:
    from paasctl.credentials import Token

    from .session import Session

#: What a call to the API answers with is dynamic by nature; it is read into records at once.
Json = Any

R = TypeVar("R", HerokuRelease, HerokuBuild, Dyno)


class Api:
    """One app at Heroku. heroku3 and everything else go through one session."""

    def __init__(self, origin: Origin, token: Token, app: str) -> None:
        from . import session

        self.app = app
        self._url = origin.url
        self._session: Session = session.Session(origin, token)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What Heroku wants its users to read, from the headers of its answers."""
        return tuple(self._session.warnings)

    def tell(self, say: Say) -> None:
        """Where waiting and repeating is announced."""
        self._session.notice = say

    def close(self) -> None:
        self._session.close()

    # ------------------------------------------------------------------------------------------------ config vars

    def config_vars(self) -> dict[str, Secret]:
        return _secrets(self.get("config-vars"))

    def patch_config_vars(self, changes: Mapping[str, Secret | None]) -> dict[str, Secret]:
        """Set and (None) remove config vars in one request: one release. Answers with all of them afterwards."""
        plain = {name: None if value is None else value.reveal() for name, value in changes.items()}
        return _secrets(_through_heroku3(lambda: self._app().update_config(plain).to_dict()))

    def release_config_vars(self, release: str) -> dict[str, Secret]:
        return _secrets(self.get(f"releases/{quote(release)}/config-vars"))

    def addon_names(self) -> dict[str, str]:
        """The config vars that add-ons own in this app, and the add-on of each."""
        attachments = self.get("addon-attachments", **{"Accept-Inclusion": "addon:plan,config_vars"})
        with _promised():
            return {
                str(name): str((one.get("addon") or {}).get("name") or "an add-on")
                for one in attachments
                for name in one.get("config_vars") or ()
            }

    # --------------------------------------------------------------------------------------- releases and builds

    def releases(self, count: int) -> tuple[HerokuRelease, ...]:
        """The newest releases, newest first."""
        found = _records(HerokuRelease, self.get("releases", Range=f"version ..; order=desc,max={count}"))
        return tuple(sorted(found, key=lambda one: -one.version))

    def release(self, id: str) -> HerokuRelease:
        return _record(HerokuRelease, self.get(f"releases/{quote(id)}"))

    def roll_back(self, id: str) -> HerokuRelease:
        return _record(HerokuRelease, self.send("POST", "releases", {"release": id}))

    def builds(self, count: int) -> tuple[HerokuBuild, ...]:
        """The newest builds, newest first."""
        return _records(HerokuBuild, self.get("builds", Range=f"created_at ..; order=desc,max={count}"))

    def build(self, id: str) -> HerokuBuild:
        return _record(HerokuBuild, self.get(f"builds/{quote(id)}"))

    def start_build(self, source: Mapping[str, str]) -> HerokuBuild:
        return _record(HerokuBuild, self.send("POST", "builds", {"source_blob": dict(source)}))

    def source(self) -> tuple[Secret, Secret]:
        """Two signed addresses: to put an archive to, and where Heroku gets it from."""
        answer = self.send("POST", "/sources", repeatable=True)
        with _promised():
            blob = answer["source_blob"]
            return _address(blob["put_url"]), _address(blob["get_url"])

    # ---------------------------------------------------------------------------------------------- app and dynos

    def info(self) -> Mapping[str, Json]:
        return _object(self.get(""))

    def create(self, body: Mapping[str, str]) -> Mapping[str, Json]:
        return _object(self.send("POST", "/teams/apps" if "team" in body else "/apps", body))

    def delete(self) -> None:
        self.send("DELETE", "")

    def formation(self) -> dict[str, tuple[int, str]]:
        """Per process its quantity and dyno size."""
        found = self.get("formation")
        with _promised():
            return {one["type"]: (int(one["quantity"]), str(one.get("size") or "")) for one in found}

    def scale(self, formation: Mapping[str, tuple[int, str]]) -> None:
        """Set quantity and dyno size per process; the size stays as it is where it is empty."""
        updates = [
            {"type": process, "quantity": count} | ({"dyno_size": {"name": size}} if size else {})
            for process, (count, size) in formation.items()
        ]
        self.send("PATCH", "formation", {"updates": updates}, repeatable=True)

    def dynos(self) -> tuple[Dyno, ...]:
        return _records(Dyno, self.get("dynos"))

    def restart(self) -> None:
        self.send("DELETE", "dynos", repeatable=True)

    def run(self, body: Mapping[str, Any]) -> Mapping[str, Json]:
        return _object(self.send("POST", "dynos", body))

    def log_stream(self, body: Mapping[str, Any]) -> Secret:
        answer = self.send("POST", "log-sessions", body, repeatable=True)
        with _promised():
            return _address(answer["logplex_url"])

    # ---------------------------------------------------------------------------------------------------- the wire

    def get(self, path: str, **headers: str) -> Json:
        return self._request("GET", path, None, headers=headers)

    def send(self, method: str, path: str, body: Mapping[str, Any] | None = None, *, repeatable: bool = False) -> Json:
        return self._request(method, path, body, repeatable=repeatable)

    def _request(self, method: str, path: str, body: Mapping[str, Any] | None, **options: Any) -> Json:
        where = path if path.startswith("/") else f"/apps/{quote(self.app)}/{path}".rstrip("/")
        response = self._session.request(method, self._url + where, json=body, **options)
        return response.json() if response.content else None

    def _app(self) -> Any:
        """heroku3's app on our session. Not ``from_key``: that asks the API once more and ignores what it answers."""
        import heroku3.api  # type: ignore[import-untyped]
        from heroku3.models.app import App  # type: ignore[import-untyped]

        headers = {**self._session.headers}
        client = heroku3.api.Heroku(session=self._session)
        self._session.headers.update(headers)  # it puts its own version of the API there
        client._heroku_url = self._url
        return App.new_from_dict({"name": self.app, "id": self.app}, h=client)


def _secrets(values: Json) -> dict[str, Secret]:
    if not isinstance(values, Mapping) or not all(isinstance(value, str | None) for value in values.values()):
        raise _unexpected()
    return {str(name): Secret(value) for name, value in values.items() if value is not None}


def _through_heroku3(call: Callable[[], Json]) -> Json:
    """What heroku3 answers. An error of its own ends here: the values stand in its texts and in the reprs of its
    objects, and what it has sent is not known."""
    try:
        return call()
    except PaasctlError:
        raise
    except Exception as error:
        failure = Uncertain(f"heroku3 failed with {type(error).__name__}", hint=TRY_AGAIN)
    raise failure


def _record(kind: type[R], data: Json) -> R:
    with _promised():
        return kind.read(data)


def _records(kind: type[R], data: Json) -> tuple[R, ...]:
    if not isinstance(data, list):
        raise _unexpected()
    return tuple(_record(kind, one) for one in data)


def _object(data: Json) -> Mapping[str, Json]:
    if not isinstance(data, Mapping):
        raise _unexpected()
    return data


def _address(url: Json) -> Secret:
    if not isinstance(url, str):
        raise TypeError
    return Secret(url)


@contextmanager
def _promised() -> Iterator[None]:
    """Read an answer as Heroku's API promises it to be."""
    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError):
        raise _unexpected() from None


def _unexpected() -> PaasctlError:
    return PaasctlError("Heroku's answer is not what its API promises", hint="try again; https://status.heroku.com")
