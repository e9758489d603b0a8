"""A web app of the standard library alone."""

import hashlib
import json
import os

VERSION = "v001"


def about():
    secret = hashlib.sha256(b"shop:" + os.environ.get("SECRET_KEY", "").encode()).hexdigest()[:16]
    return {"version": VERSION, "pid": os.getpid(), "secret": secret, "names": sorted(os.environ)}


def application(environ, start_response):
    if environ["PATH_INFO"] == "/about":
        body, kind = json.dumps(about()), "application/json"
    elif environ["PATH_INFO"] == "/":
        body, kind = f"first {VERSION}\nhello\nlast {VERSION}\n", "text/plain"
    else:
        start_response("404 Not Found", [("Content-Type", "text/plain")])
        return [b"not here\n"]
    start_response("200 OK", [("Content-Type", kind), ("X-Version", VERSION)])
    return [body.encode()]
