"""Grants between General and Mercy, made as people make them."""

import datetime
from typing import Any

from django.utils import timezone

from sharing.accounts.models import Institution
from sharing.grants import actions
from sharing.grants.actions import offers
from sharing.grants.models import Grant, Offer
from sharing.grants.queries.grants import waiting
from sharing.grants.rules.terms import Filter, Terms
from sharing.studies.models import Study
from tests import factories as f

EVERYTHING = ("search", "view", "download")


def terms(*, days: float = 90, begins: float = 0, **changes: Any) -> Terms:
    """Terms for treatment that begin now and last `days`; `narrowed` is the filter's fields."""
    start = timezone.now() + datetime.timedelta(days=begins)
    given: dict[str, Any] = {
        "actions": EVERYTHING,
        "purpose": "TREAT",
        "valid_from": start,
        "valid_until": start + datetime.timedelta(days=days),
        "channels": ("people", "machines", "programs"),
        "filter": Filter(**changes.pop("narrowed", {})),
        "text": "Mercy reads what General sends for a second opinion.",
    }
    return Terms(**{**given, **changes})


# Who agrees for whom: an administrator and a compliance officer each.
SPEAKERS = {
    "General": ("Ada", "Dora"),
    "Mercy": ("Matteo", "Nora"),
    "Harbor": ("Hugo", "Hanna"),
    "Seaside": ("Sara", "Sam"),
}


def proposed(*, of: str = "General", to: str = "Mercy", **changes: Any) -> Grant:
    """One institution lets another see its studies; one person of one side has agreed so far."""
    for name in (*SPEAKERS[of], *SPEAKERS[to]):
        f.member(name)
    custodian, recipient = (Institution.objects.get(name=name) for name in (of, to))
    by = f.principal(SPEAKERS[of][0])
    return actions.propose(custodian=custodian, recipient=recipient, terms=terms(**changes), by=by)


def agreed(grant: Grant, *names: str) -> Grant:
    """The persons named say yes to what waits; without names, all whose yes is wanted."""
    version = waiting(grant)
    assert version is not None
    for name in names or ("Dora", "Matteo", "Nora"):
        actions.agree(grant.pk, digest=version.digest, by=f.principal(name))
    return Grant.objects.get(pk=grant.pk)


def grant(*, of: str = "General", to: str = "Mercy", **changes: Any) -> Grant:
    """One institution lets another see its studies, agreed by two of each side."""
    return agreed(proposed(of=of, to=to, **changes), SPEAKERS[of][1], *SPEAKERS[to])


# ---- Studies that are sent ---------------------------------------------------------------------


def listed(*names: str) -> None:
    """Institutions that want to be found, and let single people be picked by their address."""
    for one in names or ("General", "Mercy", "Lakeside"):
        Institution.objects.update_or_create(
            name=one, defaults={"is_listed": True, "people_by_address": True}
        )


def sent(study: Study, *, by: str = "Ben", to: str = "Mercy", **changes: Any) -> Offer:
    """A study in the inbox of another institution, whose people are all there."""
    listed(to)
    for name, (place, _) in f.WORK.items():
        if place == to:
            f.member(name)
    recipient = Institution.objects.get(name=to)
    return offers.send(study.pk, to=recipient.pk, by=f.principal(by), **changes)
