"""Why can they see this? Everything by which somebody reaches a study, and how to stop it."""

import dataclasses
import datetime
from collections.abc import Iterator
from typing import Any

from django.urls import reverse
from django.utils import timezone

from sharing.access import gate
from sharing.access.principal import Principal
from sharing.access.rules import Action
from sharing.accounts.queries import counted_by_role
from sharing.accounts.rules import Role
from sharing.console import rules
from sharing.grants.models import Grant
from sharing.grants.principal.giving import giving
from sharing.grants.queries.grants import written
from sharing.grants.queries.offers import sent_of_study
from sharing.grants.rules.offers import REACHING
from sharing.grants.rules.terms import PURPOSES, Terms
from sharing.grants.rules.words import Facts, because, doing, last_day
from sharing.links.queries import in_state, links_for, links_of_study
from sharing.links.rules import LinkState
from sharing.studies.models import Study
from sharing.studies.rules import date_text, name_text

WORKS_AS = {
    Role.UPLOADER: "uploader",
    Role.READER: "reader",
    Role.COMPLIANCE: "compliance officer",
    Role.DATA_OFFICER: "data officer",
    Role.ADMINISTRATOR: "administrator",
}
ASKING = (Action.SHARE, Action.REVIEW, Action.AGREE)


@dataclasses.dataclass(frozen=True, slots=True)
class Opening:
    """One way by which somebody outside reaches the study now.

    `stop` is an address that a form is sent to, at a press; `ask` a page that asks once more.
    """

    icon: str
    who: str
    what: str
    why: str
    until: datetime.datetime | datetime.date
    href: str = ""
    stop: str = ""
    ask: str = ""
    label: str = ""


def explained(by: Principal, study: Study) -> dict[str, Any]:
    """For those who share, review or agree: who outside reaches their study, and who here."""
    if not gate.is_own(by, study) or not any(by.may(one) for one in ASKING):
        return {}
    openings = [*_by_grants(by, study), *_by_offers(by, study), *_by_links(by, study)]
    counted = counted_by_role(study.institution_id)
    people = (rules.count(number, WORKS_AS[role]) for role, number in counted)
    return {"openings": openings, "people": ", ".join(people)}


def _by_grants(by: Principal, study: Study) -> Iterator[Opening]:
    for grant, terms in giving(study):
        speaks = by.may(Action.AGREE)
        yield Opening(
            icon="shield",
            who=f"Everybody at {grant.recipient.name}" if _is_open(terms) else grant.recipient.name,
            what=f"They may {doing(terms)}. For: {PURPOSES[terms.purpose].lower()}.",
            why=f"Because {because(terms.filter, _facts(study))}. Agreed: {written(terms.filter)}",
            until=last_day(terms.valid_until),
            href=reverse("partner", args=[grant.pk]) if speaks else "",
            stop=reverse("partner-stop", args=[grant.pk]) if speaks else "",
            label="Stop the whole agreement",
        )


def _is_open(terms: Terms) -> bool:
    """Whether whoever works there gets in, and not machines and programs alone."""
    return "people" in terms.channels and not terms.networks


def _facts(study: Study) -> Facts:
    return Facts(
        modalities=frozenset(study.modalities.split("\\")),
        department=study.department.name if study.department else "",
        tags=frozenset(study.tags.values_list("label", flat=True)),
        referrer=name_text(study.referring_physician),
        date=date_text(study.date),
    )


def _by_offers(by: Principal, study: Study) -> Iterator[Opening]:
    sends = by.may(Action.SHARE)
    for offer in sent_of_study(by, study):
        if offer.state not in REACHING or offer.expires_at <= timezone.now():
            continue
        yield Opening(
            icon="inbox",
            # By the address that the sender knew: whose it is, the other side alone says.
            who=f"{offer.person.email} at {offer.recipient.name}"
            if offer.person
            else offer.recipient.name,
            what=f"They may view{' and download' if offer.may_download else ''} it.",
            why=f"Because {offer.created_by} sent it to them on {_day(offer.created_at)}.",
            until=offer.expires_at,
            href=reverse("offer", args=[offer.pk]) if sends else "",
            stop=reverse("offer-withdraw", args=[offer.pk]) if sends else "",
            label="Withdraw",
        )


def _by_links(by: Principal, study: Study) -> Iterator[Opening]:
    mine = set(links_for(by).values_list("pk", flat=True))
    for link in in_state(links_of_study(by, study), LinkState.OPEN):
        own = link.pk in mine
        yield Opening(
            icon="link",
            who=link.recipient_name or link.recipient_email or "Whoever has the link",
            what=f"They may view{' and download' if link.may_download else ''} it.",
            why=f"Because {link.created_by} made a share link on {_day(link.created_at)}.",
            until=link.expires_at,
            href=reverse("link", args=[link.pk]) if own else "",
            ask=reverse("link-revoke", args=[link.pk]) if own else "",
            label="Revoke the link",
        )


def _day(moment: datetime.datetime) -> str:
    local = timezone.localtime(moment)
    return f"{local.day} {local:%b %Y}"


def agreement(by: Principal, study: Study) -> dict[str, Any]:
    """By which agreement a partner's study was opened just now, and for what."""
    entered = by.through.get(study.pk)
    if entered is None:
        return {}
    grant = Grant.objects.filter(pk=entered.agreement, recipient=by.actor.institution_id).first()
    if grant is None or grant.version is None:
        return {}
    terms = grant.version.read()
    return {
        "agreement": grant,
        "may_agree": by.may(Action.AGREE),
        "agreed": {
            "doing": doing(terms),
            "purpose": PURPOSES[terms.purpose].lower(),
            "studies": written(terms.filter),
            "until": last_day(terms.valid_until),
        },
    }
