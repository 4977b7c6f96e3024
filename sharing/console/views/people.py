"""The people of an institution: invite them, change what they are, shut them out."""

import datetime
import uuid
from collections.abc import Callable

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from sharing.access.gate import declares
from sharing.access.principal import Principal
from sharing.access.rules import Action
from sharing.accounts import actions
from sharing.accounts.forms import DepartmentChoiceForm, InviteForm, RoleForm
from sharing.accounts.models import Invitation
from sharing.accounts.queries import departments_of, people_of, unanswered
from sharing.accounts.rules import ROLE_SENTENCES, Role
from sharing.kernel.errors import ConflictError, InvalidInputError
from sharing.mails.models import Mail
from sharing.mails.queries import latest
from sharing.mails.rules import Kind


def _by(request: HttpRequest) -> Principal:
    return request.principal  # type: ignore[attr-defined]


@require_http_methods(["GET", "HEAD", "POST"])
@declares(Action.ADMINISTER)
def people(request: HttpRequest) -> HttpResponseBase:
    """Everybody who works here, who is invited, and the form that invites more."""
    institution_id = _by(request).whole_institution
    departments = departments_of(institution_id)
    form = InviteForm(request.POST or None, departments=departments)
    if request.method == "POST" and form.is_valid():
        try:
            invitation = actions.invite(
                email=form.cleaned_data["email"],
                role=Role(form.cleaned_data["role"]),
                lifetime=datetime.timedelta(minutes=int(form.cleaned_data["lifetime"])),
                department_id=form.department_id,
                by=_by(request),
            )
        except ConflictError as error:
            form.add_error("email", error.detail)
        else:
            messages.success(request, f"{invitation.email} gets a mail with a link.")
            return redirect("people")
    context = {
        "form": form,
        "departments": departments,
        "members": people_of(institution_id),
        "invitations": _with_mails(list(unanswered(institution_id))),
        "roles": [(role, role.label, ROLE_SENTENCES[role]) for role in Role],
    }
    return render(request, "console/people.html", context)


def _with_mails(invitations: list[Invitation]) -> list[tuple[Invitation, Mail | None]]:
    """Each invitation with the mail that carries it, as far as that has come."""
    mails = latest(Kind.INVITATION, [one.pk for one in invitations])
    return [(one, mails.get(one.pk)) for one in invitations]


@require_POST
@declares(Action.ADMINISTER)
def change_role(request: HttpRequest, membership_id: uuid.UUID) -> HttpResponseBase:
    form = RoleForm(request.POST)
    if not form.is_valid():
        raise InvalidInputError("Choose one of the roles.")
    role = Role(form.cleaned_data["role"])

    def change() -> str:
        member = actions.change_role(membership_id, role, by=_by(request))
        return f"{member.user} is {role.label.lower()} now."

    return _done(request, change)


@require_POST
@declares(Action.ADMINISTER)
def place(request: HttpRequest, membership_id: uuid.UUID) -> HttpResponseBase:
    departments = departments_of(_by(request).whole_institution)
    form = DepartmentChoiceForm(request.POST, departments=departments)
    if not form.is_valid():
        raise InvalidInputError("Choose one of the departments.")

    def change() -> str:
        member = actions.place(membership_id, form.department_id, by=_by(request))
        return f"{member.user} works in {member.department or 'no particular department'} now."

    return _done(request, change)


@require_POST
@declares(Action.ADMINISTER)
def suspend(request: HttpRequest, membership_id: uuid.UUID) -> HttpResponseBase:
    def change() -> str:
        member = actions.suspend(membership_id, by=_by(request))
        return f"{member.user} is shut out from this moment on."

    return _done(request, change)


@require_POST
@declares(Action.ADMINISTER)
def reactivate(request: HttpRequest, membership_id: uuid.UUID) -> HttpResponseBase:
    def change() -> str:
        return f"{actions.reactivate(membership_id, by=_by(request)).user} can work here again."

    return _done(request, change)


@require_POST
@declares(Action.ADMINISTER)
def resend(request: HttpRequest, invitation_id: uuid.UUID) -> HttpResponseBase:
    def change() -> str:
        invitation = actions.resend_invitation(invitation_id, by=_by(request))
        return f"{invitation.email} gets a fresh link; the earlier one has ended."

    return _done(request, change)


@require_POST
@declares(Action.ADMINISTER)
def withdraw(request: HttpRequest, invitation_id: uuid.UUID) -> HttpResponseBase:
    def change() -> str:
        actions.withdraw_invitation(invitation_id, by=_by(request))
        return "The invitation has ended."

    return _done(request, change)


def _done(request: HttpRequest, change: Callable[[], str]) -> HttpResponse:
    try:
        messages.success(request, change())
    except ConflictError as error:
        messages.error(request, error.detail)
    return redirect("people")
