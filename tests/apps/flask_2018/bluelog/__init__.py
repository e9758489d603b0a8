import hashlib
import logging
import os
from logging.handlers import RotatingFileHandler

from flask import Flask, jsonify, make_response, render_template
from flask_migrate import Migrate
from flask_sqlalchemy import SQLAlchemy

from bluelog.settings import basedir, config

VERSION = 'v001'

db = SQLAlchemy()
migrate = Migrate()


class Post(db.Model):
    id = db.Column(db.Integer, primary_key=True)
    title = db.Column(db.String(60))


def create_app(config_name=None):
    if config_name is None:
        config_name = os.getenv('FLASK_CONFIG', 'development')
    app = Flask('bluelog')
    app.config.from_object(config[config_name])
    db.init_app(app)
    migrate.init_app(app, db)
    register_logging(app)

    @app.route('/')
    def index():
        response = make_response(render_template('index.html', version=VERSION, posts=Post.query.count()))
        response.headers['X-Version'] = VERSION
        return response

    @app.route('/posts', methods=['POST'])
    def new_post():
        db.session.add(Post(title='hello'))
        db.session.commit()
        return 'created', 201

    @app.route('/about')
    def about():
        secret = hashlib.sha256(b'shop:' + app.config['SECRET_KEY'].encode()).hexdigest()[:16]
        return jsonify(
            version=VERSION, pid=os.getpid(), secret=secret, posts=Post.query.count(), names=sorted(os.environ)
        )

    return app


def register_logging(app):
    app.logger.setLevel(logging.INFO)
    os.makedirs(os.path.join(basedir, 'logs'), exist_ok=True)
    handler = RotatingFileHandler(
        os.path.join(basedir, 'logs/bluelog.log'), maxBytes=10 * 1024 * 1024, backupCount=10
    )
    handler.setFormatter(logging.Formatter('%(asctime)s - %(name)s - %(levelname)s - %(message)s'))
    handler.setLevel(logging.INFO)
    if not app.debug:
        app.logger.addHandler(handler)
