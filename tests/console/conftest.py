"""Each test begins with no viewing open."""

from collections.abc import Iterator

import pytest

from sharing.audit.actions import viewings


@pytest.fixture(autouse=True)
def nobody_is_looking() -> Iterator[None]:
    viewings.forget()
    yield
    viewings.forget()
