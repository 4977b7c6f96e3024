"""Adding a machine at the page of a portal that runs, and pasting what that gives to paste."""

import os
import re
import subprocess
from html import unescape
from pathlib import Path

from tests.conftest import ROOT
from tests.credentials.making import EVERYTHING
from tests.served import Served

ADD = """
from django.test import Client
from sharing.accounts.models import User
from sharing.credentials.models import MachineClient
browser = Client(headers={{"host": "localhost"}})
browser.force_login(User.objects.get(email="ada@general.example"),
    backend="allauth.account.auth_backends.AuthenticationBackend")
browser.post("/people/machines/new", {form!r})
made = MachineClient.objects.get(name={name!r})
print(browser.get(f"/people/machines/{{made.pk}}/").content.decode())
print(f"CLIENT:{{made.pk}}:")
"""


def added(portal: Served, name: str, **given: str) -> tuple[str, dict[str, str]]:
    """The client id of a new machine, and the commands that its page shows."""
    code = ADD.format(name=name, form={"name": name, "scopes": list(EVERYTHING), **given})
    shown = portal.manage("shell", "--no-imports", "-c", code)
    found = re.search(r"CLIENT:([0-9a-f-]{36}):", shown)
    assert found is not None, shown[-2000:]
    return found[1], commands(shown)


def commands(shown: str) -> dict[str, str]:
    """The commands on a page, as somebody would copy them."""
    found = re.findall(r'<pre[^>]*id="(?:try-)?([a-z-]+)"[^>]*>(.*?)</pre>', shown, re.DOTALL)
    return {name: unescape(body) for name, body in found}


def written(name: str) -> str:
    """A command as the page shows it, without what a template adds."""
    return re.sub(r"{%.*?%}", "", (ROOT / f"templates/credentials/{name}.txt").read_text())


def pasted(command: str, folder: Path, **environment: str) -> str:
    """What a command prints, run as somebody would who has copied it."""
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=folder,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
