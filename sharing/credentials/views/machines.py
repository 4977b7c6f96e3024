"""The machines of an institution: add them, give them keys, try them, shut them out."""

import datetime
import re
import uuid
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase, QueryDict
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from sharing.access.gate import declares
from sharing.access.principal import Principal
from sharing.access.rules import Action
from sharing.credentials.actions import machines as actions
from sharing.credentials.forms import KeysForm, MachineForm
from sharing.credentials.models import MachineClient
from sharing.credentials.queries.machines import own_machine
from sharing.credentials.rules.machines import (
    ASSERTION_TYPE,
    KEYS_END_SOON,
    SCOPE_WORDS,
    MachineState,
    Proof,
    may_move,
)
from sharing.credentials.work import keys
from sharing.credentials.work.assertions import token_url
from sharing.kernel.errors import ConflictError, InvalidInputError

PLAIN_KID = re.compile(r"[A-Za-z0-9._:-]{1,100}")
WAYS = {"curl": "curl and openssl", "python": "Python"}
DONE = {
    MachineState.SUSPENDED: "{} is shut out from this moment on.",
    MachineState.ACTIVE: "{} can sign in again.",
    MachineState.REVOKED: "{} is revoked for good.",
}


def asker(request: HttpRequest) -> Principal:
    return request.principal  # type: ignore[attr-defined]


@require_safe
@declares(Action.ADMINISTER)
def machines(request: HttpRequest) -> HttpResponseBase:
    """All of them, with when each was last used and until when its keys count."""
    found = _of(request).exclude(state=MachineState.REVOKED)
    gone = _of(request).filter(state=MachineState.REVOKED)
    rows = [(one, *_stands(one)) for one in found.prefetch_related("certificates")]
    context = {"rows": rows, "revoked": gone}
    return render(request, "credentials/machines.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@declares(Action.ADMINISTER)
def add(request: HttpRequest) -> HttpResponseBase:
    form = MachineForm(given(request))
    if request.method == "POST" and form.is_valid():
        told = form.cleaned_data
        try:
            made = actions.add_machine(
                name=told["name"],
                scopes=told["scopes"],
                networks=told["networks"],
                by=asker(request),
                **form.keys(),
                **form.certificates(),
            )
        except (ConflictError, InvalidInputError) as error:
            tell(form, error)
        else:
            messages.success(request, f"{made.name} can sign in now.")
            return redirect("machine", made.pk)
    return shown(request, "credentials/machine_new.html", {"form": form})


@require_safe
@declares(Action.ADMINISTER)
def machine(request: HttpRequest, client_id: uuid.UUID) -> HttpResponseBase:
    """One machine: what it may do, its keys, and a command to try it with."""
    found = own_machine(client_id, asker(request))
    context = {
        "machine": found,
        "keys_state": _keys_state(found),
        "keys": keys.usable(found.jwks),
        "scopes": [(one, SCOPE_WORDS.get(one, one)) for one in found.scopes],
        "moves": {str(then): True for then in MachineState if may_move(found.state, then)},
        "certificates": [(one, end_state(one.ends_at)) for one in found.certificates.all()],
        "commands": _commands(found),
    }
    return render(request, "credentials/machine.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@declares(Action.ADMINISTER)
def change_keys(request: HttpRequest, client_id: uuid.UUID) -> HttpResponseBase:
    found = own_machine(client_id, asker(request))
    form = KeysForm(given(request), initial={"jwks_url": found.jwks_url})
    if request.method == "POST" and form.is_valid():
        try:
            actions.change_keys(found.pk, by=asker(request), **form.keys())
        except (ConflictError, InvalidInputError) as error:
            tell(form, error)
        else:
            messages.success(request, f"{found.name} signs in with these keys from now on.")
            return redirect("machine", found.pk)
    return shown(request, "credentials/machine_keys.html", {"form": form, "machine": found})


@require_http_methods(["GET", "HEAD", "POST"])
@declares(Action.ADMINISTER)
def suspend(request: HttpRequest, client_id: uuid.UUID) -> HttpResponseBase:
    return _end(request, client_id, MachineState.SUSPENDED)


@require_http_methods(["GET", "HEAD", "POST"])
@declares(Action.ADMINISTER)
def revoke(request: HttpRequest, client_id: uuid.UUID) -> HttpResponseBase:
    return _end(request, client_id, MachineState.REVOKED)


@require_POST
@declares(Action.ADMINISTER)
def resume(request: HttpRequest, client_id: uuid.UUID) -> HttpResponseBase:
    return _move(request, client_id, MachineState.ACTIVE)


def _end(request: HttpRequest, client_id: uuid.UUID, then: MachineState) -> HttpResponseBase:
    """Ask once more, then do it."""
    if request.method == "POST":
        return _move(request, client_id, then)
    context = {
        "machine": own_machine(client_id, asker(request)),
        "for_good": then == MachineState.REVOKED,
    }
    return render(request, "credentials/machine_end.html", context)


def _move(request: HttpRequest, client_id: uuid.UUID, then: MachineState) -> HttpResponse:
    try:
        moved = actions.move(client_id, then, by=asker(request))
        messages.success(request, DONE[then].format(moved.name))
    except ConflictError as error:
        messages.error(request, error.detail)
    return redirect("machine", client_id)


def given(request: HttpRequest) -> QueryDict | None:
    return request.POST if request.method == "POST" else None


def _of(request: HttpRequest) -> Any:
    return MachineClient.objects.filter(institution=asker(request).actor.institution_id)


def _keys_state(of: MachineClient) -> str:
    """ended, soon or nothing: how it stands with the day until which its keys count."""
    return end_state(of.keys_end_at) if of.proof != Proof.CERTIFICATE else ""


def _stands(of: MachineClient) -> tuple[datetime.datetime | None, str]:
    """Until when what it shows counts, and how that stands: its keys, its certificates, or both.

    Of several certificates the last to end counts: they overlap while one follows another.
    """
    ends = [one.ends_at for one in of.certificates.all()]
    keys = [of.keys_end_at] if of.proof != Proof.CERTIFICATE and of.keys_end_at else []
    shown = [max(ends)] if ends and of.proof != Proof.KEY else []
    end = min([*keys, *shown], default=None)
    return end, end_state(end)


def end_state(end: datetime.datetime | None) -> str:
    if end is None:
        return ""
    left = end - timezone.now()
    if left.total_seconds() <= 0:
        return "ended"
    return "soon" if left < KEYS_END_SOON else ""


def tell(form: forms.Form, error: ConflictError | InvalidInputError) -> None:
    fields = error.fields if isinstance(error, InvalidInputError) else {"name": [error.detail]}
    for name, said in fields.items():
        form.add_error(name if name in form.fields else None, said)


def shown(request: HttpRequest, template: str, context: dict[str, Any]) -> HttpResponse:
    status = 422 if context["form"].errors else 200
    return render(request, template, context, status=status)


def _commands(of: MachineClient) -> list[tuple[str, str, str]]:
    """What to paste to try the machine: (id, heading, text). openssl signs with RSA alone as we ask."""
    if of.proof == Proof.CERTIFICATE:
        return [(name, heading, _command(of, name)) for name, heading in WAYS.items()]
    known = [one for one in keys.usable(of.jwks) if PLAIN_KID.fullmatch(one.kid)]
    known = known or [keys.Key("key-1", "RS384", None, "")]
    rsa = [one for one in known if one.algorithm == "RS384"]
    found = [("curl", rsa[0])] if rsa else []
    found.append(("python", known[0]))
    return [(name, WAYS[name], _command(of, name, key)) for name, key in found]


def _command(of: MachineClient, name: str, key: keys.Key | None = None) -> str:
    facts = {
        "home": settings.MTLS_URL if of.proof != Proof.KEY else settings.BASE_URL,
        "token_url": token_url(),
        "client_id": str(of.pk),
        "key": key,
        "certificate": of.proof != Proof.KEY,
        "scope": " ".join(of.scopes),
        "assertion_type": ASSERTION_TYPE,
    }
    return render_to_string(f"credentials/{name}.txt", facts).strip()
