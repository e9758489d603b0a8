"""Several sites of one account: an app that is pushed to two domains has two states."""

from collections.abc import Callable

import pytest
from standin import Platform
from standin.laptop import Laptop
from standin.visitor import DOMAIN, get

from paasctl.errors import UsageError

pytestmark = pytest.mark.e2e
Make = Callable[..., Laptop]
STAGING = "staging-eric.pythonanywhere.com"


def version(app: Laptop, text: str) -> None:
    app.write("wsgi.py", (app.root / "wsgi.py").read_text().replace('VERSION = "v001"', f'VERSION = "{text}"'))


def test_one_app_on_two_domains(platform: Platform, laptop: Make) -> None:
    platform.account.free = False
    prod, staging = laptop(folder="prod/shop"), laptop(folder="staging/shop", domain=STAGING)
    for app in (prod, staging):
        app.write("data/kept.txt", "kept")
        app.config('[app]\nname = "shop"\npersist = ["data/"]\n')
    prod.push()
    version(staging, "v002")
    staging.push()
    assert [step.title for step in staging.plan().steps] == []
    platform._reload(DOMAIN)
    assert "first v001" in get(platform).text
    assert "first v002" in get(platform, domain=STAGING).text

    staging.operate("down", True)
    platform._reload(DOMAIN)
    assert list(platform.account.webapps) == [DOMAIN]
    assert "first v001" in get(platform).text
    assert [r.id for r in prod.operate("releases")] == ["r1"]
    assert platform.account.real("/home/eric/.paasctl/data/shop").is_dir()
    assert not platform.account.real(f"/home/eric/.paasctl/data/shop.{STAGING}").exists()


def test_the_state_of_another_domain_is_refused(platform: Platform, laptop: Make) -> None:
    """Somebody copied or renamed the folders by hand."""
    platform.account.free = False
    prod, staging = laptop(folder="prod/shop"), laptop(folder="staging/shop", domain=STAGING)
    prod.push()
    apps = platform.account.real("/home/eric/.paasctl/apps")
    (apps / "shop").rename(apps / f"shop.{STAGING}")
    with pytest.raises(UsageError, match=f"is of {DOMAIN}, not of {STAGING}; nothing was changed") as caught:
        staging.push()
    assert caught.value.exit_code == 2
