import hashlib
import json
import os
import sys
import time
from pathlib import Path

from flask import Blueprint, current_app, jsonify, render_template, request, send_from_directory
from werkzeug.utils import secure_filename

from shop.extensions import db
from shop.models import Order
from shop.version import HEADLINE, VERSION

shop = Blueprint("shop", __name__)


def fingerprint(value):
    return hashlib.sha256(b"shop:" + value.encode()).hexdigest()[:16]


@shop.after_request
def stamp(response):
    response.headers["X-Version"] = VERSION
    return response


@shop.route("/")
def index():
    secret = fingerprint(current_app.config["SECRET_KEY"])
    return render_template("index.html", version=VERSION, headline=HEADLINE, secret=secret)


@shop.route("/about")
def about():
    return jsonify(
        version=VERSION,
        pid=os.getpid(),
        parent=os.getppid(),
        python=".".join(map(str, sys.version_info[:2])),
        secret=fingerprint(current_app.config["SECRET_KEY"]),
        orders=Order.query.count(),
        names=sorted(os.environ),
    )


@shop.route("/env/<name>")
def env(name):
    value = os.environ.get(name)
    return jsonify(set=value is not None, fingerprint=fingerprint(value or ""))


@shop.route("/slow")
def slow():
    time.sleep(0.03)
    return index()


@shop.route("/changes")
def changes():
    here = Path("CHANGES.txt").read_text().split()[0]
    beside = (Path(current_app.root_path).parent / "CHANGES.txt").read_text().split()[0]
    return f"first {VERSION}\ntemplate {here}\ntemplate {beside}\nlast {VERSION}\n"


@shop.route("/orders", methods=["POST"])
def order():
    fruit = request.form.get("fruit", "apple")
    db.session.add(Order(fruit=fruit))
    db.session.commit()
    current_app.logger.info("an order came in: %s", fruit)
    return render_template("order.html", version=VERSION, orders=Order.query.count())


@shop.route("/uploads", methods=["POST"])
def upload():
    file = request.files["file"]
    name = secure_filename(file.filename)
    file.save(Path(current_app.config["UPLOAD_FOLDER"]) / name)
    return jsonify(name=name), 201


@shop.route("/uploads/<path:name>")
def uploaded(name):
    return send_from_directory(current_app.config["UPLOAD_FOLDER"], name)


@shop.route("/heartbeat")
def heartbeat():
    path = Path(current_app.instance_path) / "heartbeat.json"
    return jsonify(json.loads(path.read_text()) if path.exists() else {})
