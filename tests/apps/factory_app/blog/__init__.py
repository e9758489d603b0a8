import hashlib
import os

from flask import Flask, jsonify, render_template

VERSION = "v001"


def create_app(config=None):
    app = Flask(__name__)
    app.config["SECRET_KEY"] = os.environ.get("SECRET_KEY", "dev")
    app.config.update(config or {})

    @app.route("/")
    def index():
        return render_template("index.html", version=VERSION), 200, {"X-Version": VERSION}

    @app.route("/about")
    def about():
        secret = hashlib.sha256(b"shop:" + app.config["SECRET_KEY"].encode()).hexdigest()[:16]
        return jsonify(version=VERSION, pid=os.getpid(), secret=secret, names=sorted(os.environ))

    return app
