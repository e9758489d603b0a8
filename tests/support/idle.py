"""An app that asks its database something, as its author wrote it: no pool option, nothing about idle connections."""

FLASK = """
import os
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import text
app = Flask(__name__)
url = os.environ["DATABASE_URL"]
app.config.update(SQLALCHEMY_DATABASE_URI=url, SQLALCHEMY_TRACK_MODIFICATIONS=False,
                  SQLALCHEMY_ENGINE_OPTIONS={"pool_size": 25})
db = SQLAlchemy(app)
@app.route("/")
def index(): return "index"
@app.route("/up")
def up(): return "up"
@app.route("/q")
def q(): return str(db.session.execute(text("SELECT 1 FROM (SELECT %s) AS slow" % os.environ["SLEEP"])).scalar())
"""
