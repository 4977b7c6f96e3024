"""A portal that really runs, behind a proxy that ends TLS: as RFC 9440 has it, and our own nginx."""

import contextlib
import ssl
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from tests.credentials import certificates as c
from tests.credentials import machine as m
from tests.credentials.making import PAIR
from tests.credentials.pasting import added, pasted, written
from tests.docker.test_deployment import configuration
from tests.peers import processes
from tests.served import Served, serve

SERVER = c.certificate("localhost")
OURS, OTHER = c.certificate(), c.certificate("somebody")
ENDED = c.certificate("old", begins=-90 * c.DAY, ends=-c.DAY)
UNTRUSTED = "127.0.0.3"  # this machine as well, but no proxy of ours

ADD = """
import datetime
from django.utils import timezone
from sharing.access import principal
from sharing.accounts.models import Membership
from sharing.credentials.actions.machines import add_machine
from sharing.credentials.models import MachineCertificate
from sharing.credentials.rules.machines import Proof
from sharing.kernel.requests import SHELL
ada = principal.member(Membership.objects.get(user__email="ada@general.example"), SHELL)
for name, wishes in {machines!r}.items():
    made = add_machine(name=name, scopes=["studies.search"], by=ada, **wishes)
    if name == "ended":  # it was good when it was given
        past = {{"thumbprint": {ended!r}, "ends_at": timezone.now() - datetime.timedelta(days=1)}}
        MachineCertificate.objects.filter(client=made).update(
            begins_at=timezone.now() - datetime.timedelta(days=90), **past)
    print(f"{{name}}={{made.pk}}")
"""
KEYS = m.key_set(PAIR)
MACHINES = {
    "bound": {"jwks": KEYS, "pem": OURS.pem},
    "both": {"jwks": KEYS, "pem": OURS.pem, "proof": "key-and-certificate"},
    "alone": {"pem": OURS.pem, "proof": "certificate"},
    "ended": {"pem": OTHER.pem, "proof": "certificate"},
    "near": {"pem": OURS.pem, "proof": "certificate", "networks": ["127.0.0.0/8"]},
    "far": {"pem": OURS.pem, "proof": "certificate", "networks": ["192.0.2.0/24"]},
}


class Place:
    """The portal, the proxy before it, and the machines of General."""

    def __init__(self, portal: Served, door: int, folder: Path, header: str) -> None:
        self.portal, self.folder, self.header = portal, folder, header
        self.lines: list[httpx.Client] = []
        self.tls = f"https://localhost:{door}"
        code = ADD.format(machines=MACHINES, ended=ENDED.thumbprint)
        said = portal.manage("shell", "--no-imports", "-c", code).split()
        self.ids = dict(line.split("=") for line in said if "=" in line)

    def machine(self, name: str, shown: c.Certificate | None = None) -> m.Machine:
        """Comes by the proxy, and shows a certificate or none."""
        context = ssl.create_default_context(cadata=SERVER.pem)
        if shown:
            context.load_cert_chain(*shown.kept(self.folder, "shown"))
        return self.named(name, httpx.Client(verify=context, base_url=self.tls, timeout=30))

    def beside(self, name: str, **headers: str) -> m.Machine:
        """Comes to the portal itself, from an address that is no proxy's."""
        way = httpx.HTTPTransport(local_address=UNTRUSTED)
        return self.named(name, httpx.Client(transport=way, headers=headers, timeout=30))

    def named(self, name: str, web: httpx.Client) -> m.Machine:
        self.lines.append(web)
        return m.Machine(web, self.portal.address, self.ids[name], PAIR)

    def signed_in(self, asker: m.Machine) -> int:
        """By its certificate alone."""
        form = {"grant_type": "client_credentials", "client_id": asker.client_id}
        scope = {"scope": "studies.search"}
        answer = asker.web.post(self.at(asker, "/oauth/token"), data={**form, **scope})
        return _taken(asker, answer)

    def by_key(self, asker: m.Machine) -> int:
        form = {
            "grant_type": "client_credentials",
            "scope": "studies.search",
            "client_assertion_type": m.ASSERTION_TYPE,
            "client_assertion": asker.assertion(),
        }
        answer = asker.web.post(self.at(asker, "/oauth/token"), data=form)
        return _taken(asker, answer)

    def search(self, asker: m.Machine, token: str = "") -> int:
        bearer = {"Authorization": f"Bearer {token or asker.token}"}
        where = self.at(asker, "/dicom-web/studies")
        return int(asker.web.get(where, headers=bearer).status_code)

    def at(self, asker: m.Machine, path: str) -> str:
        return path if str(asker.web.base_url) else self.portal.address + path


def _taken(asker: m.Machine, answer: httpx.Response) -> int:
    """What a machine keeps of an answer; what has ended, nginx itself turns away."""
    if answer.status_code != 200:
        print(answer.status_code, answer.text[:300])  # who said no, and why
    asker.token = answer.json()["access_token"] if answer.status_code == 200 else ""
    return answer.status_code


@pytest.fixture(scope="module", params=["RFC 9440", "nginx"])
def place(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    peer_program: Callable[[str], str],
) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("proxied")
    form, header = ("pem", "X-SSL-Client-Cert")
    if request.param == "RFC 9440":
        form, header = "rfc9440", "Client-Cert"
    settings = {
        "TRUSTED_PROXIES": "127.0.0.1/32",
        "MTLS_URL": "https://localhost:8444",
        "CLIENT_CERT_FORM": form,
    }
    with contextlib.ExitStack() as stack:
        portal = serve(folder / "portal", settings)
        stack.callback(portal.stop)
        if request.param == "nginx":
            door = stack.enter_context(_nginx(peer_program("nginx"), folder, portal.port))
        else:
            known = (OURS, OTHER, ENDED)
            door = stack.enter_context(c.proxy(portal.port, folder, SERVER, *known))
        yield Place(portal, door, folder, header)


@contextlib.contextmanager
def _nginx(program: str, folder: Path, portal: int) -> Iterator[int]:
    """The proxy as it is shipped; its door for machines."""
    (folder / "tls.crt").write_text(SERVER.pem)
    (folder / "tls.key").write_text(SERVER.key)
    door, log = processes.free_port(), folder / "nginx.log"
    path = configuration(folder, outside=processes.free_port(), machines=door, inside=portal)
    proxy = processes.start([program, "-c", path, "-g", "daemon off;"], log=log)
    try:
        processes.until(lambda: processes.listens(door), proxy, log=log)
        yield door
    finally:
        processes.Peer(processes=[proxy]).stop()


@pytest.fixture(autouse=True)
def _hung_up(place: Place) -> Iterator[None]:
    yield
    for one in place.lines:
        one.close()
    place.lines.clear()


def test_a_token_by_a_key_is_good_with_its_certificate_alone(place: Place) -> None:
    pacs = place.machine("bound", OURS)
    assert place.by_key(pacs) == 200
    assert place.search(pacs) == 200
    for thief in (place.machine("bound"), place.machine("bound", OTHER), place.beside("bound")):
        assert place.search(thief, pacs.token) == 401
        assert place.search(thief, "hvm_unknown") == 401


def test_one_that_needs_both_gets_nothing_with_less(place: Place) -> None:
    found = [place.by_key(place.machine("both", one)) for one in (OURS, None, OTHER, ENDED)]
    assert found == [200, 400, 400, 400]
    assert place.signed_in(place.machine("both", OURS)) == 400


def test_a_certificate_alone_signs_in_and_no_other_does(place: Place) -> None:
    pacs = place.machine("alone", OURS)
    assert place.signed_in(pacs) == 200
    assert place.search(pacs) == 200
    found = [place.signed_in(place.machine("alone", one)) for one in (None, OTHER, ENDED)]
    assert found == [400, 400, 400]


def test_a_certificate_that_has_ended_opens_nothing(place: Place) -> None:
    """Its machine still holds the key, and the proxy passes it on."""
    assert place.signed_in(place.machine("ended", ENDED)) == 400


def test_a_network_is_asked_for_on_top_and_never_alone(place: Place) -> None:
    assert place.signed_in(place.machine("near", OURS)) == 200
    assert place.signed_in(place.machine("near")) == 400
    assert place.signed_in(place.machine("far", OURS)) == 400


def test_a_header_that_somebody_else_writes_gains_nothing(place: Place) -> None:
    for header, said in (("Client-Cert", OURS.header), ("X-SSL-Client-Cert", OURS.escaped)):
        forged = {header: said, "X-Forwarded-For": "127.0.0.1"}
        assert place.signed_in(place.beside("alone", **forged)) == 400
        through = place.machine("alone")
        through.web.headers[header] = said  # by the proxy, which takes it away
        assert place.signed_in(through) == 400
        beside_another = place.machine("alone", OTHER)
        beside_another.web.headers[header] = said
        assert place.signed_in(beside_another) == 400


@pytest.mark.parametrize("place", ["RFC 9440"], indirect=True)
def test_a_proxy_that_passes_two_on_is_not_believed(place: Place) -> None:
    """What a proxy would send that adds to the header in place of setting it."""
    names = [("Client-Cert", OTHER.header), ("Client-Cert", OURS.header)]
    for headers in (names, names[::-1], [names[1], names[1]]):
        web = httpx.Client(headers=headers, timeout=30)
        assert place.signed_in(place.named("alone", web)) == 400
    web = httpx.Client(headers=names[1:], timeout=30)
    assert place.signed_in(place.named("alone", web)) == 200  # the proxy's own address


@pytest.mark.parametrize("place", ["nginx"], indirect=True)
@pytest.mark.parametrize("name", ["curl", "python"])
@pytest.mark.parametrize("proof", ["key-and-certificate", "certificate"])
def test_what_the_page_gives_to_paste_works_with_a_certificate(
    place: Place, tmp_path: Path, name: str, proof: str
) -> None:
    keys = {} if proof == "certificate" else {"jwks": pasted(written("keys"), tmp_path)}
    pem = pasted(written("certificate"), tmp_path)
    _, shown = added(place.portal, f"Pasted {name} {proof}", pem=pem, proof=proof, **keys)
    text = shown[name].replace("https://localhost:8444", place.tls)
    if name == "python":
        (tmp_path / "try.py").write_text(text)
        text = f"{sys.executable} try.py"
    (tmp_path / "server.crt").write_text(SERVER.pem)
    trusted = str(tmp_path / "server.crt")
    assert "00100010" in pasted(text, tmp_path, CURL_CA_BUNDLE=trusted, SSL_CERT_FILE=trusted)
