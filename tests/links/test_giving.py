"""Ben shares what General has, and takes it back."""

import datetime
from typing import Any

import pytest
import time_machine

from sharing.audit.models import AuditEvent
from sharing.audit.rules import Act
from sharing.kernel.errors import (
    ConflictError,
    InvalidInputError,
    NotAllowedError,
    NotThereError,
)
from sharing.links import actions, queries
from sharing.links.models import Claim, LinkItem, ShareLink
from sharing.links.rules import Factor, LinkState
from sharing.studies.models import Study
from tests import factories
from tests.links import making

pytestmark = pytest.mark.django_db


@pytest.fixture
def ben():
    return factories.principal("Ben")


@pytest.fixture
def study(ben) -> Study:
    return factories.study(ben, series=2)


def rows(act: Act) -> list[AuditEvent]:
    return list(AuditEvent.objects.filter(action=act))


def test_ben_gets_a_link_whose_secret_stands_in_the_fragment_alone(ben, study):
    made = making.link(ben, study)
    page, _, fragment = made.url.partition("#")
    assert page == "http://localhost:8000/s"
    assert len(fragment.split(".")[0]) == 22
    assert len(fragment.split(".")[1]) == 43


def test_neither_secret_nor_passcode_is_kept_readably(ben, study):
    made = making.link(ben, study)
    _, secret = making.parts(made)
    kept = ShareLink.objects.filter(pk=made.link.pk).values().get()
    readable = " ".join(map(str, kept.values()))
    assert secret not in readable
    assert made.passcode not in readable
    assert len(bytes(kept["secret_digest"])) == 32


def test_a_link_lasts_seven_days_unless_ben_says_otherwise(ben, study):
    made = making.link(ben, study)
    lasts = made.link.expires_at - made.link.created_at
    assert lasts == datetime.timedelta(days=7)


def test_the_same_passcode_of_two_links_leaves_two_digests(ben, study):
    from sharing.links.rules import passcode_digest

    one, other = making.link(ben, study).link, making.link(ben, study).link
    assert passcode_digest("k", one.pk, "ABCD2345") != passcode_digest("k", other.pk, "ABCD2345")
    assert passcode_digest("k", one.pk, "abcd-2345") == passcode_digest("k", one.pk, "ABCD 2345")


@pytest.mark.parametrize(
    ("wishes", "field"),
    [
        ({"lifetime": datetime.timedelta(days=31)}, "lifetime"),
        ({"lifetime": datetime.timedelta(seconds=-1)}, "lifetime"),
        ({"max_uses": 0}, "max_uses"),
        ({"max_uses": 1001}, "max_uses"),
        ({"note": "x" * 2001}, "note"),
        ({"factor": Factor.MAILBOX}, "recipient_email"),
        ({"recipient_email": "not an address"}, "recipient_email"),
    ],
)
def test_what_is_not_possible_is_said_of_its_field(ben, study, wishes, field):
    with pytest.raises(InvalidInputError) as caught:
        making.link(ben, study, **wishes)
    assert list(caught.value.fields) == [field]
    assert not ShareLink.objects.exists()


def test_nothing_chosen_makes_no_link(ben):
    with pytest.raises(InvalidInputError):
        actions.create_link(items=[], by=ben)


def test_a_link_to_two_studies_shows_in_the_activity_of_both(ben, study):
    other = factories.study(ben, number=2)
    made = making.link(ben, study, other)
    found = rows(Act.LINK_CREATED)
    assert {row.study_id for row in found} == {study.pk, other.pk}
    assert {row.link_id for row in found} == {made.link.pk}
    assert all(row.patient_ref for row in found)


def test_chosen_series_are_what_the_link_gives(ben, study):
    first = factories.first_series(study)
    made = actions.create_link(items=[(study, first), (study, first)], by=ben)
    assert [item.series_id for item in LinkItem.objects.filter(link=made.link)] == [first.pk]


def test_cleo_cannot_share_a_study_of_general(study):
    cleo = factories.principal("Cleo")
    with pytest.raises(NotThereError):
        making.link(cleo, study)
    assert not ShareLink.objects.exists()


def test_a_series_of_another_study_cannot_be_smuggled_in(ben, study):
    foreign = factories.first_series(factories.study(factories.principal("Cleo"), number=2))
    with pytest.raises(NotThereError):
        actions.create_link(items=[(study, foreign)], by=ben)


def test_rosa_who_only_reads_cannot_share(study):
    with pytest.raises(NotAllowedError):
        making.link(factories.principal("Rosa"), study)


def test_when_the_audit_cannot_be_written_there_is_no_link(ben, study, monkeypatch):
    from sharing.kernel.errors import AuditUnavailableError

    def fails(*args, **kwargs):
        raise AuditUnavailableError

    monkeypatch.setattr("sharing.links.actions.giving.record", fails)
    with pytest.raises(AuditUnavailableError):
        making.link(ben, study)
    assert not ShareLink.objects.exists()


class TestRevoking:
    def test_ben_revokes_his_link_and_its_visitors_are_out(self, ben, study):
        from sharing.links import principal

        made = making.link(ben, study)
        claimed = making.opened(made)
        assert isinstance(claimed, actions.Claimed)
        visitor = principal.claim(claimed.claim.pk, claimed.secret, making.VISITOR)
        assert visitor is not None
        assert visitor.still_allowed()
        actions.revoke_link(made.link.pk, by=ben)
        assert not visitor.still_allowed()
        assert principal.claim(claimed.claim.pk, claimed.secret, making.VISITOR) is None

    def test_revoking_again_changes_nothing_and_is_not_written_twice(self, ben, study):
        made = making.link(ben, study)
        first = actions.revoke_link(made.link.pk, by=ben).revoked_at
        ada = factories.principal("Ada")
        again = actions.revoke_link(made.link.pk, by=ada)
        assert again.revoked_at == first
        assert again.revoked_by == ben.user
        assert len(rows(Act.LINK_REVOKED)) == 1

    def test_ada_the_administrator_revokes_bens_link(self, ben, study):
        made = making.link(ben, study)
        ada = factories.principal("Ada")
        assert actions.revoke_link(made.link.pk, by=ada).revoked_by == ada.user

    def test_matteo_of_mercy_does_not_even_find_it(self, ben, study):
        made = making.link(ben, study)
        with pytest.raises(NotThereError):
            actions.revoke_link(made.link.pk, by=factories.principal("Matteo"))
        assert ShareLink.objects.get().revoked_at is None


class TestExtending:
    def test_ben_gives_it_two_weeks_more(self, ben, study):
        made = making.link(ben, study)
        longer = actions.extend_link(made.link.pk, lifetime=datetime.timedelta(days=14), by=ben)
        assert longer.expires_at > made.link.expires_at
        assert [row.study_id for row in rows(Act.LINK_EXTENDED)] == [study.pk]

    def test_not_beyond_thirty_days_from_now(self, ben, study):
        made = making.link(ben, study)
        with pytest.raises(InvalidInputError):
            actions.extend_link(made.link.pk, lifetime=datetime.timedelta(days=31), by=ben)

    def test_extending_never_shortens(self, ben, study):
        made = making.link(ben, study, lifetime=datetime.timedelta(days=20))
        with pytest.raises(InvalidInputError):
            actions.extend_link(made.link.pk, lifetime=datetime.timedelta(days=3), by=ben)

    def test_a_revoked_link_stays_revoked(self, ben, study):
        made = making.link(ben, study)
        actions.revoke_link(made.link.pk, by=ben)
        with pytest.raises(ConflictError):
            actions.extend_link(made.link.pk, lifetime=datetime.timedelta(days=14), by=ben)

    def test_an_ended_link_opens_again(self, ben, study):
        made = making.link(ben, study, lifetime=datetime.timedelta(days=1))
        with time_machine.travel(datetime.timedelta(days=2) + made.link.created_at, tick=False):
            actions.extend_link(made.link.pk, lifetime=datetime.timedelta(days=3), by=ben)
            assert isinstance(making.opened(made), actions.Claimed)


class TestListing:
    def test_ben_lists_his_own_and_ada_everybodys(self, ben, study):
        making.link(ben, study)
        making.link(factories.principal("Ada"), study)
        assert queries.links_for(ben).count() == 1
        assert queries.links_for(factories.principal("Ada")).count() == 2
        assert queries.links_for(factories.principal("Matteo")).count() == 0
        assert queries.links_for(factories.principal("Rosa")).count() == 0

    def test_a_link_is_found_in_exactly_its_state(self, ben, study):
        day = datetime.timedelta(days=1)
        links = {
            LinkState.OPEN: making.link(ben, study).link,
            LinkState.REVOKED: making.link(ben, study).link,
            LinkState.EXPIRED: making.link(ben, study).link,
            LinkState.LOCKED: making.link(ben, study).link,
            LinkState.USED_UP: making.link(ben, study, max_uses=1).link,
        }
        actions.revoke_link(links[LinkState.REVOKED].pk, by=ben)
        change: dict[LinkState, dict[str, Any]] = {
            LinkState.EXPIRED: {
                "created_at": links[LinkState.OPEN].created_at - 2 * day,
                "expires_at": links[LinkState.OPEN].created_at - day,
            },
            LinkState.LOCKED: {"locked_at": links[LinkState.OPEN].created_at},
            LinkState.USED_UP: {"uses": 1},
        }
        for state, fields in change.items():
            ShareLink.objects.filter(pk=links[state].pk).update(**fields)
        assert set(links) == set(LinkState)
        for state, link in links.items():
            assert list(queries.in_state(queries.links_for(ben), state)) == [link]
            assert queries.link_for(ben, link.pk).state == state

    def test_a_studys_links_say_how_often_they_were_opened(self, ben, study):
        made = making.link(ben, study)
        making.opened(made)
        making.opened(made)
        link: Any = queries.links_of_study(ben, study).get()
        assert link.claim_count == 2
        assert link.last_claim_at == Claim.objects.latest("created_at").created_at

    def test_rosa_does_not_see_with_whom_it_is_shared(self, ben, study):
        making.link(ben, study)
        assert not queries.links_of_study(factories.principal("Rosa"), study).exists()
