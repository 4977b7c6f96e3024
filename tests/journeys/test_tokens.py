"""Ben gives a program of his a token, and Ada takes it away."""

from tests.bench.measuring import Line
from tests.journeys import people as do
from tests.journeys.people import People
from tests.served import Served


def asked(home: Served, token: str) -> int:
    line = Line(home.address, Authorization=f"Bearer {token}")
    status, _ = line.send("GET", "/api/studies/")
    line.connection.close()
    return status


def test_ben_makes_a_token_after_proving_who_he_is_and_ada_revokes_it(
    home: Served, people: People
) -> None:
    ben = people.signed_in(home, "Ben")
    ben.goto(f"{home.address}/account/")
    ben.get_by_role("link", name="Access tokens").click()
    ben.get_by_role("link", name="New token").click()
    ben.get_by_role("heading", name="Is it you?").wait_for()
    ben.get_by_label("Password").fill(home.password)
    ben.get_by_role("button", name="Go on").click()
    ben.get_by_label("What it is for").fill("Nightly list")
    ben.get_by_label("Lasts").select_option("1 day")
    ben.get_by_role("button", name="Make the token").click()
    ben.get_by_role("heading", name="The token is ready").wait_for()
    ben.get_by_role("button", name="Copy").first.click()
    token = do.said(ben, "new-token")
    assert token in do.said(ben, "new-token-curl")
    assert asked(home, token) == 200
    ben.get_by_role("link", name="I have copied it").click()
    row = ben.get_by_role("row", name="Nightly list")
    assert row.get_by_text("find studies").is_visible()
    assert token not in ben.content()
    taken_away_by_ada(home, people)
    assert asked(home, token) == 401
    ben.reload()
    assert ben.get_by_role("row", name="Nightly list").get_by_text("Revoked").is_visible()


def taken_away_by_ada(home: Served, people: People) -> None:
    ada = people.signed_in(home, "Ada")
    ada.goto(f"{home.address}/people/")
    ada.get_by_role("link", name="Access tokens").click()
    row = ada.get_by_role("row", name="Nightly list")
    assert row.get_by_text("ben@general.example").is_visible()
    row.get_by_role("link", name="Revoke").click()
    ada.get_by_role("button", name="Revoke the token").click()
    ada.get_by_text("The token has ended.").wait_for()
