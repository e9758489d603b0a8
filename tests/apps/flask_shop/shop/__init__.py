import logging
from logging.handlers import RotatingFileHandler
from pathlib import Path

from flask import Flask

from shop.config import Config
from shop.extensions import db, migrate
from shop.version import VERSION


def create_app():
    app = Flask(__name__, instance_path=str(Path(__file__).resolve().parent.parent / "instance"))
    app.config.from_object(Config)
    for folder in (app.instance_path, app.config["UPLOAD_FOLDER"]):
        Path(folder).mkdir(parents=True, exist_ok=True)
    db.init_app(app)
    migrate.init_app(app, db)
    register_logging(app)
    from shop.views import shop

    app.register_blueprint(shop)
    app.logger.info("shop %s is up", VERSION)
    return app


def register_logging(app):
    Path(app.config["LOG_FILE"]).parent.mkdir(exist_ok=True)
    handler = RotatingFileHandler(app.config["LOG_FILE"], maxBytes=10 * 1024 * 1024, backupCount=10)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    app.logger.addHandler(handler)
    app.logger.setLevel(logging.INFO)
