from django.urls import path

from sharing.console import api
from sharing.console.views import account, activity, docs, join, people, study, tokens, worklist
from sharing.credentials.api import tokens as tokens_api

urlpatterns = [
    path("", worklist.worklist, name="worklist"),
    path("arriving/", worklist.arriving, name="arriving"),
    path("studies/<uuid:study_id>/", study.study_page, name="study"),
    path("activity/", activity.activity, name="activity"),
    path("activity/activity.csv", activity.activity_file, name="activity-file"),
    path("people/", people.people, name="people"),
    path("people/<uuid:membership_id>/role", people.change_role, name="member-role"),
    path("people/<uuid:membership_id>/suspend", people.suspend, name="member-suspend"),
    path("people/<uuid:membership_id>/reactivate", people.reactivate, name="member-reactivate"),
    path("invitations/<uuid:invitation_id>/resend", people.resend, name="invitation-resend"),
    path("invitations/<uuid:invitation_id>/withdraw", people.withdraw, name="invitation-withdraw"),
    path("account/", account.account, name="account"),
    path("account/tokens/", tokens.tokens, name="tokens"),
    path("account/tokens/new", tokens.new_token, name="token-new"),
    path("account/tokens/<uuid:token_id>/revoke", tokens.end_token, name="token-end"),
    path("people/tokens/", tokens.tokens_of_all, name="people-tokens"),
    path("people/tokens/<uuid:token_id>/revoke", tokens.end_anothers, name="people-token-end"),
    # Before allauth's own page of this address, which would let people change it.
    path("accounts/email/", account.fixed_address, name="fixed-address"),
    path("switch/", account.switch, name="switch"),
    path("join", join.join, name="join"),
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
