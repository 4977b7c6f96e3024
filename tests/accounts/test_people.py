"""Changing what people are."""

import html

import pytest

from sharing.accounts import actions
from sharing.accounts.models import Membership
from sharing.accounts.rules import ROLE_SENTENCES, Role
from sharing.audit.models import AuditEvent
from sharing.kernel.errors import ConflictError, NotThereError
from tests import factories as f

pytestmark = pytest.mark.django_db


def test_a_suspended_person_is_out_with_the_next_request():
    rosa, ada = f.browser("Rosa"), f.browser("Ada")
    assert rosa.get("/").status_code == 200
    ada.post(f"/people/{f.member('Rosa').pk}/suspend")
    page = rosa.get("/")
    assert "not a member" in page.content.decode()
    assert rosa.get("/dicom-web/studies").status_code == 403
    ada.post(f"/people/{f.member('Rosa').pk}/reactivate")
    assert rosa.get("/dicom-web/studies").status_code == 200
    changes = AuditEvent.objects.filter(action="member.changed").order_by("pk")
    assert [row.detail["what"] for row in changes] == ["suspended", "reactivated"]


def test_another_role_counts_from_the_next_request_on():
    rosa, ada = f.browser("Rosa"), f.browser("Ada")
    assert rosa.get("/upload/").status_code == 403
    ada.post(f"/people/{f.member('Rosa').pk}/role", {"role": "uploader"})
    assert rosa.get("/upload/").status_code == 200
    row = AuditEvent.objects.get(action="member.changed")
    assert (row.detail["before"], row.detail["role"]) == ("reader", "uploader")


def test_the_last_administrator_stays():
    ada = f.principal("Ada")
    with pytest.raises(ConflictError):
        actions.suspend(f.member("Ada").pk, by=ada)
    with pytest.raises(ConflictError):
        actions.change_role(f.member("Ada").pk, Role.READER, by=ada)
    member = Membership.objects.get(pk=f.member("Ada").pk)
    assert (member.role, member.state) == (Role.ADMINISTRATOR, "active")
    assert not AuditEvent.objects.filter(action="member.changed").exists()
    actions.change_role(f.member("Rosa").pk, Role.ADMINISTRATOR, by=ada)
    actions.suspend(f.member("Ada").pk, by=f.principal("Rosa"))
    assert Membership.objects.get(pk=f.member("Ada").pk).state == "suspended"


def test_the_page_says_why_the_last_administrator_stays():
    ada = f.browser("Ada")
    page = ada.post(f"/people/{f.member('Ada').pk}/suspend", follow=True)
    assert "last active administrator" in page.content.decode()


def test_matteo_cannot_change_people_of_general():
    f.member("Ada")
    rosa = f.member("Rosa")
    for change in (actions.suspend, actions.reactivate):
        with pytest.raises(NotThereError):
            change(rosa.pk, by=f.principal("Matteo"))
    with pytest.raises(NotThereError):
        actions.change_role(rosa.pk, Role.ADMINISTRATOR, by=f.principal("Matteo"))


def test_every_role_says_what_it_is_for():
    assert set(ROLE_SENTENCES) == set(Role)
    for page in ("/people/", "/api/docs/"):
        shown = html.unescape(f.browser("Ada").get(page).content.decode())
        assert all(sentence in shown for sentence in ROLE_SENTENCES.values()), page


def test_ada_works_for_mercy_after_she_switched_there():
    ada = f.browser("Ada")
    mercy = f.member("Matteo").institution
    there = Membership.objects.create(
        user=f.member("Ada").user, institution=mercy, role=Role.READER
    )
    general = f.study(f.principal("Ben"))
    assert ada.get(f"/studies/{general.pk}/").status_code == 200
    ada.post("/switch/", {"membership": str(there.pk)})
    assert ada.get(f"/studies/{general.pk}/").status_code == 404
    assert ada.get("/people/").status_code == 403


def test_nobody_switches_to_an_institution_that_is_not_theirs():
    assert (
        f.browser("Ben").post("/switch/", {"membership": str(f.member("Cleo").pk)}).status_code
        == 404
    )
