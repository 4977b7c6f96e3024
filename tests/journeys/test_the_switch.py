"""Either side's switch closes every channel of a grant within a second, whatever is open."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest

from tests.bench.measuring import Line, signed_in
from tests.credentials.machine import elliptic
from tests.journeys import shutting as do
from tests.journeys.partners import SCOPES, Agreed, AtTheSwitch, agreed
from tests.journeys.people import address_of
from tests.served import Served

ROUNDS = int(os.environ.get("ROUNDS", "4"))
GENEROUS = 3.0  # what is aimed at is one second; a machine with much else to do may be late
FAST, SLOW = 40e6, 4e6
CLEO = address_of("Cleo")


@pytest.fixture(scope="session")
def between(home: Served) -> Iterator[Agreed]:
    made = agreed(home, elliptic(), modality="NM")  # as `large` is, and nothing of the demo
    yield made
    made.machine.web.close()


class Mercy:
    """What Mercy's people and its machine have open at General's study, each by its own line."""

    def __init__(self, home: Served, between: Agreed, large: str) -> None:
        self.home, self.machine, self.large = home, between.machine, large
        line = signed_in(home.address, CLEO, home.password)
        self.cookies = line.headers
        line.connection.close()

    def page(self) -> Line:
        return Line(self.home.address, **self.cookies)

    def program(self) -> Line:
        return Line(self.home.address, Authorization=f"Bearer {self.machine.token}")

    def everything(self) -> dict[str, do.Going]:
        self.machine.sign_in(*SCOPES)
        study = self.large.removesuffix("download")
        web = f"{study}dicom-web/studies"
        return {
            "page": do.asking(self.page(), "GET", study),
            "viewer": do.asking(self.page(), "GET", f"{study}viewer/"),
            "DICOMweb by page": do.asking(self.page(), "GET", f"{web}/{self._uid()}/metadata"),
            "DICOMweb by machine": do.asking(
                self.program(), "GET", f"/dicom-web/studies/{self._uid()}/metadata"
            ),
            "download by page": do.downloading(self.page(), self.large, FAST),
            "slow download by page": do.downloading(self.page(), self.large, SLOW),
            "download by machine": do.downloading(self.program(), self.large, FAST),
            "slow download by machine": do.downloading(self.program(), self.large, SLOW),
        }

    @staticmethod
    def _uid() -> str:
        return "1.2.826.0.1.990"  # as `large` has sent it


@pytest.mark.parametrize("whose", ["Ada", "Matteo"])
def test_one_press_ends_every_channel_within_a_second(
    home: Served, between: Agreed, large: str, whose: str
) -> None:
    mercy = Mercy(home, between, large)
    with closing(AtTheSwitch(home, address_of(whose), between.grant)) as there:
        pressed: Callable[[], float] = lambda: _at(there)  # noqa: E731 a word for `rounds`
        found = do.rounds(ROUNDS, mercy.everything, pressed, lambda: there.press("resume"))
    do.told(f"stopped by {whose}", found)
    assert max(map(max, found.values())) < GENEROUS, found


def _at(switch: AtTheSwitch) -> float:
    begun = time.monotonic()
    switch.press("stop")
    return begun
