"""The certificates of a machine: add one, take one away, say whether one is needed."""

import uuid

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods, require_POST

from sharing.access.gate import declares
from sharing.access.rules import Action
from sharing.credentials.actions import certificates as actions
from sharing.credentials.forms import CertificatesForm
from sharing.credentials.queries.machines import own_machine
from sharing.credentials.views.machines import asker, given, shown, tell
from sharing.kernel.errors import ConflictError, InvalidInputError


@require_http_methods(["GET", "HEAD", "POST"])
@declares(Action.ADMINISTER)
def change(request: HttpRequest, client_id: uuid.UUID) -> HttpResponseBase:
    found = own_machine(client_id, asker(request))
    form = CertificatesForm(given(request), initial={"proof": found.proof})
    if request.method == "POST" and form.is_valid():
        try:
            actions.change_certificates(found.pk, by=asker(request), **form.cleaned_data)
        except (ConflictError, InvalidInputError) as error:
            tell(form, error)
        else:
            messages.success(request, f"{found.name} is let in so from now on.")
            return redirect("machine", found.pk)
    context = {"form": form, "machine": found, "served": bool(settings.MTLS_URL)}
    return shown(request, "credentials/machine_certificates.html", context)


@require_POST
@declares(Action.ADMINISTER)
def remove(request: HttpRequest, client_id: uuid.UUID, certificate_id: uuid.UUID) -> HttpResponse:
    try:
        actions.remove_certificate(certificate_id, client_id, by=asker(request))
        messages.success(request, "This certificate does not count any more.")
    except ConflictError as error:
        messages.error(request, error.detail)
    return redirect("machine", client_id)
