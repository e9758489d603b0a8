import hashlib
import logging
import os
from contextlib import asynccontextmanager

from fastapi import FastAPI, Response

VERSION = "v001"

log = logging.getLogger("api")


def fingerprint(value: str) -> str:
    return hashlib.sha256(b"shop:" + value.encode()).hexdigest()[:16]


@asynccontextmanager
async def lifespan(app: FastAPI):
    app.state.ready = True
    log.info("api %s is up", VERSION)
    yield


app = FastAPI(title="Fruit", lifespan=lifespan)


@app.get("/")
async def index(response: Response) -> dict[str, object]:
    response.headers["X-Version"] = VERSION
    return {"text": f"first {VERSION} ... last {VERSION}", "ready": app.state.ready}


@app.get("/about")
async def about() -> dict[str, object]:
    return {
        "version": VERSION,
        "pid": os.getpid(),
        "secret": fingerprint(os.environ.get("SECRET_KEY", "")),
        "names": sorted(os.environ),
    }
