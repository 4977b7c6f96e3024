"""A certificate as a PDF: what its JSON says, for people."""

import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fpdf import FPDF


LEFT = 62  # millimetres of the column of names
GREY = 110


def pdf(facts: dict[str, Any], digest: str) -> bytes:
    """The same bytes for the same certificate.

    Parameters
    ----------
    facts
        As `certificate.read` gives them.
    digest
        SHA-256 of the JSON, hexadecimal.
    """
    from fpdf import FPDF  # 30 MB that no other request needs

    page = FPDF(format="A4")
    page.set_creation_date(datetime.datetime.fromisoformat(facts["released"]))
    page.set_title("Certificate of de-identification")
    page.set_margins(20, 20)
    page.set_auto_page_break(True, 20)
    page.add_page()
    page.set_font("Helvetica", "B", 18)
    page.multi_cell(0, 9, "Certificate of de-identification", new_x="LMARGIN", new_y="NEXT")
    page.set_font("Helvetica", "", 11)
    page.multi_cell(0, 6, _plain(facts["release"]["title"]), new_x="LMARGIN", new_y="NEXT")
    for heading, lines in _parts(facts, digest):
        _part(page, heading, lines)
    return bytes(page.output())


def _parts(facts: dict[str, Any], digest: str) -> list[tuple[str, list[tuple[str, str]]]]:
    profile, project, risk = facts["profile"], facts["project"], facts["residual_risk"]
    people = [f"{one['name']} ({one['decisions']})" for one in facts["reviewers"]]
    return [
        (
            "What was released",
            [
                ("Institution", facts["institution"]),
                ("Project", project["name"]),
                ("Purpose", project["purpose"]),
                ("Studies", str(facts["studies"])),
                *[(_words(name), str(count)) for name, count in facts["files"].items()],
                ("Started", _moment(facts["started"])),
                ("Released", f"{_moment(facts['released'])}, by {facts['released_by']}"),
            ],
        ),
        (
            "How",
            [
                ("Profile", f"{profile['name']}, version {profile['version']}"),
                ("SHA-256 of the profile", profile["sha256"]),
                ("Attributes by action", _counts(facts["attributes_by_action"])),
                ("Masks in pictures", str(facts["masks"])),
            ],
        ),
        (
            "What was in doubt",
            [
                ("Decisions", _counts(facts["doubts"]) or "nothing was in doubt"),
                ("Reviewers (decisions)", ", ".join(people) or "none were needed"),
                ("Files read again", str(risk["files_read_again"])),
                ("Highest residual risk", _risk(risk["highest"])),
                ("Mean residual risk", _risk(risk["mean"])),
            ],
        ),
        (
            "How to check it",
            [
                ("SHA-256 of all outputs", facts["outputs_sha256"]),
                ("Commitment of the key", project["key_commitment"]),
                ("SHA-256 of this certificate's JSON", digest),
                ("Release", facts["release"]["id"]),
            ],
        ),
    ]


def _part(page: "FPDF", heading: str, lines: list[tuple[str, str]]) -> None:
    page.ln(5)
    page.set_font("Helvetica", "B", 12)
    page.multi_cell(0, 8, heading, new_x="LMARGIN", new_y="NEXT")
    for name, value in lines:
        page.set_font("Helvetica", "", 9.5)
        page.set_text_color(GREY)
        page.cell(LEFT, 5.5, _plain(name))
        page.set_text_color(0)
        page.multi_cell(0, 5.5, _plain(value) or "-", new_x="LMARGIN", new_y="NEXT")


def _plain(text: str) -> str:
    """What the PDF's own letters can write; the JSON has every letter."""
    return text.encode("latin-1", "replace").decode("latin-1")


def _words(name: str) -> str:
    return f"Files {name.replace('_', ' ')}"


def _counts(found: dict[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in found.items())


def _risk(value: float | None) -> str:
    return "not read again" if value is None else f"{value:.3f}"


def _moment(text: str | None) -> str:
    return datetime.datetime.fromisoformat(text).strftime("%d %b %Y, %H:%M UTC") if text else "-"
