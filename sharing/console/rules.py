"""What a row of the activity says, as a sentence. Pure: names and labels are given by the caller."""

from collections.abc import Callable, Mapping
from typing import Any

from sharing.access.rules import Action
from sharing.audit.rules import Act, ActorKind
from sharing.mails.rules import Kind

Detail = Mapping[str, Any]
NOBODIES = {
    ActorKind.LINK: "A visitor with a link",
    ActorKind.MACHINE: "A machine",
    ActorKind.OPERATOR: "An operator",
    ActorKind.NOBODY: "Somebody not signed in",
}


def who(kind: str, name: str) -> str:
    """Whom a row is about: a name, and what kind of asker it was where that is not a person."""
    if kind == ActorKind.PERSON:
        return name or "A person"
    said = NOBODIES.get(ActorKind(kind), "Somebody")
    return f"{said} ({name})" if name else said


def count(number: int, one: str, many: str = "") -> str:
    return f"{number} {one}" if number == 1 else f"{number} {many or one + 's'}"


def _counted(detail: Detail) -> str:
    """What was counted, in the words of whoever looked at it."""
    for name, word in (("frames", "image"), ("instances", "file"), ("files", "file")):
        if detail.get(name):
            return count(int(detail[name]), word)
    return ""


def _reading(verb: str, begun: str) -> Callable[[Detail], str]:
    def say(detail: Detail) -> str:
        if detail.get("part") == "start":
            return f"began to {begun}"
        counted = _counted(detail)
        return f"{verb} {counted} of" if counted else f"{verb} images of"

    return say


def _named(begin: str, name: str, end: str = "") -> Callable[[Detail], str]:
    def say(detail: Detail) -> str:
        value = detail.get(name)
        return f"{begin} {value}{end}" if value else begin

    return say


def _signed_in(detail: Detail) -> str:
    return _named("signed in with", "method")(detail) if detail.get("method") else "signed in"


def _swept(detail: Detail) -> str:
    """What was done with files that belong to no image."""
    words = {"set_aside": "set aside", "put_back": "put back", "deleted": "deleted"}
    words["spooled"] = "dropped from unfinished uploads"
    said = [
        f"{word} {count(detail[name], 'file')}" for name, word in words.items() if detail.get(name)
    ]
    return f"cleared up after uploads: {', '.join(said)}" if said else "cleared up after uploads"


def _changed(detail: Detail) -> str:
    return f"changed their sign-in details: {detail.get('what', 'something')}"


def _member(detail: Detail) -> str:
    what = detail.get("what", "")
    person = detail.get("person", "a member")
    match what:
        case "role":
            return f"made {person} {detail.get('role', 'a member')}"
        case "suspended":
            return f"suspended {person}"
        case "reactivated":
            return f"let {person} back in"
        case "department":
            return f"placed {person} in {detail.get('department') or 'no department'}"
    return f"changed {person}"


def _institution(detail: Detail) -> str:
    what, name = str(detail.get("what", "")), detail.get("name", "")
    if what == "profile":
        listed = " and lists it in the directory" if detail.get("listed") else ""
        return f"changed what others read of the institution{listed}"
    if what == "domain begun":
        return f"began to prove the domain {name}"
    words = {"NPI named": "named the NPI", "dns taken back": "took back the domain"}
    words |= {"mail taken back": "took back the domain", "npi taken back": "took back the NPI"}
    if what in words:
        return f"{words[what]} {name}"
    noun, _, verb = what.partition(" ")
    return f"{verb} the {noun} {name}" if verb else "changed the institution"


def _decided(detail: Detail) -> str:
    return (
        f"{detail.get('what', 'decided on')} the sign-up of {detail.get('name', 'an institution')}"
    )


def _evidence(detail: Detail) -> str:
    domain = f"the domain {detail.get('value', '')}"
    if detail.get("found") == "lost":
        return f"no longer found the record of {domain}"
    return f"found {domain} proven"


def _mail(verb: str) -> Callable[[Detail], str]:
    def say(detail: Detail) -> str:
        kind = str(detail.get("kind", ""))
        what = Kind(kind).label if kind in Kind.values else "a mail"
        to = f" to {detail['to']}" if detail.get("to") else ""
        return f"{verb} {what}{to}"

    return say


def _machine(detail: Detail) -> str:
    name = detail.get("machine", "a machine")
    words = {
        "suspended": f"suspended the machine {name}",
        "active": f"let the machine {name} work again",
        "revoked": f"revoked the machine {name}",
        "keys": f"changed the keys of the machine {name}",
        "certificate added": f"added a certificate to the machine {name}",
        "certificate removed": f"took a certificate away from the machine {name}",
        "by key": f"lets the machine {name} sign in by its key",
        "by both": f"lets the machine {name} sign in by its key together with a certificate",
        "by certificate": f"lets the machine {name} sign in by its certificate",
    }
    return words.get(str(detail.get("what", "")), f"changed the machine {name}")


def _searched(detail: Detail) -> str:
    if detail.get("part"):
        return "watched what is arriving"
    named = (str(one).replace("_", " ") for one in detail.get("fields", ()) if one != "tab")
    fields = ["words" if one == "q" else one for one in named]
    return f"searched studies by {', '.join(fields)}" if fields else "looked at the worklist"


def _stored(detail: Detail) -> str:
    number = detail.get("instances") or detail.get("stored") or detail.get("files")
    return f"sent {count(int(number), 'image')} of" if number else "sent images of"


def _profile(detail: Detail) -> str:
    return f"published version {detail.get('version', '?')} of the profile {detail.get('name', '')}"


def _comparing(detail: Detail) -> str:
    begins = detail.get("part") == "start"
    return "began to compare before and after" if begins else "compared before and after"


DECIDED = {"approved": "approved", "masked": "had masked more of", "dropped": "left out"}


def _release_decided(detail: Detail) -> str:
    what = DECIDED.get(str(detail.get("decision")), "decided on")
    return f"{what} a file in doubt of the release {detail.get('title', '')}"


def _filed(detail: Detail) -> str:
    studies = count(int(detail.get("studies", 0)), "study", "studies")
    return f"released {studies} as {detail.get('title', '')}"


WANTED = {
    Action.SEARCH: "find studies",
    Action.VIEW: "view images",
    Action.DOWNLOAD: "download files",
    Action.UPLOAD: "upload",
    Action.SHARE: "share",
    Action.REVIEW: "review the activity",
    Action.ADMINISTER: "change who is a member",
    Action.AGREE: "agree to what partners may see",
    Action.RESEARCH: "see releases for research",
    Action.RELEASE: "de-identify and release studies",
}


ENDED_TOKENS = {
    "expired": "an access token that has expired",
    "revoked": "an access token that was revoked",
    "suspended": "an access token, being suspended",
    "certificate": "a token that is good with another certificate alone",
}


def _ended_token(detail: Detail) -> str:
    what = ENDED_TOKENS.get(str(detail["token"]), "an access token that has ended")
    times = f" {count(int(detail['tries']), 'time')}" if detail.get("tries") else ""
    return f"was refused{times} with {what}"


def _refused(detail: Detail) -> str:
    if detail.get("token"):
        return _ended_token(detail)
    wanted = str(detail.get("wanted", ""))
    return f"was not allowed to {WANTED[Action(wanted)]}" if wanted in WANTED else "was refused"


def way(channel: str, credential: str) -> str:
    """By which way somebody came, for people who never heard of DICOMweb."""
    match channel, credential:
        case "page", _:
            return "page"
        case "shell", _:
            return "command line"
        case _, "token" | "machine":
            return "program"
        case "dicomweb", _:
            return "viewer"
        case "api", _:
            return "page"
    return channel


SENTENCES: dict[Act, str | Callable[[Detail], str]] = {
    Act.SIGNED_IN: _signed_in,
    Act.SIGN_IN_FAILED: "could not sign in",
    Act.SIGNED_OUT: "signed out",
    Act.CREDENTIALS_CHANGED: _changed,
    Act.INVITED: _named("invited", "email"),
    Act.INVITATION_WITHDRAWN: _named("withdrew the invitation of", "email"),
    Act.JOINED: _named("joined as", "role"),
    Act.MEMBER_CHANGED: _member,
    Act.SIGN_UP_BEGUN: _named("signed up an institution with the domain", "domain"),
    Act.SIGN_UP_DECIDED: _decided,
    Act.INSTITUTION_CHANGED: _institution,
    Act.EVIDENCE_CHECKED: _evidence,
    Act.MAIL_SENT: _mail("mailed"),
    Act.MAIL_REFUSED: _mail("could not mail"),
    Act.MAIL_UNCERTAIN: _mail("does not know whether the mail server took"),
    Act.SEARCHED: _searched,
    Act.STUDY_OPENED: "opened the page of",
    Act.METADATA_READ: "read the image details of",
    Act.IMAGES_VIEWED: _reading("viewed", "view"),
    Act.IMAGES_DOWNLOADED: _reading("downloaded", "download"),
    Act.UPLOAD_STARTED: "started an upload",
    Act.INSTANCES_STORED: _stored,
    Act.UPLOAD_FINISHED: "finished an upload",
    Act.UPLOAD_CANCELLED: "cancelled an upload",
    Act.RECEIPT_READ: "read the receipt of an upload",
    Act.LINK_CREATED: "created a share link",
    Act.LINK_CLAIMED: "opened a share link",
    Act.LINK_LEFT: "closed a share link on their device",
    Act.LINK_CLAIM_REFUSED: "was refused at a share link",
    Act.LINK_CODE_SENT: "was sent a one-time code for a share link",
    Act.LINK_REVOKED: "revoked a share link",
    Act.LINK_EXTENDED: "extended a share link",
    Act.LINKS_LISTED: "looked at share links",
    Act.TOKEN_CREATED: "made an access token",
    Act.TOKEN_REVOKED: _named("revoked an access token of", "person"),
    Act.MACHINE_ADDED: _named("added the machine", "machine"),
    Act.MACHINE_CHANGED: _machine,
    Act.MACHINE_SIGNED_IN: "signed in",
    Act.MACHINE_REFUSED: "was not let in",
    Act.GRANT_PROPOSED: _named("proposed terms to", "partner"),
    Act.GRANT_APPROVED: _named("agreed to the terms with", "partner"),
    Act.GRANT_DECLINED: _named("declined the terms with", "partner"),
    Act.GRANT_ACCEPTED: _named("was the last to agree to the terms with", "partner"),
    Act.GRANT_BEGUN: _named("put in force the terms with", "partner"),
    Act.GRANT_STOPPED: _named("stopped the access agreed with", "partner"),
    Act.GRANT_RESUMED: _named("took back a stop of the access agreed with", "partner"),
    Act.GRANT_ENDED: _named("ended the access agreed with", "partner"),
    Act.GRANT_MACHINE_NAMED: _named("let use what is agreed with a partner the machine", "machine"),
    Act.GRANT_MACHINE_TAKEN_OFF: _named("shut out of what is agreed the machine", "machine"),
    Act.OFFER_SENT: _named("sent images to", "recipient"),
    Act.OFFER_ACCEPTED: _named("accepted images from", "sender"),
    Act.OFFER_DECLINED: _named("declined images from", "sender"),
    Act.OFFER_WITHDRAWN: _named("withdrew images that were sent to", "recipient"),
    Act.OFFER_EXTENDED: _named("left open for longer images that were sent to", "recipient"),
    Act.OFFER_ENDED: _named("noted the last day of images that were sent to", "recipient"),
    Act.INBOX_READ: "looked at the inbox",
    Act.REQUEST_SENT: _named("asked for images in a request between us and", "partner"),
    Act.REQUEST_READ: _named("read a request for images between us and", "partner"),
    Act.REQUEST_ANSWERED: _named("gave images in a request between us and", "partner"),
    Act.REQUEST_CLOSED: _named("closed a request for images between us and", "partner"),
    Act.REQUEST_DECLINED: _named("declined a request for images between us and", "partner"),
    Act.REQUEST_WITHDRAWN: _named("withdrew a request for images between us and", "partner"),
    Act.REQUEST_ENDED: _named("noted the last day of a request between us and", "partner"),
    Act.STUDY_MARKED: "changed the department or tags of",
    Act.STUDY_DEIDENTIFIED: "had de-identified",
    Act.PROJECT_MADE: _named("made the project", "name"),
    Act.PROJECT_KEY_DESTROYED: _named("destroyed the key of the project", "name"),
    Act.PSEUDONYM_OPENED: _named("asked who is behind a pseudonym of the project", "name"),
    Act.PROFILE_PUBLISHED: _profile,
    Act.PROFILE_TRIED: "tried a profile on a file of",
    Act.RELEASE_DRAFTED: _named("chose studies for the release", "title"),
    Act.RELEASE_STARTED: _named("started the release", "title"),
    Act.RELEASE_PAUSED: _named("paused the release", "title"),
    Act.RELEASE_RESUMED: _named("let go on the release", "title"),
    Act.RELEASE_COMPARED: _comparing,
    Act.RELEASE_DECIDED: _release_decided,
    Act.RELEASE_ORDERED: _named("pressed “Release” for", "title"),
    Act.RELEASE_FILED: _filed,
    Act.RELEASE_DROPPED: _named("dropped the release", "title"),
    Act.RELEASE_EXPORTED: _named("took along as a dataset the release", "title"),
    Act.CONSENT_WITHDRAWN: "noted that consent was withdrawn by the patient of",
    Act.ACTIVITY_READ: "reviewed the activity",
    Act.ACCESS_REFUSED: _refused,
    Act.STORE_SWEPT: _swept,
}
# After these the study follows as the object: "opened the page of <study>".
OF_A_STUDY = frozenset(
    {
        Act.STUDY_OPENED,
        Act.METADATA_READ,
        Act.IMAGES_VIEWED,
        Act.IMAGES_DOWNLOADED,
        Act.INSTANCES_STORED,
        Act.STUDY_MARKED,
        Act.STUDY_DEIDENTIFIED,
        Act.PROFILE_TRIED,
        Act.RELEASE_COMPARED,
        Act.CONSENT_WITHDRAWN,
    }
)


def phrase(action: str, detail: Detail) -> str:
    """What was done, without who and without which study."""
    if action not in Act.values:
        return action
    said = SENTENCES[Act(action)]
    return said if isinstance(said, str) else said(detail)


def joint(action: str) -> str:
    """The word between what was done and the study that it was done to."""
    return "" if action in OF_A_STUDY else "for"


# ---- Downloads that a spreadsheet may open ------------------------------------------------------

_FORMULAS = ("=", "+", "-", "@", "\t", "\r", "\n")


def safe_cell(value: Any) -> str:
    """A value that no spreadsheet takes for a formula: a quote goes before what begins like one."""
    text = "" if value is None else str(value)
    return f"'{text}" if text.lstrip().startswith(_FORMULAS) or text.startswith(_FORMULAS) else text
