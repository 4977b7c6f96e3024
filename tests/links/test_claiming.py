"""A visitor opens a link, with all that can be wrong about it."""

import datetime

import pytest
import time_machine
from django.db import connection

from sharing.access.rules import Action
from sharing.audit.models import AuditEvent
from sharing.audit.rules import Act, ActorKind
from sharing.kernel import ids
from sharing.kernel.errors import NotThereError
from sharing.links import actions, principal
from sharing.links.actions import Asked, Claimed, TooManyCodesError, WrongPasscodeError
from sharing.links.models import Claim, MailboxCode, ShareLink
from sharing.links.rules import Factor, LinkState
from tests import factories
from tests.accounts.making import send_mails
from tests.links import making
from tests.races.together import at_once


@pytest.fixture
def ben(db):
    return factories.principal("Ben")


@pytest.fixture
def study(ben):
    return factories.study(ben, series=2)


@pytest.fixture
def made(ben, study):
    return making.link(ben, study)


def refusals() -> list[str]:
    found = AuditEvent.objects.filter(action=Act.LINK_CLAIM_REFUSED).order_by("pk")
    return [row.reason for row in found]


def wrongly(made, times: int) -> str:
    for _ in range(times):
        with pytest.raises(WrongPasscodeError) as caught:
            making.opened(made, passcode="WRONG234")
    return caught.value.detail


class TestWithAPasscode:
    def test_the_right_secret_alone_is_asked_for_the_passcode_and_counts_nothing(self, made):
        asked = making.opened(made, passcode="")
        assert isinstance(asked, Asked)
        assert asked.link.institution.name == "General"
        link = ShareLink.objects.get()
        assert (link.uses, link.tries) == (0, 0)

    def test_with_both_the_link_opens(self, made, study):
        claimed = making.opened(made)
        assert isinstance(claimed, Claimed)
        assert ShareLink.objects.get().uses == 1
        visitor = principal.claim(claimed.claim.pk, claimed.secret, making.VISITOR)
        assert visitor is not None
        assert visitor.actor.kind == ActorKind.LINK
        assert set(visitor.reach) == set(study.series.all())

    def test_a_passcode_may_be_typed_as_it_was_heard(self, made):
        heard = f" {made.passcode[:4].lower()}-{made.passcode[4:]} "
        assert isinstance(making.opened(made, passcode=heard), Claimed)

    def test_opening_shows_in_the_studys_activity_with_where_from(self, made, study):
        making.opened(made)
        row = AuditEvent.objects.get(action=Act.LINK_CLAIMED)
        assert row.study_id == study.pk
        assert row.link_id == made.link.pk
        assert row.address == making.VISITOR.address
        assert row.actor_kind == ActorKind.LINK

    def test_wrong_passcodes_count_down_and_the_fifth_locks(self, made):
        assert "4 tries" in wrongly(made, 1)
        assert "1 try left" in wrongly(made, 3)
        assert "locked" in wrongly(made, 1)
        assert ShareLink.objects.get().state == LinkState.LOCKED
        with pytest.raises(NotThereError):
            making.opened(made)
        assert refusals() == ["wrong passcode or code"] * 5 + ["locked"]

    def test_the_right_passcode_starts_the_tries_anew(self, made):
        wrongly(made, 4)
        making.opened(made)
        assert "4 tries" in wrongly(made, 1)

    def test_a_wrong_passcode_uses_nothing_up(self, ben, study):
        made = making.link(ben, study, max_uses=1)
        wrongly(made, 1)
        assert isinstance(making.opened(made), Claimed)

    def test_a_locked_link_still_serves_whoever_was_in(self, made):
        claimed = making.opened(made)
        assert isinstance(claimed, Claimed)
        wrongly(made, 5)
        assert principal.claim(claimed.claim.pk, claimed.secret, making.VISITOR) is not None


class TestRefused:
    def cases(self, ben, study):
        """Every way to be wrong, with the secret that goes with it."""
        unknown = (ids.random_id(), "x" * 43)
        wrong_secret = (making.parts(making.link(ben, study))[0], "x" * 43)
        revoked = making.link(ben, study)
        actions.revoke_link(revoked.link.pk, by=ben)
        expired = making.link(ben, study, lifetime=datetime.timedelta(minutes=1))
        used_up = making.link(ben, study, max_uses=1)
        making.opened(used_up)
        locked = making.link(ben, study)
        wrongly(locked, 5)
        closed = [making.parts(one) for one in (revoked, expired, used_up, locked)]
        return dict(
            zip(
                ("unknown", "wrong secret", "revoked", "expired", "used-up", "locked"),
                [unknown, wrong_secret, *closed],
                strict=True,
            )
        )

    @pytest.mark.parametrize("passcode", ["", "ABCD2345"])
    def test_every_reason_is_one_answer_and_the_owners_activity_tells_which(
        self, ben, study, passcode
    ):
        cases = self.cases(ben, study)
        before = len(refusals())
        answers = set()
        with time_machine.travel(
            datetime.timedelta(minutes=5) + study.first_arrived_at, tick=False
        ):
            for link_id, secret in cases.values():
                with pytest.raises(NotThereError) as caught:
                    actions.claim_link(link_id, secret, passcode=passcode, origin=making.VISITOR)
                answers.add((caught.value.status, caught.value.detail))
        assert len(answers) == 1
        assert refusals()[before:] == list(cases)

    def test_every_reason_costs_the_same_statements(self, ben, study):
        cases = self.cases(ben, study)
        counted = set()
        from django.test.utils import CaptureQueriesContext

        with time_machine.travel(
            datetime.timedelta(minutes=5) + study.first_arrived_at, tick=False
        ):
            for link_id, secret in cases.values():
                with CaptureQueriesContext(connection) as seen, pytest.raises(NotThereError):
                    actions.claim_link(link_id, secret, passcode="ABCD2345", origin=making.VISITOR)
                counted.add(len(seen))
        assert len(counted) == 1


class TestComingBack:
    def test_the_same_browser_comes_back_without_using_the_link_again(self, ben, study):
        made = making.link(ben, study, max_uses=1)
        first = making.opened(made)
        assert isinstance(first, Claimed)
        again = making.opened(made, passcode="", known=[(first.claim.pk, first.secret)])
        assert isinstance(again, Claimed)
        assert again.claim == first.claim
        assert Claim.objects.count() == 1

    def test_but_not_with_a_wrong_link_secret(self, made):
        first = making.opened(made)
        assert isinstance(first, Claimed)
        link_id, _ = making.parts(made)
        with pytest.raises(NotThereError):
            actions.claim_link(
                link_id, "x" * 43, known=[(first.claim.pk, first.secret)], origin=making.VISITOR
            )

    def test_nor_with_the_claim_of_another_link(self, ben, study, made):
        other = making.opened(making.link(ben, study))
        assert isinstance(other, Claimed)
        answer = making.opened(made, passcode="", known=[(other.claim.pk, other.secret)])
        assert isinstance(answer, Asked)

    def test_whoever_left_has_to_prove_themselves_again(self, made):
        first = making.opened(made)
        assert isinstance(first, Claimed)
        visitor = principal.claim(first.claim.pk, first.secret, making.VISITOR)
        assert visitor is not None
        actions.leave(visitor)
        assert principal.claim(first.claim.pk, first.secret, making.VISITOR) is None
        answer = making.opened(made, passcode="", known=[(first.claim.pk, first.secret)])
        assert isinstance(answer, Asked)

    def test_a_claim_ends_with_its_link_and_after_twelve_hours(self, ben, study, made):
        short = making.opened(making.link(ben, study, lifetime=datetime.timedelta(hours=1)))
        long = making.opened(made)
        assert isinstance(short, Claimed)
        assert isinstance(long, Claimed)
        assert short.claim.expires_at == short.claim.link.expires_at
        assert long.claim.expires_at - long.claim.created_at == datetime.timedelta(hours=12)


class TestWhatAVisitorMay:
    def test_view_only_gives_no_files(self, made):
        claimed = making.opened(made)
        assert isinstance(claimed, Claimed)
        visitor = principal.claim(claimed.claim.pk, claimed.secret, making.VISITOR)
        assert visitor is not None
        assert visitor.may(Action.VIEW)
        assert not visitor.may(Action.DOWNLOAD)

    def test_a_visitor_cannot_reach_the_other_study_of_the_same_patient(self, ben, study):
        factories.upload(ben, factories.image(2, PatientName="Probe^Petra1", PatientID="P1"))
        claimed = making.opened(making.link(ben, study))
        assert isinstance(claimed, Claimed)
        visitor = principal.claim(claimed.claim.pk, claimed.secret, making.VISITOR)
        assert visitor is not None
        assert {series.study for series in visitor.reach} == {study}

    def test_a_whole_study_includes_what_arrives_later_and_chosen_series_do_not(self, ben, study):
        first = factories.first_series(study)
        whole = making.opened(making.link(ben, study))
        part = making.opened(actions.create_link(items=[(study, first)], by=ben))
        assert isinstance(whole, Claimed)
        assert isinstance(part, Claimed)
        factories.upload(ben, factories.image(1, 3))
        reach = [
            principal.claim(one.claim.pk, one.secret, making.VISITOR).reach.count()  # type: ignore[union-attr]
            for one in (whole, part)
        ]
        assert reach == [3, 1]


class TestWithAMailbox:
    @pytest.fixture
    def mailed(self, ben, study):
        return making.link(
            ben, study, factor=Factor.MAILBOX, recipient_email="cleo@mercy.example", max_uses=2
        )

    def send(self, made) -> Asked:
        link_id, secret = making.parts(made)
        return actions.send_code(link_id, secret, origin=making.VISITOR)

    def code(self, mailoutbox) -> str:
        """What Cleo reads in her newest mail."""
        send_mails()
        return mailoutbox[-1].body.split("\n\n")[1].strip()

    def test_cleo_gets_a_code_by_mail_and_opens_the_link(self, mailed, mailoutbox):
        assert isinstance(making.opened(mailed, passcode=""), Asked)
        assert not mailoutbox
        assert self.send(mailed).code_sent
        code = self.code(mailoutbox)
        assert isinstance(making.opened(mailed, passcode="", code=code), Claimed)
        assert ShareLink.objects.get().uses == 1

    def test_the_mail_names_no_patient_and_no_link(self, mailed, mailoutbox, study):
        self.send(mailed)
        self.code(mailoutbox)
        [mail] = mailoutbox
        assert mail.to == ["cleo@mercy.example"]
        [(html, kind)] = mail.alternatives
        assert kind == "text/html"
        for text in (mail.subject, mail.body, html):
            assert "Petra" not in text
            assert study.description not in text
            assert making.token(mailed) not in text
        assert "General" in mail.body

    def test_no_code_waits_anywhere_in_clear(self, mailed, mailoutbox):
        from sharing.jobs.models import Job

        self.send(mailed)
        waiting = MailboxCode.objects.get()
        assert waiting.code_digest is None
        assert list(Job.objects.get().args) == ["code_id"]
        code = self.code(mailoutbox).replace(" ", "")
        assert code not in str(MailboxCode.objects.values().get())

    def test_a_code_is_good_once(self, mailed, mailoutbox):
        self.send(mailed)
        code = self.code(mailoutbox)
        making.opened(mailed, passcode="", code=code)
        with pytest.raises(WrongPasscodeError, match="any more"):
            making.opened(mailed, passcode="", code=code)

    def test_a_code_is_good_for_ten_minutes(self, mailed, mailoutbox):
        self.send(mailed)
        code = self.code(mailoutbox)
        late = MailboxCode.objects.get().expires_at + datetime.timedelta(seconds=1)
        with time_machine.travel(late, tick=False), pytest.raises(WrongPasscodeError):
            making.opened(mailed, passcode="", code=code)
        assert ShareLink.objects.get().uses == 0

    def test_five_tries_spend_a_code_but_lock_no_link(self, mailed, mailoutbox):
        self.send(mailed)
        code = self.code(mailoutbox)
        wrong = f"{(int(code.replace(' ', '')) + 1) % 10**8:08d}"
        for _ in range(5):
            with pytest.raises(WrongPasscodeError):
                making.opened(mailed, passcode="", code=wrong)
        with pytest.raises(WrongPasscodeError, match="any more"):
            making.opened(mailed, passcode="", code=code)
        self.send(mailed)
        assert isinstance(making.opened(mailed, passcode="", code=self.code(mailoutbox)), Claimed)

    def test_only_the_newest_code_counts(self, mailed, mailoutbox):
        self.send(mailed)
        old = self.code(mailoutbox)
        self.send(mailed)
        new = self.code(mailoutbox)
        with pytest.raises(WrongPasscodeError):
            making.opened(mailed, passcode="", code=old)
        assert isinstance(making.opened(mailed, passcode="", code=new), Claimed)

    def test_the_sixth_code_within_an_hour_is_not_sent(self, mailed, study):
        for _ in range(5):
            self.send(mailed)
        with pytest.raises(TooManyCodesError):
            self.send(mailed)
        later = study.first_arrived_at + datetime.timedelta(hours=1, minutes=5)
        with time_machine.travel(later, tick=False):
            assert self.send(mailed).code_sent

    def test_nobody_without_the_secret_has_mail_sent(self, mailed):
        link_id, _ = making.parts(mailed)
        with pytest.raises(NotThereError):
            actions.send_code(link_id, "x" * 43, origin=making.VISITOR)
        assert not MailboxCode.objects.exists()

    def test_a_link_with_a_passcode_mails_nothing(self, made):
        with pytest.raises(NotThereError):
            self.send(made)

    def test_a_code_that_comes_too_late_is_not_sent(self, mailed, mailoutbox):
        self.send(mailed)
        late = MailboxCode.objects.get().created_at + datetime.timedelta(hours=1)
        with time_machine.travel(late, tick=False):
            send_mails()
        assert not mailoutbox


@pytest.mark.django_db(transaction=True)
def test_twenty_who_may_all_get_in_at_once(made):
    came = at_once(20, lambda: type(making.opened(made)).__name__)
    assert came == ["Claimed"] * 20
    assert ShareLink.objects.get().tries == 0
