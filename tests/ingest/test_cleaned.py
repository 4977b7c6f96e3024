"""Ben's browser removed who it is; here nobody takes its word for it."""

import base64
import datetime
import json
import uuid
from pathlib import Path
from typing import Any

import pytest

from sharing.deid import browser
from sharing.deid.engine import Engine
from sharing.deid.keys import Keys
from sharing.deid.profile import BUNDLED
from sharing.ingest.work import spool
from sharing.ingest.work.cleaned import SENTENCE
from sharing.storage.objects import store
from sharing.studies.models import Instance
from tests import factories as make

pytestmark = pytest.mark.django_db
PROFILE = BUNDLED[browser.PROFILE]
MADE = datetime.datetime(2026, 11, 22, tzinfo=datetime.UTC)


class Sender:
    """A browser that is signed in and says that what it sends is cleaned, or does not."""

    def __init__(self, name: str = "Ben", profile: str = PROFILE.digest) -> None:
        self.client = make.browser(name)
        self.answer = self.client.post(
            "/api/uploads/",
            {"profile": profile} if profile else {},
            content_type="application/json",
        )
        self.upload: dict[str, Any] = self.answer.json()

    def send(self, *files: bytes) -> list[tuple[str, str]]:
        """By batch: state and reason of each."""
        listed = [{"path": f"images/{n}.dcm", "size": len(one)} for n, one in enumerate(files)]
        body = json.dumps({"files": listed}).encode() + b"\n" + b"".join(files)
        answer = self.client.post(
            self.upload["batch_url"], body, content_type="application/vnd.handover.batch"
        )
        return [(one["state"], one["reason"]) for one in answer.json()["results"]]

    def send_by_tus(self, data: bytes) -> str:
        answer = self.client.post(
            self.upload["files_url"], data, content_type="application/offset+octet-stream",
            headers={
                "Tus-Resumable": "1.0.0", "Upload-Length": str(len(data)),
                "Upload-Metadata": f"path {base64.b64encode(b'images/1.dcm').decode()}",
            },
        )  # fmt: skip
        assert answer.status_code == 201, answer.content
        found = self.client.get(self.upload["files_url"], headers={"Tus-Resumable": "1.0.0"})
        return found.json()["results"][-1]["state"]

    def receipt(self) -> dict[str, Any]:
        return self.client.get(f"/api/uploads/{self.upload['id']}/receipt/").json()


@pytest.fixture
def cleaned(tmp_path: Path) -> bytes:
    """A slice as a browser sends it (`tests/deid/test_browser.py` holds the two to each other)."""
    (tmp_path / "in").write_bytes(make.image())
    engine = Engine(PROFILE, Keys(bytes(32)), created=MADE, durable=False)
    engine.deidentify(tmp_path / "in", tmp_path / "out")
    return (tmp_path / "out").read_bytes()


def test_what_says_nothing_is_stored_as_it_came(cleaned: bytes) -> None:
    sender = Sender()
    assert sender.send(cleaned) == [("stored", "")]
    kept = Instance.objects.get()
    assert store().read(kept.key, 0, kept.size) == cleaned


def test_what_still_says_who_it_is_is_refused_and_the_others_are_not(cleaned: bytes) -> None:
    sender = Sender()
    assert sender.send(make.image(number=2), cleaned) == [("refused", SENTENCE), ("stored", "")]
    assert Instance.objects.count() == 1
    assert [one["code"] for one in sender.receipt()["rejected"]] == ["still-identifies"]


def test_a_large_file_is_looked_at_as_well(cleaned: bytes) -> None:
    sender = Sender()
    assert sender.send_by_tus(make.image(number=2)) == "refused"
    assert Sender().send_by_tus(cleaned) == "stored"


def test_one_name_that_was_overlooked_is_enough(cleaned: bytes) -> None:
    at = cleaned.index(b"P-")
    named = cleaned[:at] + b"Winter^Patrici" + cleaned[at + 14 :]
    assert Sender().send(named) == [("refused", SENTENCE)]


def test_what_a_browser_cannot_clean_is_not_taken_from_one(cleaned: bytes) -> None:
    slice_, capture = b"1.2.840.10008.5.1.4.1.1.2\0", b"1.2.840.10008.5.1.4.1.1.104"
    other = cleaned.replace(slice_, capture[: len(slice_)])
    assert other != cleaned
    assert Sender().send(other) == [("refused", SENTENCE)]


def test_nothing_of_what_was_refused_is_left(cleaned: bytes) -> None:
    sender = Sender()
    sender.send(make.image(), cleaned)
    folder = spool.folder(uuid.UUID(sender.upload["id"]))
    assert list(folder.iterdir()) == []
    assert list(folder.parent.glob("cleaned-*")) == []


def test_who_promised_nothing_is_held_to_nothing() -> None:
    sender = Sender(profile="")
    assert sender.send(make.image()) == [("stored", "")]
    assert sender.receipt()["cleaned_by"] == {}


def test_rules_that_have_changed_since_are_told() -> None:
    answer = Sender(profile="0" * 64).answer
    assert answer.status_code == 409
    assert "Reload the page" in answer.json()["detail"]


def test_the_receipt_says_by_which_rules(cleaned: bytes) -> None:
    sender = Sender()
    sender.send(cleaned)
    assert sender.receipt()["cleaned_by"] == {
        "name": "upload", "version": "1", "digest": PROFILE.digest,
    }  # fmt: skip
    page = sender.client.get(f"/uploads/{sender.upload['id']}/").content.decode()
    assert "Who it is was removed before the files left" in page


def test_the_rules_are_those_of_the_profile() -> None:
    client = make.browser("Ben")
    answer = client.get("/api/uploads/rules/")
    assert answer.json()["profile"]["digest"] == PROFILE.digest
    assert answer["ETag"] == f'"{PROFILE.digest}"'
