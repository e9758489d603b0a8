import os
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


class Config:
    SECRET_KEY = os.environ.get("SECRET_KEY") or "dev"
    SQLALCHEMY_DATABASE_URI = os.environ.get("DATABASE_URL") or "sqlite:///shop.db"
    UPLOAD_FOLDER = str(ROOT / "uploads")
    LOG_FILE = str(ROOT / "logs" / "app.log")
    MAX_CONTENT_LENGTH = 4 * 1024 * 1024
