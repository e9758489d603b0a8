"""Counts the orders every half second and leaves a heartbeat in the instance folder."""

import json
import os
import time
from pathlib import Path

from shop import create_app
from shop.models import Order
from shop.version import VERSION

app = create_app()


def beat(number):
    with app.app_context():
        orders = Order.query.count()
    path = Path(app.instance_path) / "heartbeat.json"
    # by its own name: a Procfile may run this worker twice
    candidate = path.with_suffix(f".{os.getpid()}.tmp")
    candidate.write_text(json.dumps({"pid": os.getpid(), "version": VERSION, "beat": number, "orders": orders}))
    candidate.replace(path)


def main():
    app.logger.info("worker %s started", VERSION)
    number = 0
    while True:
        number += 1
        beat(number)
        time.sleep(0.5)


if __name__ == "__main__":
    main()
