"""Links as the tests need them."""

from typing import Any

from sharing.access.principal import Principal
from sharing.kernel.requests import Origin
from sharing.links import actions
from sharing.links.actions import NewLink
from sharing.links.forms import ClaimForm
from sharing.studies.models import Study

VISITOR = Origin("198.51.100.7", "Mozilla/5.0 (iPhone) Safari/604.1", "page")


def link(by: Principal, *studies: Study, **wishes: Any) -> NewLink:
    return actions.create_link(items=[(one, None) for one in studies], by=by, **wishes)


def parts(made: NewLink) -> tuple[Any, str]:
    """The id and the secret that stand in a link."""
    form = ClaimForm({"link": made.url})
    form.full_clean()
    return form.locator()


def token(made: NewLink) -> str:
    return made.url.partition("#")[2]


def opened(made: NewLink, **given: Any) -> actions.Claimed | actions.Asked:
    link_id, secret = parts(made)
    return actions.claim_link(
        link_id, secret, origin=VISITOR, **{"passcode": made.passcode, **given}
    )
