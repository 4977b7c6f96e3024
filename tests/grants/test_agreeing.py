"""How a grant comes to be, changes and ends."""

import itertools
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.utils import timezone

import sharing.grants
from sharing.audit.models import AuditEvent
from sharing.audit.queries import of_institution
from sharing.audit.rules import Act
from sharing.grants import actions
from sharing.grants.models import Grant, GrantVersion
from sharing.grants.queries.grants import waiting
from sharing.grants.rules.states import MOVES, GrantState, Move, diagram
from sharing.grants.rules.terms import Filter, Terms, digest, sentence
from sharing.grants.work import tick
from sharing.kernel.errors import (
    ConflictError,
    InvalidInputError,
    NotAllowedError,
    NotThereError,
)
from tests import factories as f
from tests.grants.making import agreed, grant, proposed, terms

pytestmark = pytest.mark.django_db


def test_the_diagram_in_the_readme_is_the_table() -> None:
    readme = Path(sharing.grants.__file__).with_name("README.md").read_text()
    assert f"```mermaid\n{diagram()}\n```" in readme


def test_every_state_is_reached_and_every_open_one_can_end() -> None:
    reached = {GrantState.PROPOSED, *MOVES.values()}
    assert reached == set(GrantState)
    for state in GrantState:
        assert ((state, Move.END) in MOVES) == (state != GrantState.ENDED)
    assert not [state for state, _ in MOVES if state == GrantState.ENDED]


def test_two_of_each_side_put_it_in_force() -> None:
    made = proposed()
    for name, state in (("Dora", "proposed"), ("Matteo", "proposed"), ("Nora", "active")):
        assert agreed(made, name).state == state
    assert made.versions.get().agreed_at is not None


@pytest.mark.parametrize("name", ["Ben", "Rosa", "Cleo", "Rafa"])
def test_only_those_who_answer_for_an_institution_agree(name: str) -> None:
    made = proposed()
    with pytest.raises(NotAllowedError):
        agreed(made, name)


def test_nobody_agrees_twice_and_nobody_for_a_stranger() -> None:
    made = proposed()
    with pytest.raises(ConflictError, match="agreed already"):
        agreed(made, "Ada")
    agreed(made, "Dora")
    with pytest.raises(NotThereError):
        agreed(made, "Otto")
    assert Grant.objects.get().state == GrantState.PROPOSED


def test_a_third_of_one_side_does_not_speak_for_the_other() -> None:
    made = proposed()
    f.WORK["Abe"] = f.WORK["Ada"]
    try:
        agreed(made, "Dora")
        with pytest.raises(ConflictError, match="other side's turn"):
            agreed(made, "Abe")
    finally:
        del f.WORK["Abe"]


def test_what_was_read_is_what_is_agreed_to() -> None:
    made = proposed()
    read = waiting(made)
    assert read is not None
    actions.propose_version(made.pk, terms=terms(days=10), by=f.principal("Matteo"))
    with pytest.raises(ConflictError, match="other terms"):
        actions.agree(made.pk, digest=read.digest, by=f.principal("Dora"))
    newer = waiting(made)
    assert newer is not None
    assert newer.number == 2
    assert newer.approvals.get().person == f.member("Matteo").user


def test_other_terms_count_when_both_have_agreed_and_until_then_the_old_ones_do() -> None:
    made = grant(narrowed={"modalities": ("CT",)})
    wider = terms(narrowed={"modalities": ("CT", "MR")})
    actions.propose_version(made.pk, terms=wider, by=f.principal("Matteo"))
    made = agreed(made, "Nora", "Ada")
    assert made.version is not None
    assert made.version.number == 1
    made = agreed(made, "Dora")
    assert made.version is not None
    assert made.version.read().filter.modalities == ("CT", "MR")
    assert made.state == GrantState.ACTIVE


def test_terms_are_never_changed_and_their_digest_says_so() -> None:
    made = grant()
    version = made.versions.get()
    again = digest(version.terms, custodian=made.custodian_id, recipient=made.recipient_id)
    assert version.digest == again
    assert Terms.from_json(version.terms).to_json() == version.terms
    for change in ({"text": "Otherwise."}, {"studies_per_day": 1}, {"purpose": "HRESCH"}):
        other = {**version.terms, **change}
        assert digest(other, custodian=made.custodian_id, recipient=made.recipient_id) != again
    assert digest(version.terms, custodian=made.recipient_id, recipient=made.custodian_id) != again


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"days": 366}, "valid_until"),
        ({"days": -1}, "valid_until"),
        ({"begins": -100, "days": 50}, "valid_until"),
        ({"actions": ()}, "actions"),
        ({"actions": ("view",)}, "actions"),
        ({"actions": ("search", "erase")}, "actions"),
        ({"purpose": "CURIOSITY"}, "purpose"),
        ({"channels": ()}, "channels"),
        ({"networks": ("everywhere",)}, "networks"),
        ({"studies_per_day": 0}, "studies_per_day"),
        ({"transform": "anonymous"}, "transform"),
        ({"narrowed": {"last_days": 0}}, "last_days"),
    ],
    ids=str,
)
def test_terms_that_cannot_stand_are_refused_in_words(wrong: dict, field: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        proposed(**wrong)
    assert field in caught.value.fields
    assert not Grant.objects.exists()


def test_either_side_stops_it_and_only_who_stopped_it_lets_it_go_on() -> None:
    made = grant()
    actions.stop(made.pk, by=f.principal("Nora"))
    with pytest.raises(ConflictError, match="other side"):
        actions.resume(made.pk, by=f.principal("Ada"))
    actions.stop(made.pk, by=f.principal("Ada"))
    assert actions.resume(made.pk, by=f.principal("Matteo")).state == GrantState.SUSPENDED
    assert actions.resume(made.pk, by=f.principal("Dora")).state == GrantState.ACTIVE


def test_a_grant_that_ended_stays_so() -> None:
    made = grant()
    actions.end(made.pk, why="The project is over.", by=f.principal("Matteo"))
    for act in (
        lambda: actions.stop(made.pk, by=f.principal("Ada")),
        lambda: actions.resume(made.pk, by=f.principal("Ada")),
        lambda: actions.end(made.pk, by=f.principal("Ada")),
        lambda: actions.propose_version(made.pk, terms=terms(), by=f.principal("Ada")),
    ):
        with pytest.raises(ConflictError, match="ended"):
            act()


def test_declined_terms_end_what_never_was_and_leave_what_is() -> None:
    first = proposed()
    assert actions.decline(first.pk, why="Too much.", by=f.principal("Nora")).state == "ended"
    second = grant()
    actions.propose_version(second.pk, terms=terms(days=300), by=f.principal("Ada"))
    assert actions.decline(second.pk, why="Too long.", by=f.principal("Nora")).state == "active"
    assert waiting(second) is None


def test_it_begins_on_its_first_day_and_ends_after_its_last() -> None:
    with time_machine.travel(timezone.now(), tick=False) as clock:
        made = grant(begins=1, days=10)
        assert made.state == GrantState.ACCEPTED
        clock.shift(86_400 - 1)
        assert tick() == (0, 0)
        clock.shift(1)
        assert tick() == (1, 0)
        assert Grant.objects.get().state == GrantState.ACTIVE
        clock.shift(10 * 86_400)
        assert tick() == (0, 1)
        made = Grant.objects.get()
        assert (made.state, made.ended_why) == (GrantState.ENDED, "Its last day is over.")


def test_terms_that_nobody_answered_end_with_their_last_day() -> None:
    with time_machine.travel(timezone.now(), tick=False) as clock:
        proposed(days=5)
        clock.shift(5 * 86_400)
        assert tick() == (0, 1)
        assert GrantVersion.objects.get().dropped_at is not None


def test_both_sides_read_the_same_in_their_activity() -> None:
    made = grant()
    actions.stop(made.pk, why="A question.", by=f.principal("Dora"))
    actions.resume(made.pk, by=f.principal("Dora"))
    actions.end(made.pk, why="Done.", by=f.principal("Matteo"))
    told = [
        of_institution(side.pk)
        .filter(grant_id=made.pk)
        .order_by("id")
        .values_list("action", "actor_name", "detail__why")
        for side in (made.custodian, made.recipient)
    ]
    assert list(told[0]) == list(told[1])
    acts = [act for act, _, _ in told[0]]
    assert acts == [
        *("grant.proposed", "grant.approved", "grant.approved", "grant.approved"),
        *("grant.accepted", "grant.begun", "grant.stopped", "grant.resumed", "grant.begun"),
        "grant.ended",
    ]
    others = of_institution(f.member("Otto").institution_id)
    assert not others.filter(action__startswith="grant.").exists()
    assert not AuditEvent.objects.filter(action=Act.GRANT_ENDED, detail__has_key="text").exists()


def test_a_filter_is_written_out() -> None:
    department = f.member("Ada").institution.departments.create(name="Cardiology")
    parts: dict[str, Any] = {
        "modalities": ("CT", "MR"),
        "departments": (department.pk,),
        "referrer": "Dr Adler",
        "tags": ("second opinion",),
        "last_days": 90,
    }
    names = {department.pk: "Cardiology"}
    assert sentence(Filter(**parts), names) == (
        "CT or MR studies of Cardiology, referred by Dr Adler, tagged “second opinion”, "
        "made in the last 90 days."
    )
    assert sentence(Filter(), {}) == "All studies."
    for count in range(len(parts)):
        for some in itertools.combinations(parts.items(), count):
            said = sentence(Filter(**dict(some)), names)
            assert said.endswith(".")
            assert "  " not in said
            assert ", ," not in said
