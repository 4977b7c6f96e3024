"""What time does to offers and requests, both sides' audit of them, and the mails."""

import hashlib
import uuid
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from sharing.access import gate
from sharing.audit.actions import patient_reference, record
from sharing.audit.actions.recording import Asking
from sharing.audit.rules import Act
from sharing.grants.models import ImageRequest, Offer
from sharing.grants.rules.offers import (
    OPEN_REQUESTS,
    REACHING,
    OfferState,
    RequestState,
)
from sharing.grants.work.noting import the_clock
from sharing.jobs.work import Run
from sharing.kernel import wall
from sharing.mails.models import Mail
from sharing.mails.work import Letter, deliver, mail_job
from sharing.studies.models import Study
from sharing.studies.rules import fold

# ---- The audit ---------------------------------------------------------------------------------


def note(act: Act, offer: Offer, *, by: Asking, study_id: uuid.UUID, **facts: Any) -> None:
    """What the sender or the clock did: a row of the study, and one for the other side."""
    own = {"study_id": study_id, "custodian_id": facts.pop("custodian_id")}
    own["patient_ref"] = facts.pop("patient_ref")
    shared: dict[str, Any] = {**facts, "grant_id": offer.pk, "recipient": offer.recipient.name}
    record(act, by=by, **own, **shared)
    record(act, by=by, custodian_id=offer.recipient_id, **shared)


def note_about(act: Act, offer: Offer, *, by: Asking, **detail: Any) -> None:
    """`note`, with the facts of the study that the offer gives."""
    note(act, offer, by=by, **_facts(offer), **detail)


def note_answer(act: Act, offer: Offer, *, by: Asking) -> None:
    """What the recipient did with another's study: one row, which both sides read."""
    record(act, by=by, grant_id=offer.pk, sender=offer.sender.name, **_facts(offer))


def _facts(offer: Offer) -> dict[str, Any]:
    """Of the sender's study, also once the recipient, who has just said no, does not reach it."""
    with wall.acting_for(offer.sender_id):
        return gate.facts(Study.objects.select_related("patient").get(pk=offer.study_id))


def note_request(act: Act, request: ImageRequest, *, by: Asking, **detail: Any) -> None:
    """One row for each side; of the patient nothing but a keyed reference."""
    said = "\x00".join((fold(request.patient_name), request.birth_date, request.patient_id))
    about = hashlib.sha256(said.encode()).digest()
    for one, other in ((request.asked, request.asker), (request.asker, request.asked)):
        record(
            act,
            by=by,
            custodian_id=one.pk,
            grant_id=request.pk,
            patient_ref=patient_reference(request.asked_id, about),
            partner=other.name,
            **detail,
        )


# ---- The clock ---------------------------------------------------------------------------------


def tick() -> int:
    """Say of what is over that it is; it has not counted any more since its end."""
    ended = expire(Offer.objects.all())
    now = timezone.now()
    for pk in list(_due(ImageRequest.objects.filter(state__in=OPEN_REQUESTS))):
        with transaction.atomic():
            over = ImageRequest.objects.filter(pk=pk, state__in=OPEN_REQUESTS, expires_at__lte=now)
            if over.update(state=RequestState.EXPIRED, ended_at=now):
                request = ImageRequest.objects.select_related("asker", "asked").get(pk=pk)
                note_request(Act.REQUEST_ENDED, request, by=the_clock())
                ended += 1
    return ended


def expire(found: QuerySet[Offer]) -> int:
    """End those of `found` whose last day is over."""
    now, ended = timezone.now(), 0
    for pk in list(_due(found.filter(state__in=REACHING))):
        with transaction.atomic():
            over = Offer.objects.filter(pk=pk, state__in=REACHING, expires_at__lte=now)
            if over.update(state=OfferState.EXPIRED, ended_at=now):
                offer = Offer.objects.select_related("recipient", "sender").get(pk=pk)
                note_about(Act.OFFER_ENDED, offer, by=the_clock())
                ended += 1
    return ended


def _due(found: QuerySet[Any]) -> QuerySet[Any]:
    return found.filter(expires_at__lte=timezone.now()).order_by().values_list("pk", flat=True)


# ---- Mails -------------------------------------------------------------------------------------


@mail_job("grants.mail-offer")
def mail_offer(run: Run, *, offer: str) -> None:
    """Tell one reader that something urgent waits, unless it is answered by now."""

    def write(_mail: Mail) -> Letter | None:
        found = Offer.objects.select_related("sender", "created_by").filter(pk=offer).first()
        if found is None or found.state != OfferState.WAITING or not found.is_running:
            return None
        return _letter(found.get_priority_display(), "images", found.sender.name, "/inbox/")

    deliver(run, write)


@mail_job("grants.mail-request")
def mail_request(run: Run, *, request: str) -> None:
    """Tell one of those who can answer that images are asked for urgently."""

    def write(_mail: Mail) -> Letter | None:
        found = ImageRequest.objects.select_related("asker").filter(pk=request).first()
        if found is None or found.state != RequestState.WAITING:
            return None
        address = f"/inbox/requests/{found.pk}/"
        return _letter(found.get_priority_display(), "a request", found.asker.name, address)

    deliver(run, write)


def _letter(priority: str, what: str, institution: str, address: str) -> Letter:
    """Names an institution and a priority; a mail never names a patient, or a study."""
    context = {
        "priority": priority,
        "what": what,
        "institution": institution,
        "url": f"{settings.BASE_URL}{address}",
    }
    return Letter(f"{priority}: {what} from {institution}", "grants/mail/inbox", context)
