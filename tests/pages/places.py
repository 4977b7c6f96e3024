"""Every page that the product has: who sees it, where it is, and what has to be done to see it."""

import dataclasses
import io
import secrets
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page
from pydicom import dcmread
from pydicom.uid import generate_uid

from sharing.dicom import synthetic
from tests.credentials.certificates import certificate
from tests.credentials.machine import elliptic, key_set, rsa_pair
from tests.dicom.making import saved
from tests.factories import image
from tests.journeys.people import until


@dataclasses.dataclass(frozen=True)
class Facts:
    """What the addresses of pages are made of."""

    home: str
    study: str
    upload: str
    link: str
    claim: str
    shared: str
    password: str


@dataclasses.dataclass(frozen=True)
class Place:
    """`path` is filled from the facts; `then` does what brings the page into the state shown."""

    who: str
    path: str
    then: Callable[[Page, Path], None] = lambda page, folder: None
    status: int = 200

    def show(self, page: Page, facts: Facts, folder: Path) -> None:
        path = self.path.format(**dataclasses.asdict(facts))
        answer = page.goto(path if path.startswith("http") else facts.home + path)
        assert answer is not None
        assert answer.status == self.status, (answer.status, path)
        if "/reauthenticate/" in page.url and "/reauthenticate/" not in path:
            page.get_by_label("Password").fill(facts.password)
            page.get_by_role("button", name="Go on").click()
            page.wait_for_url(lambda url: "/reauthenticate/" not in url)
        page.wait_for_load_state("load")
        self.then(page, folder)


def _choosing(*files: bytes) -> Callable[[Page, Path], None]:
    def choose(page: Page, folder: Path) -> None:
        disc = folder / "disc"
        disc.mkdir(exist_ok=True)
        for number, data in enumerate(files):
            (disc / f"IM{number}").write_bytes(data)
        (disc / "autorun.inf").write_text("[autorun]")
        page.locator("#pick-folder").set_input_files(disc)
        page.locator("[data-part=send]").wait_for()

    return choose


def _cleaning(*files: bytes) -> Callable[[Page, Path], None]:
    def clean(page: Page, folder: Path) -> None:
        _choosing(*files)(page, folder)
        page.get_by_label("Remove who it is before it leaves this computer").check()
        page.locator("[data-part=clean-rows] tr").first.wait_for()

    return clean


def _pressing(name: str) -> Callable[[Page, Path], None]:
    def press(page: Page, folder: Path) -> None:
        page.get_by_role("button", name=name).first.click()

    return press


def _making_a_token(page: Page, folder: Path) -> None:
    page.get_by_label("What it is for").fill("Nightly upload")
    page.get_by_role("button", name="Make the token").click()
    page.get_by_role("heading", name="The token is ready").wait_for()


def _about_to_revoke_it(page: Page, folder: Path) -> None:
    _making_a_token(page, folder)
    page.get_by_role("link", name="I have copied it").click()
    page.get_by_role("link", name="Revoke Nightly upload").first.click()
    page.get_by_role("heading", name="Revoke this token?").wait_for()


def _having_some(page: Page, folder: Path) -> None:
    _making_a_token(page, folder)
    page.get_by_role("link", name="I have copied it").click()
    page.get_by_role("heading", name="Access tokens").wait_for()


def _adding_a_machine(page: Page, folder: Path) -> None:
    page.get_by_label("Name").fill(f"Night PACS {secrets.token_hex(4)}")
    page.get_by_label("Public keys").fill(key_set(elliptic("key-1"), rsa_pair("key-2")))
    page.get_by_role("button", name="Add the machine").click()
    page.get_by_role("heading", name="Try it").wait_for()


def _proving_a_domain(page: Page, folder: Path) -> None:
    page.get_by_label("Domain").fill(f"{secrets.token_hex(4)}.example")
    page.get_by_role("button", name="Prove a domain").click()
    page.get_by_role("heading", name="One record in DNS").wait_for()


def _having_a_department(page: Page, folder: Path) -> None:
    page.get_by_role("button", name="Add a department").click()
    page.get_by_label("Name", exact=True).first.fill(f"Radiology {secrets.token_hex(4)}")
    page.locator("#department-new button.primary").click()
    page.get_by_role("button", name="Change Radiology").first.wait_for()


def _being_listed(page: Page, folder: Path) -> None:
    page.get_by_label("NPI", exact=True).fill("1234567893")
    page.get_by_role("button", name="Name the NPI").click()
    page.get_by_label("List us in the directory").check()
    page.get_by_label("In a few words").fill("Emergency and heart centre. Send CT and MR.")
    page.get_by_role("textbox", name="Address").fill("1 Park Lane, Springfield")
    page.get_by_label("Contact person").fill("Ada Okafor")
    page.get_by_role("button", name="Save").click()
    page.get_by_role("link", name="Directory").last.click()
    page.get_by_role("heading", name="General").wait_for()


def _signing_up(page: Page, folder: Path) -> None:
    domain = f"radiology.of-the-lakeside-clinics-{secrets.token_hex(4)}.example"
    for label, words in {
        "Name of the institution": "Lakeside Clinic",
        "Address": "3 Shore Road, Springfield",
        "Country": "United States",
        "Your domain": domain,
        "Contact person": "Lena Brandt",
        "Their role": "head of radiology",
        "Their e-mail": f"lena@{domain}",
        "Their telephone": "+1 555 0100",
    }.items():
        page.get_by_label(label).fill(words)
    page.get_by_role("button", name="Go on").click()
    page.get_by_role("heading", name="Prove that").wait_for()


def _waiting_for_proof(page: Page, folder: Path) -> None:
    _signing_up(page, folder)
    page.get_by_role("button", name="look now").click()
    page.get_by_role("heading", name="Lakeside Clinic").wait_for()


def _adding_a_certificate(page: Page, folder: Path) -> None:
    _adding_a_machine(page, folder)
    page.get_by_role("link", name="Add a certificate").click()
    page.get_by_role("heading", name="How to make a certificate").wait_for()


def _having_a_certificate(page: Page, folder: Path) -> None:
    _adding_a_certificate(page, folder)
    page.locator("#id_pem").fill(certificate("night-pacs").pem)
    page.get_by_role("button", name="Save").click()
    page.get_by_role("heading", name="Try it").wait_for()


def _making_a_link(page: Page, folder: Path) -> None:
    page.get_by_role("button", name="Make the link").click()
    page.get_by_role("heading", name="The link is ready").wait_for()


def _asked_for_passcode(page: Page, folder: Path) -> None:
    page.get_by_label("Passcode").wait_for()


def _reading(page: Page, folder: Path) -> None:
    until(lambda: page.evaluate("document.querySelector('.vw-pane')?.dataset.state === 'ready'"))


def _opened(page: Page, folder: Path) -> None:
    page.get_by_text("How do I open it?").click()
    page.get_by_text("What is in it").click()


def _going_to(*names: str) -> Callable[[Page, Path], None]:
    """Follow one link after the other."""

    def go(page: Page, folder: Path) -> None:
        for name in names:
            page.get_by_role("link", name=name).first.click()
            page.wait_for_load_state("load")

    return go


def _proposing(page: Page, folder: Path) -> None:
    _going_to("Choose Mercy")(page, folder)
    page.get_by_label("CT", exact=True).check()
    page.get_by_text("CT studies.").wait_for()
    page.get_by_text("Fingerprint").wait_for()


def _proposing_nonsense(page: Page, folder: Path) -> None:
    _going_to("Choose Mercy")(page, folder)
    page.get_by_label("Last day").fill("2020-01-01")
    page.get_by_role("button", name="Look at it first").click()
    page.get_by_text("Please look at this again").wait_for()


def _in_force(*names: str) -> Callable[[Page, Path], None]:
    """The agreement that the demo has in force, and from there on."""

    def go(page: Page, folder: Path) -> None:
        page.locator("section", has_text="In force").locator(".row-link").last.click()
        page.wait_for_load_state("load")
        _going_to(*names)(page, folder)

    return go


def _opening_what_was_sent(page: Page, folder: Path) -> None:
    page.locator(".inbox .row-link").first.click()
    page.wait_for_load_state("load")


def _opening_the_request(page: Page, folder: Path) -> None:
    page.locator(".row-link").first.click()
    page.get_by_role("heading", name="Request for images").wait_for()


def _declining(page: Page, folder: Path) -> None:
    page.get_by_role("link", name="Decline").first.click()
    page.get_by_label("Why not?").wait_for()


def _drafting(page: Page, folder: Path) -> None:
    page.get_by_label("Title").fill("Cases for Thursday")
    page.get_by_label("Words").fill("Winter")
    page.get_by_role("button", name="Go on").click()
    page.get_by_role("button", name="Start").wait_for()


def _trying_a_release(page: Page, folder: Path) -> None:
    _drafting(page, folder)
    _going_to("Try it on a sample")(page, folder)
    page.get_by_text("are changed").wait_for()


def _trying_a_profile(page: Page, folder: Path) -> None:
    page.get_by_role("button", name="Try it on its first file").click()
    page.get_by_role("heading", name="Before and after").wait_for()


def _writing_nonsense(page: Page, folder: Path) -> None:
    page.get_by_label("Profile", exact=True).fill(
        "name: Mine\noptions:\n  keep_everything: Because."
    )
    page.get_by_role("button", name="Check").click()
    page.get_by_role("heading", name="What is wrong").wait_for()


def _in_doubt(page: Page, folder: Path) -> None:
    """A radiograph whose header says that something is written in the picture."""
    name = f"Doubtful^{secrets.token_hex(4)}"
    whole = dcmread(io.BytesIO(synthetic.cr_chest(synthetic.CHEST_CR)))
    whole.PatientName, whole.BurnedInAnnotation = name, "YES"
    for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"):
        setattr(whole, keyword, generate_uid())
    _choosing(saved(whole))(page, folder)
    page.locator("[data-part=send]").click()
    page.get_by_role("heading", name="Receipt").wait_for()
    page.goto(page.url.partition("/upload")[0] + "/research/releases/new")
    page.get_by_label("Title").fill("Radiographs in doubt")
    page.get_by_label("Words").fill(name.replace("^", " "))
    page.get_by_role("button", name="Go on").click()
    page.get_by_role("button", name="Start").click()
    page.get_by_role("link", name="Look at what is in doubt").wait_for()


def _reviewing(page: Page, folder: Path) -> None:
    _in_doubt(page, folder)
    page.get_by_role("link", name="Look at what is in doubt").click()
    page.get_by_role("heading", name="Is this fit to leave?").wait_for()
    until(lambda: page.evaluate("[...document.images].every((one) => one.complete)"))


ONE = [image(980, 1, one, PatientName="Falk^Iris") for one in range(1, 4)]
TWO = [*ONE, image(981, 1, 1, PatientName="Groß^Jonas")]

PLACES = {
    "sign-in": Place("", "/accounts/login/"),
    "sign-up-closed": Place("", "/accounts/signup/"),
    "password-reset": Place("", "/accounts/password/reset/"),
    "password-reset-sent": Place("", "/accounts/password/reset/done/"),
    "password-reset-over": Place("", "/accounts/password/reset/key/gone-gone/"),
    "account-closed": Place("", "/accounts/inactive/"),
    "join": Place("", "/join"),
    "sign-up": Place("", "/institutions/new"),
    "signed-up": Place("", "/institutions/new", _signing_up),
    "sign-up-waiting": Place("", "/institutions/new", _waiting_for_proof),
    "sign-up-prove": Place("", "/institutions/prove"),
    "claim": Place("", "/s"),
    "claim-passcode": Place("", "{shared}", _asked_for_passcode),
    "not-found": Place("", "/nowhere", status=404),
    "api-docs": Place("Ben", "/api/docs/"),
    "worklist": Place("Ben", "/"),
    "worklist-empty": Place("Cleo", "/"),
    "worklist-nothing-found": Place("Ben", "/?q=nobody-of-this-name"),
    "worklist-received": Place("Cleo", "/?tab=received"),
    "worklist-given": Place("Ben", "/?tab=given"),
    "study": Place("Ben", "/studies/{study}/"),
    "study-for-compliance": Place("Dora", "/studies/{study}/"),
    "viewer": Place("Ben", "/studies/{study}/viewer/", _reading),
    "upload": Place("Ben", "/upload/"),
    "upload-review": Place("Ben", "/upload/", _choosing(*ONE)),
    "upload-cleaned": Place("Ben", "/upload/", _cleaning(*ONE)),
    "upload-two-patients": Place("Ben", "/upload/", _choosing(*TWO)),
    "receipt": Place("Ben", "{upload}"),
    "share": Place("Ben", "/share/?study={study}"),
    "share-result": Place("Ben", "/share/?study={study}", _making_a_link),
    "send": Place("Ben", "/studies/{study}/send/"),
    "inbox": Place("Cleo", "/inbox/"),
    "inbox-accepted": Place("Cleo", "/inbox/?tab=accepted"),
    "inbox-answered": Place("Ben", "/inbox/?tab=answered"),
    "inbox-empty": Place("Ben", "/inbox/"),
    "inbox-sent": Place("Ben", "/inbox/?tab=sent"),
    "inbox-requests": Place("Ben", "/inbox/?tab=requests"),
    "offer": Place("Ben", "/inbox/?tab=sent", _opening_what_was_sent),
    "offer-decline": Place("Cleo", "/inbox/", _declining),
    "study-that-was-sent": Place("Cleo", "/inbox/", _opening_what_was_sent),
    "request-new": Place("Cleo", "/inbox/requests/new/"),
    "request": Place("Cleo", "/inbox/?tab=requests", _opening_the_request),
    "request-answer": Place("Ben", "/inbox/?tab=requests", _opening_the_request),
    "links": Place("Ben", "/links/"),
    "links-empty": Place("Ada", "/links/?whose=mine"),
    "links-of-everybody": Place("Ada", "/links/"),
    "links-nothing-found": Place("Ben", "/links/?q=nobody-of-this-name"),
    "link": Place("Ben", "{link}"),
    "link-revoke": Place("Ben", "{link}revoke"),
    "activity": Place("Dora", "/activity/"),
    "activity-empty": Place("Dora", "/activity/?person=nobody-of-this-name"),
    "people": Place("Ada", "/people/"),
    "people-invite": Place("Ada", "/people/", _pressing("Invite somebody")),
    "institution": Place("Ada", "/people/institution/"),
    "domain-begun": Place("Ada", "/people/institution/", _proving_a_domain),
    "departments": Place("Ada", "/people/departments/", _having_a_department),
    "directory": Place("Ada", "/people/institution/", _being_listed),
    "directory-nothing-found": Place("Ben", "/directory/?q=nobody-of-this-name"),
    "machines": Place("Ada", "/people/machines/"),
    "machine-new": Place("Ada", "/people/machines/new"),
    "machine": Place("Ada", "/people/machines/new", _adding_a_machine),
    "machine-certificates": Place("Ada", "/people/machines/new", _adding_a_certificate),
    "machine-with-certificate": Place("Ada", "/people/machines/new", _having_a_certificate),
    "partners": Place("Dora", "/partners/"),
    "partner-choose": Place("Ada", "/partners/new"),
    "partner-choose-nothing-found": Place("Ada", "/partners/new?q=nobody-of-this-name"),
    "partner-propose": Place("Ada", "/partners/new", _proposing),
    "partner-propose-wrong": Place("Ada", "/partners/new", _proposing_nonsense),
    "partner-waiting": Place("Dora", "/partners/", _going_to("Mercy sees our studies")),
    "partner-decline": Place("Dora", "/partners/", _going_to("Mercy sees our studies", "Decline")),
    "partner": Place("Ada", "/partners/", _in_force()),
    "partner-change": Place("Ada", "/partners/", _in_force("Change the terms")),
    "partner-end": Place("Ada", "/partners/", _in_force("End…")),
    "partner-studies": Place("Ada", "/partners/", _in_force("See which")),
    "research": Place("Dora", "/research/"),
    "project-new": Place("Ada", "/research/projects/new"),
    "project": Place("Ada", "/research/", _going_to("Chest radiographs")),
    "project-destroy": Place("Ada", "/research/", _going_to("Chest radiographs", "Destroy")),
    "profiles": Place("Ada", "/research/profiles/"),
    "profile": Place("Dora", "/research/profiles/?name=research"),
    "profile-edit": Place("Ada", "/research/profiles/edit?name=research"),
    "profile-wrong": Place("Ada", "/research/profiles/edit?name=basic", _writing_nonsense),
    "profile-tried": Place("Ada", "/research/profiles/edit?name=research", _trying_a_profile),
    "consent": Place("Ada", "/research/consent/?patient=GEN-11702"),
    "release-new": Place("Ada", "/research/releases/new"),
    "release-draft": Place("Ada", "/research/releases/new", _drafting),
    "release-sample": Place("Ada", "/research/releases/new", _trying_a_release),
    "release-held": Place("Ada", "/upload/", _in_doubt),
    "release-doubt": Place("Ada", "/upload/", _reviewing),
    "release": Place("Ada", "/research/", _going_to("Thursday conference")),
    "forbidden": Place("Ben", "/people/", status=403),
    "account": Place("Ben", "/account/"),
    "protect": Place("Ben", "/account/protect"),
    "tokens": Place("Ben", "/account/tokens/new", _having_some),
    "tokens-empty": Place("Cleo", "/account/tokens/"),
    "token-new": Place("Ben", "/account/tokens/new"),
    "token-made": Place("Ben", "/account/tokens/new", _making_a_token),
    "token-revoke": Place("Ben", "/account/tokens/new", _about_to_revoke_it),
    "people-tokens": Place("Ada", "/people/tokens/"),
    "password": Place("Ben", "/accounts/password/change/"),
    "second-step": Place("Ben", "/accounts/2fa/"),
    "authenticator-app": Place("Ben", "/accounts/2fa/totp/activate/"),
    "passkeys": Place("Ben", "/accounts/2fa/webauthn/"),
    "passkey-new": Place("Ben", "/accounts/2fa/webauthn/add/"),
    "is-it-you": Place("Ben", "/accounts/reauthenticate/"),
    "sign-out": Place("Ben", "/accounts/logout/"),
    "landing": Place("Pat", "{claim}"),
    "landing-opened": Place("Pat", "{claim}", _opened),
    "shared-viewer": Place("Pat", "{claim}viewer/{study}/", _reading),
    "claim-over": Place("", "{claim}", status=404),
}
