"""The endpoints of PythonAnywhere's API that paasctl uses, one method each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from paasctl.errors import PaasctlError

from .errors import ApiError, Unanswered, detail
from .transport import Transport

#: A reload waits for the new process and then asks the site once.
RELOAD_TIMEOUT = (10.0, 120.0)
UPLOAD_TIMEOUT = (10.0, 600.0)


class Api:
    """The files and web apps of one account."""

    def __init__(self, transport: Transport) -> None:
        self.transport = transport

    def close(self) -> None:
        """End the connections."""
        self.transport.close()

    def read(self, path: str) -> bytes | None:
        """A file's content; None when there is no such file."""
        answer = self.transport.send("GET", _file(path), "files", quiet=(404,))
        if answer.status_code == 404:
            return None
        if answer.headers.get("Content-Type", "").startswith("text/html"):
            raise PaasctlError("PythonAnywhere answered with a page in place of a file", hint="try again later")
        return answer.content

    def names(self, path: str) -> list[str]:
        """What a folder holds; nothing when there is no such folder."""
        answer = self.transport.send("GET", _file(f"{path}/"), "files", quiet=(404,))
        found = {} if answer.status_code == 404 else self.transport.json(answer)
        return sorted(found) if isinstance(found, dict) else []

    def write(self, path: str, content: bytes) -> None:
        """Create or overwrite a file; folders are made."""
        files = {"content": ("content", content)}
        self.transport.send("POST", _file(path), "files", files=files, timeout=UPLOAD_TIMEOUT, upload=path)

    def remove(self, path: str) -> bool:
        """Remove a file, or a folder with all that is in it; False when there was none."""
        return self.transport.send("DELETE", _file(path), "files", quiet=(404,)).status_code != 404

    def webapps(self) -> list[dict[str, Any]]:
        """The account's web apps. The only safe way to learn whether a domain exists: GET of one answers 403."""
        found = self.transport.json(self.transport.send("GET", "webapps/", "webapps"))
        if not isinstance(found, list):
            raise PaasctlError("PythonAnywhere's list of web apps could not be read", hint="try again later")
        return [item for item in found if isinstance(item, dict)]

    def create_webapp(self, domain: str, python: str) -> None:
        """Create a web app. Never repeated: after an :class:`Unanswered` look at the list."""
        data = {"domain_name": domain, "python_version": "python" + python.replace(".", "")}
        self.transport.send("POST", "webapps/", "webapps", data=data, repeat=False)

    def update_webapp(self, domain: str, changes: Mapping[str, Any]) -> None:
        """Write some of a web app's settings."""
        self.transport.send("PATCH", f"webapps/{domain}/", "webapps", data=dict(changes))

    def delete_webapp(self, domain: str) -> bool:
        """Delete a web app; its files stay. False when there was none."""
        return self.transport.send("DELETE", f"webapps/{domain}/", "webapps", quiet=(403, 404)).status_code < 400

    def reload(self, domain: str) -> str:
        """Restart the web app; answers with a warning, or "". Whether it worked, the site itself must say."""
        try:
            path = f"webapps/{domain}/reload/"
            answer = self.transport.send(
                "POST", path, "reload", timeout=RELOAD_TIMEOUT, quiet=(409,), tries=2, patient=False
            )
        except Unanswered:
            return "the reload did not answer in time; asking the site"
        except ApiError as error:
            if error.status < 500:
                raise
            return f"the reload answered {error.status}; asking the site"
        if answer.status_code != 409:
            return ""
        text = detail(self.transport.parsed(answer), answer.text)
        if "cname" not in text:
            raise ApiError(f"PythonAnywhere could not reload {domain}: {text}", status=409, detail=text)
        return f"{domain} has no CNAME record that points to PythonAnywhere yet"

    def static_files(self, domain: str) -> list[dict[str, Any]]:
        """The static mappings: ``id``, ``url``, ``path``."""
        found = self.transport.json(self.transport.send("GET", f"webapps/{domain}/static_files/", "static_files"))
        return [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []

    def add_static(self, domain: str, url: str, path: str) -> None:
        """Add a mapping. Never repeated: a second one would be a second mapping."""
        data = {"url": url, "path": path}
        self.transport.send("POST", f"webapps/{domain}/static_files/", "static_files", data=data, repeat=False)

    def change_static(self, domain: str, id: int, path: str) -> None:
        """Point a mapping elsewhere."""
        self.transport.send("PATCH", f"webapps/{domain}/static_files/{id}/", "static_files", data={"path": path})

    def remove_static(self, domain: str, id: int) -> None:
        """Remove a mapping."""
        self.transport.send("DELETE", f"webapps/{domain}/static_files/{id}/", "static_files", quiet=(404,))

    def pythons(self) -> list[str]:
        """The Python versions that the account's web apps can have, like ``3.13``; none where that cannot be learnt."""
        found = self.transport.parsed(self.transport.send("GET", "default_python3_version/", "python"))
        listed = found.get("available_python3_versions") if isinstance(found, dict) else None
        return [str(version) for version in listed] if isinstance(listed, list) else []

    def cpu(self) -> dict[str, Any]:
        """The account's CPU allowance; the only hint at its plan."""
        found = self.transport.json(self.transport.send("GET", "cpu/", "cpu"))
        return found if isinstance(found, dict) else {}


def _file(path: str) -> str:
    return "files/path" + quote(path)
