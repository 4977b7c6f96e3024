from django.urls import path

from sharing.grants.api import grants as api
from sharing.grants.api import offers as offers_api
from sharing.grants.views import grants, offers, requests

urlpatterns = [
    path("partners/", grants.partners, name="partners"),
    path("partners/new", grants.propose, name="partner-new"),
    path("partners/<uuid:grant_id>/change", grants.change, name="partner-change"),
    path("partners/<uuid:grant_id>/agree", grants.agree, name="partner-agree"),
    path("partners/<uuid:grant_id>/decline", grants.decline, name="partner-decline"),
    path("partners/<uuid:grant_id>/stop", grants.stop, name="partner-stop"),
    path("partners/<uuid:grant_id>/resume", grants.resume, name="partner-resume"),
    path("partners/<uuid:grant_id>/end", grants.end, name="partner-end"),
    path("partners/<uuid:grant_id>/machines", grants.name_machine, name="partner-machine"),
    path(
        "partners/<uuid:grant_id>/machines/<uuid:client_id>/remove",
        grants.unname_machine,
        name="partner-machine-remove",
    ),
    path("studies/<uuid:study_id>/send/", offers.send, name="study-send"),
    path("inbox/", offers.inbox, name="inbox"),
    path("inbox/news", offers.news, name="inbox-news"),
    path("inbox/offers/<uuid:offer_id>/", offers.offer, name="offer"),
    path("inbox/offers/<uuid:offer_id>/accept", offers.accept, name="offer-accept"),
    path("inbox/offers/<uuid:offer_id>/decline", offers.decline, name="offer-decline"),
    path("inbox/offers/<uuid:offer_id>/withdraw", offers.withdraw, name="offer-withdraw"),
    path("inbox/offers/<uuid:offer_id>/extend", offers.extend, name="offer-extend"),
    path("inbox/requests/new/", requests.ask, name="request-new"),
    path("inbox/requests/<uuid:request_id>/", requests.request_page, name="request"),
    path("inbox/requests/<uuid:request_id>/give", requests.give, name="request-give"),
    path("inbox/requests/<uuid:request_id>/decline", requests.decline, name="request-decline"),
    path("inbox/requests/<uuid:request_id>/close", requests.close, name="request-close"),
    path("inbox/requests/<uuid:request_id>/withdraw", requests.withdraw, name="request-withdraw"),
]
api_urlpatterns = [
    path("grants/", api.Grants.as_view(), name="api-grants"),
    path("grants/<uuid:grant_id>/", api.Grant.as_view(), name="api-grant"),
    path("grants/<uuid:grant_id>/stop/", api.Stop.as_view(), name="api-grant-stop"),
    path("offers/", offers_api.Offers.as_view(), name="api-offers"),
    path("offers/<uuid:offer_id>/accept/", offers_api.Accept.as_view(), name="api-offer-accept"),
    path("offers/<uuid:offer_id>/decline/", offers_api.Decline.as_view(), name="api-offer-decline"),
    path(
        "offers/<uuid:offer_id>/withdraw/", offers_api.Withdraw.as_view(), name="api-offer-withdraw"
    ),
]
