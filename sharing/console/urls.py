from django.urls import path

from sharing.console import api
from sharing.console.views import (
    account,
    activity,
    directory,
    docs,
    institution,
    join,
    partners,
    people,
    sign_up,
    study,
    tokens,
    worklist,
)
from sharing.credentials.api import tokens as tokens_api

urlpatterns = [
    path("", worklist.worklist, name="worklist"),
    path("arriving/", worklist.arriving, name="arriving"),
    path("studies/<uuid:study_id>/", study.study_page, name="study"),
    path("studies/<uuid:study_id>/mark", study.mark, name="study-mark"),
    path("activity/", activity.activity, name="activity"),
    path("activity/activity.csv", activity.activity_file, name="activity-file"),
    path("people/", people.people, name="people"),
    path("people/<uuid:membership_id>/role", people.change_role, name="member-role"),
    path("people/<uuid:membership_id>/suspend", people.suspend, name="member-suspend"),
    path("people/<uuid:membership_id>/reactivate", people.reactivate, name="member-reactivate"),
    path("people/<uuid:membership_id>/department", people.place, name="member-department"),
    path("people/institution/", institution.institution, name="institution"),
    path("people/institution/domain", institution.domain, name="institution-domain"),
    path("people/institution/npi", institution.npi, name="institution-npi"),
    path(
        "people/institution/evidence/<uuid:evidence_id>/check",
        institution.check,
        name="evidence-check",
    ),
    path(
        "people/institution/evidence/<uuid:evidence_id>/remove",
        institution.take_back,
        name="evidence-remove",
    ),
    path("people/departments/", institution.departments, name="departments"),
    path(
        "people/departments/<uuid:department_id>/",
        institution.change_department,
        name="department-change",
    ),
    path(
        "people/departments/<uuid:department_id>/close",
        institution.close_department,
        name="department-close",
    ),
    path(
        "people/departments/<uuid:department_id>/reopen",
        institution.reopen_department,
        name="department-reopen",
    ),
    path(
        "people/departments/<uuid:department_id>/remove",
        institution.remove_department,
        name="department-remove",
    ),
    path("partners/<uuid:grant_id>/", partners.partner, name="partner"),
    path("partners/<uuid:grant_id>/studies/", partners.partner_studies, name="partner-studies"),
    path(
        "partners/<uuid:grant_id>/studies/studies.csv",
        partners.partner_studies_file,
        name="partner-studies-file",
    ),
    path("directory/", directory.directory, name="directory"),
    path("invitations/<uuid:invitation_id>/resend", people.resend, name="invitation-resend"),
    path("invitations/<uuid:invitation_id>/withdraw", people.withdraw, name="invitation-withdraw"),
    path("account/", account.account, name="account"),
    path("account/protect", account.protect, name="protect"),
    path("account/tokens/", tokens.tokens, name="tokens"),
    path("account/tokens/new", tokens.new_token, name="token-new"),
    path("account/tokens/<uuid:token_id>/revoke", tokens.end_token, name="token-end"),
    path("people/tokens/", tokens.tokens_of_all, name="people-tokens"),
    path("people/tokens/<uuid:token_id>/revoke", tokens.end_anothers, name="people-token-end"),
    # Before allauth's own page of this address, which would let people change it.
    path("accounts/email/", account.fixed_address, name="fixed-address"),
    path("switch/", account.switch, name="switch"),
    path("join", join.join, name="join"),
    path("institutions/new", sign_up.new, name="sign-up"),
    path("institutions/prove", sign_up.prove, name="sign-up-prove"),
    path("api/docs/", docs.docs, name="api-docs"),
]
api_urlpatterns = [
    path("studies/", api.Studies.as_view(), name="api-studies"),
    path("studies/<uuid:study_id>/", api.StudyDetail.as_view(), name="api-study"),
    path("activity/", api.Activity.as_view(), name="api-activity"),
    path("tokens/", tokens_api.Tokens.as_view(), name="api-tokens"),
    path("tokens/<uuid:token_id>/", tokens_api.Token.as_view(), name="api-token"),
    path("schema/", api.Schema.as_view(), name="api-schema"),
]
