"""Consent that a patient withdraws."""

import uuid

from django.db import transaction
from django.utils import timezone

from sharing.access import gate
from sharing.access.principal import Principal
from sharing.access.rules import Action
from sharing.audit.actions import record
from sharing.audit.rules import Act
from sharing.research.actions.common import Officer, officer
from sharing.research.models import Hold, Item, Release, Withdrawal
from sharing.research.queries.consent import one_person
from sharing.research.rules.states import OVER, Decision, ItemState
from sharing.research.work.filing import WITHDRAWN
from sharing.research.work.making import drop_output, settle
from sharing.studies.models import Patient


def withdraw(study_id: uuid.UUID, *, note: str = "", by: Principal) -> Withdrawal:
    """The patient of this study is in no release from now on, not in one that is under way either.

    What is out stays out: it is listed, so that somebody can write to those who have it.
    """
    at = officer(by)
    study = gate.study(by, Action.SEARCH, id=study_id, act=None)
    with transaction.atomic():
        under_way = _locked(at)
        made, fresh = Withdrawal.objects.get_or_create(
            institution=at.institution,
            patient=study.patient,
            defaults={"note": note.strip()[:300], "created_by": at.person},
        )
        left_out = _leave_out(study.patient, at)
        if fresh:
            facts = gate.facts(study)
            record(Act.CONSENT_WITHDRAWN, by=by, **facts, left_out=left_out)
    for release in under_way:
        settle(release.pk)
    return made


def _locked(at: Officer) -> list[Release]:
    """The releases under way: one that is just being filed is out before, or knows."""
    found = Release.objects.filter(institution=at.institution).exclude(state__in=OVER)
    return list(found.select_for_update().order_by("pk"))


def _leave_out(patient: Patient, at: Officer) -> int:
    """Their files in releases that are not out yet."""
    theirs = Item.objects.filter(
        release__institution=at.institution,
        source__series__study__patient__in=one_person(patient),
        state__in=(ItemState.WAITING, ItemState.MADE, ItemState.EARLIER),
    ).exclude(release__state__in=OVER)
    found = list(theirs.select_for_update(of=("self",)))
    for item in found:
        drop_output(item)
    ids = [item.pk for item in found]
    Hold.objects.filter(item__in=ids, decision="").update(
        decision=Decision.DROPPED, decided_by=at.person, decided_at=timezone.now()
    )
    return Item.objects.filter(pk__in=ids).update(
        state=ItemState.DROPPED, output_key="", why=WITHDRAWN
    )
