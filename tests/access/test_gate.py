"""The gate: what each person reaches, what is refused, and the row that either leaves."""

import datetime
import uuid
from typing import Any

import pytest
from django.db import DatabaseError
from django.utils import timezone

from sharing.access import gate
from sharing.access import principal as principals
from sharing.access.principal import Principal
from sharing.access.rules import ROLE_ACTIONS, TOKEN_ACTIONS, Action, Rule
from sharing.accounts.models import Membership
from sharing.accounts.rules import MembershipState, Role
from sharing.audit.models import AuditEvent
from sharing.audit.rules import Act, Outcome
from sharing.credentials.actions import create_token
from sharing.credentials.principal import bearer
from sharing.kernel.errors import (
    AuditUnavailableError,
    NotAllowedError,
    NotThereError,
    SignInNeededError,
)
from sharing.kernel.requests import Origin
from sharing.links import actions as links
from sharing.links import principal as claims
from sharing.links.models import ShareLink
from sharing.studies.models import Study
from tests import factories as f

pytestmark = pytest.mark.django_db
WEB = Origin("198.51.100.7", "a browser", "page")


def visitor(*given: tuple[Study, object], **options: object) -> Principal:
    """Somebody who has opened a link to what was given."""
    made = links.create_link(items=list(given), by=f.principal("Ben"), **options)  # type: ignore[arg-type]
    return opened(made)


def opened(made: links.NewLink) -> Principal:
    """Somebody who opens a link now."""
    secret = made.url.rpartition(".")[2]
    claimed = links.claim_link(made.link.pk, secret, origin=WEB, passcode=made.passcode)
    assert isinstance(claimed, links.Claimed)
    found = claims.claim(claimed.claim.pk, claimed.secret, WEB)
    assert found is not None
    return found


def last() -> AuditEvent:
    return AuditEvent.objects.latest("pk")


# ---- Reach -------------------------------------------------------------------------------------


def test_cleo_at_mercy_cannot_tell_generals_study_from_none():
    study = f.study(f.principal("Ben"))
    cleo = f.principal("Cleo")
    with pytest.raises(NotThereError) as there:
        gate.study(cleo, Action.SEARCH, id=study.pk)
    with pytest.raises(NotThereError) as not_there:
        gate.study(cleo, Action.SEARCH, id=uuid.uuid4())
    assert there.value.detail == not_there.value.detail
    assert list(gate.studies(cleo)) == []


def test_a_refusal_leaves_a_row_that_names_who_asked():
    study = f.study(f.principal("Ben"))
    with pytest.raises(NotThereError):
        gate.study(f.principal("Cleo"), Action.SEARCH, id=study.pk)
    assert (last().action, last().outcome) == (Act.ACCESS_REFUSED, Outcome.REFUSED)
    assert last().actor_name == "cleo@mercy.example"
    assert last().study_id is None


def test_a_study_that_is_opened_leaves_its_row_and_no_name():
    study = f.study(f.principal("Ben"))
    gate.study(f.principal("Rosa"), Action.VIEW, id=study.pk)
    row = last()
    assert (row.action, row.study_id, row.custodian_id) == (
        *(Act.STUDY_OPENED, study.pk),
        study.institution_id,
    )
    said = f"{row.detail} {row.reason} {row.patient_ref}"
    assert study.patient.name not in said
    assert study.patient.patient_id not in said


def test_a_visitor_cannot_reach_the_other_study_of_the_same_patient():
    ben = f.principal("Ben")
    patient: dict[str, Any] = {"PatientName": "Probe^Petra", "PatientID": "P1"}
    f.upload(ben, f.image(1, **patient), f.image(2, **patient))
    shared, other = Study.objects.order_by("uid")
    assert shared.patient == other.patient
    guest = visitor((shared, None))
    assert list(gate.studies(guest)) == [shared]
    with pytest.raises(NotThereError):
        gate.study(guest, Action.VIEW, id=other.pk)


def test_a_link_counts_as_one_asker_however_often_it_was_opened():
    ben = f.principal("Ben")
    made = links.create_link(items=[(f.study(ben), None)], by=ben)
    first, again = (opened(made) for _ in range(2))
    assert first.actor.id != again.actor.id
    assert first.asker == again.asker != f.principal("Rosa").asker


def test_a_visitor_with_one_series_cannot_reach_its_sister():
    study = f.study(f.principal("Ben"), series=2)
    first, second = study.series.order_by("number")
    guest = visitor((study, first))
    assert list(gate.series_of(guest, study)) == [first]
    assert not gate.instances_of(guest, second).exists()
    with pytest.raises(NotThereError):
        gate.series(guest, Action.VIEW, study_uid=study.uid, uid=second.uid, act=Act.METADATA_READ)
    hidden = second.instances.all()[0]
    with pytest.raises(NotThereError):
        gate.instance(
            guest, Action.VIEW, study_uid=study.uid, series_uid=second.uid, uid=hidden.uid
        )


def test_a_series_is_not_found_below_another_study():
    ben = f.principal("Ben")
    one, two = f.study(ben, number=1), f.study(ben, number=2)
    with pytest.raises(NotThereError):
        gate.series(
            ben, Action.VIEW, study_uid=two.uid, uid=f.first_series(one).uid, act=Act.METADATA_READ
        )


@pytest.mark.parametrize("uid", ["", "1.2.", "../1", "1.2.3'--", "1" * 65])
def test_what_is_no_uid_is_not_there(uid: str):
    with pytest.raises(NotThereError):
        gate.series(f.principal("Ben"), Action.VIEW, study_uid=uid, uid=uid, act=Act.METADATA_READ)


# ---- Actions -----------------------------------------------------------------------------------


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("action", list(Action))
def test_a_role_permits_what_it_lists_and_nothing_else(role: Role, action: Action):
    who = next(name for name, (_, theirs) in f.WORK.items() if theirs == role)
    if action in ROLE_ACTIONS[role]:
        gate.permit(f.principal(who), action)
    else:
        with pytest.raises(NotAllowedError):
            gate.permit(f.principal(who), action)


def test_dora_sees_no_image():
    study = f.study(f.principal("Ben"))
    with pytest.raises(NotAllowedError):
        gate.study(f.principal("Dora"), Action.VIEW, id=study.pk)


def test_a_view_only_visitor_who_wants_the_file_hears_that_there_is_none():
    guest = visitor((f.study(f.principal("Ben")), None))
    gate.permit(guest, Action.VIEW)
    for wanted in (Action.DOWNLOAD, Action.SHARE, Action.UPLOAD, Action.REVIEW, Action.ADMINISTER):
        with pytest.raises(NotThereError):
            gate.permit(guest, wanted)


def test_nobody_is_asked_to_sign_in_and_that_leaves_no_row():
    nobody = principals.nobody(WEB)
    for wanted in (*Action, Rule.SIGNED_IN):
        with pytest.raises(SignInNeededError):
            gate.permit(nobody, wanted)
    gate.permit(nobody, Rule.ANYBODY)
    assert not AuditEvent.objects.exists()


def test_a_token_can_do_less_than_its_owner_and_never_more():
    study = f.study(f.principal("Ben"))
    made = create_token(
        membership=f.member("Ben"),
        lifetime=datetime.timedelta(hours=1),
        scopes=[Action.SEARCH],
        by=f.principal("Ben"),
    )
    program = bearer(made.text, WEB)
    assert program is not None
    gate.study(program, Action.SEARCH, id=study.pk)
    with pytest.raises(NotAllowedError):
        gate.study(program, Action.DOWNLOAD, id=study.pk)
    assert last().credential == "token"


def test_no_token_administers():
    assert Action.ADMINISTER not in TOKEN_ACTIONS


# ---- Ends --------------------------------------------------------------------------------------


def test_a_suspended_member_reaches_nothing_from_the_next_question_on():
    study = f.study(f.principal("Ben"))
    rosa = f.principal("Rosa")
    assert rosa.still_allowed()
    Membership.objects.filter(pk=f.member("Rosa").pk).update(state=MembershipState.SUSPENDED)
    assert not rosa.still_allowed()
    again = f.principal("Rosa")
    assert not list(gate.studies(again))
    with pytest.raises(NotAllowedError):
        gate.study(again, Action.SEARCH, id=study.pk)


def test_a_person_whose_account_is_closed_reaches_nothing():
    ben = f.member("Ben")
    ben.user.is_active = False
    assert not principals.member(ben, WEB).actions


def test_a_stream_breaks_off_when_its_link_is_revoked(monkeypatch: pytest.MonkeyPatch):
    guest = visitor((f.study(f.principal("Ben")), None), may_download=True)
    clock = iter(range(0, 100, 1))
    monkeypatch.setattr("sharing.access.gate.time.monotonic", lambda: float(next(clock)))
    stream = gate.guard_stream(guest, iter([b"one", b"two", b"three"]))
    assert next(stream) == b"one"
    ShareLink.objects.update(revoked_at=timezone.now(), revoked_by=f.member("Ben").user)
    with pytest.raises(gate.StreamEndedError):
        next(stream)


def test_over_a_slow_line_a_stream_breaks_off_in_the_middle_of_a_chunk(
    monkeypatch: pytest.MonkeyPatch,
):
    f.study(f.principal("Ben"))
    clock = iter(range(0, 100, 1))
    monkeypatch.setattr("sharing.access.gate.time.monotonic", lambda: float(next(clock)))
    stream = gate.guard_stream(f.principal("Rosa"), iter([bytes(2**20), bytes(2**20)]))
    sent = len(next(stream))
    Membership.objects.filter(pk=f.member("Rosa").pk).update(state=MembershipState.SUSPENDED)
    with pytest.raises(gate.StreamEndedError):
        next(stream)
    assert sent <= 64 * 1024


def test_over_a_fast_line_chunks_are_handed_on_as_they_are():
    chunks = [bytes([one]) * 2**20 for one in range(4)]
    handed = list(gate.guard_stream(f.principal("Rosa"), iter(chunks)))
    assert handed[-3:] == chunks[-3:]
    assert b"".join(handed) == b"".join(chunks)


def test_what_cannot_be_written_down_does_not_happen(monkeypatch: pytest.MonkeyPatch):
    study = f.study(f.principal("Ben"))
    ada = f.principal("Ada")

    def fail(**_: object) -> None:
        raise DatabaseError("the disk is full")

    monkeypatch.setattr(AuditEvent.objects, "create", fail)
    with pytest.raises(AuditUnavailableError):
        gate.study(ada, Action.SEARCH, id=study.pk)
    with pytest.raises(AuditUnavailableError):
        gate.searched(ada)
