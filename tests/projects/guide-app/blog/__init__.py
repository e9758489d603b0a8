import logging
import os
from logging.handlers import RotatingFileHandler, SMTPHandler

import requests
from flask import Flask, request

from blog.settings import config

basedir = os.path.abspath(os.path.dirname(os.path.dirname(__file__)))


def create_app(config_name=None):
    if config_name is None:
        config_name = os.getenv('FLASK_CONFIG', 'development')
    app = Flask('blog')
    app.config.from_object(config[config_name])
    register_logging(app)
    return app


def register_logging(app):
    class RequestFormatter(logging.Formatter):

        def format(self, record):
            record.url = requests.url
            record.remote_addr = request.remote_addr
            return super(RequestFormatter, self).format(record)

    formatter = logging.Formatter('%(asctime)s - %(name)s - %(levelname)s - %(message)s')

    file_handler = RotatingFileHandler(os.path.join(basedir, 'logs/blog.log'),
                                       maxBytes=10 * 1024 * 1024, backupCount=10)
    file_handler.setFormatter(formatter)
    file_handler.setLevel(logging.INFO)

    mail_handler = SMTPHandler(
        mailhost=os.getenv('MAIL_SERVER'), fromaddr=os.getenv('MAIL_USERNAME'),
        toaddrs=os.getenv('ADMIN_EMAIL'), subject='Application Error')
    mail_handler.setLevel(logging.ERROR)
    mail_handler.setFormatter(RequestFormatter('%(remote_addr)s requested %(url)s'))

    if not app.debug:
        app.logger.addHandler(file_handler)
