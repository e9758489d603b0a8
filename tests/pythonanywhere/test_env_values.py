"""Every value of ``.env`` reaches ``os.environ`` of the site byte for byte; the site of the stand-in really runs."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from standin import Platform
from standin.laptop import Laptop
from standin.visitor import get
from support import values

pytestmark = pytest.mark.e2e


def test_every_value_reaches_the_app_byte_for_byte(laptop: Callable[..., Laptop], platform: Platform) -> None:
    shop = laptop()
    wanted = {**values.awkward(), **values.long()}
    values.write(shop.root, wanted, SECRET_KEY="k1-Vn4tXq9bRw2LzJ7cMd5pHs8f")
    shop.push()
    assert values.wrong(wanted, json.loads(get(platform).text)) == []
    assert not shop.plan()
