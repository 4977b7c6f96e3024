"""The main job from a shell: `manage.py share PATH… --json`."""

import datetime
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from sharing.dicom import media
from sharing.links.models import ShareLink
from sharing.studies.models import Instance
from tests import factories as f

pytestmark = pytest.mark.django_db(transaction=True)
Share = Callable[..., dict[str, Any]]


@pytest.fixture
def share(capsys: Any) -> Share:
    """What the command prints for a program, run for Ben."""
    f.member("Ben")

    def run(*words: object) -> dict[str, Any]:
        call_command("share", *map(str, words), "--json")
        answer: dict[str, Any] = json.loads(capsys.readouterr().out)
        return answer

    return run


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two images of one study, deep in a folder, and a letter beside them."""
    place = tmp_path / "outside" / "CT"
    place.mkdir(parents=True)
    for number in (1, 2):
        (place / f"IM{number}").write_bytes(f.image(number=number))
    (tmp_path / "outside" / "letter.txt").write_text("Dear colleague")
    return tmp_path / "outside"


def test_a_folder_becomes_a_link(share: Share, folder: Path) -> None:
    made = share(folder)
    assert (made["stored"], made["duplicates"], made["conflicts"]) == (2, 0, 0)
    (study,) = made["studies"]
    assert study["uid"] == "1.2.826.0.1.1"
    assert [one["stored"] for one in study["series"]] == [2]
    assert "/s#" in made["link"]
    assert made["passcode"]
    link = ShareLink.objects.get()
    assert made["expires"] == link.expires_at.isoformat()
    assert link.may_download
    assert link.expires_at - timezone.now() > datetime.timedelta(days=6, hours=23)


def test_what_was_not_taken_is_named_with_its_reason(share: Share, folder: Path) -> None:
    whole = f.image(number=3)
    (folder / "CT" / "cut").write_bytes(whole[: len(whole) // 2])
    rejected = {Path(one["path"]).name: one["reason"] for one in share(folder)["rejected"]}
    assert set(rejected) == {"letter.txt", "cut"}
    assert all(reason.endswith(".") for reason in rejected.values())


def test_what_was_sent_before_is_counted_as_there_and_shared_again(
    share: Share, folder: Path
) -> None:
    first, again = share(folder), share(folder)
    assert (again["stored"], again["duplicates"]) == (0, 2)
    assert again["link"] != first["link"]
    assert Instance.objects.count() == 2


def test_other_bytes_under_the_same_uid_are_kept_beside_and_said(
    share: Share, folder: Path
) -> None:
    share(folder)
    (folder / "CT" / "IM1").write_bytes(f.image(number=1, StudyDescription="Another"))
    made = share(folder)
    assert (made["conflicts"], made["duplicates"]) == (1, 1)
    assert Instance.objects.count() == 3


def test_view_only_for_whom_and_for_how_long(share: Share, folder: Path) -> None:
    share(folder, "--view-only", "--to", "cleo@mercy.example", "--expires", "12h", "--note", "Hi")
    link = ShareLink.objects.get()
    assert not link.may_download
    assert (link.recipient_email, link.note) == ("cleo@mercy.example", "Hi")
    left = link.expires_at - timezone.now()
    assert datetime.timedelta(hours=11) < left <= datetime.timedelta(hours=12)


@pytest.mark.parametrize(
    ("wish", "sentence"),
    [
        (("--expires", "soon"), "is no length of time"),
        (("--expires", "0d"), "is no length of time"),
        (("--expires", "30m"), "at least an hour, at most 30 days"),
        (("--expires", "31d"), "at least an hour, at most 30 days"),
        (("--to", "cleo"), "'cleo' is no e-mail address"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_taken_in(
    share: Share, folder: Path, wish: tuple[str, str], sentence: str
) -> None:
    with pytest.raises(CommandError, match=sentence):
        share(folder, *wish)
    assert not Instance.objects.exists()


def test_a_zip_is_looked_into(share: Share, folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "study.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for number in (1, 2):
            archive.write(folder / "CT" / f"IM{number}", f"images/IM{number}")
    made = share(path)
    assert (made["stored"], made["unpacked"]) == (2, 1)
    assert made["link"]


def test_of_a_disc_the_images_are_taken_and_the_rest_is_said(share: Share, folder: Path) -> None:
    (folder / "DICOMDIR").write_bytes(media.dicomdir([], []))
    (folder / "AUTORUN.INF").write_text("[autorun]")
    made = share(folder)
    assert made["stored"] == 2
    names = {Path(one["path"]).name for one in made["rejected"]}
    assert names == {"DICOMDIR", "AUTORUN.INF", "letter.txt"}


def test_where_no_image_is_there_is_no_link_and_the_shell_knows(
    share: Share, tmp_path: Path, capsys: Any
) -> None:
    (tmp_path / "letter.txt").write_text("Dear colleague")
    with pytest.raises(SystemExit) as end:
        share(tmp_path)
    assert end.value.code == 1
    made = json.loads(capsys.readouterr().out)
    assert (made["link"], made["passcode"], made["studies"]) == (None, None, [])
    assert [Path(one["path"]).name for one in made["rejected"]] == ["letter.txt"]
    with pytest.raises(SystemExit):
        call_command("share", str(tmp_path))
    assert "No image was found, so there is nothing to share." in capsys.readouterr().out


def test_a_path_that_is_not_there_is_named_before_anything_is_done(
    share: Share, folder: Path
) -> None:
    with pytest.raises(CommandError, match="There is nothing at /nowhere"):
        share(folder, "/nowhere")
    assert not Instance.objects.exists()


def test_a_person_reads_a_receipt_the_link_and_its_passcode(folder: Path, capsys: Any) -> None:
    f.member("Ben")
    call_command("share", str(folder))
    said = capsys.readouterr().out
    assert "Stored 2, already there 0, in conflict 0, not taken 1." in said
    assert "letter.txt: " in said
    assert "/s#" in said
    assert "send it by another way than the link" in said


def test_whoever_may_not_upload_does_not_share(folder: Path) -> None:
    f.member("Rosa")
    with pytest.raises(CommandError, match="Nobody who may upload signs in as rosa@"):
        call_command("share", str(folder), "--as", "rosa@general.example")
