from django.urls import path

from sharing.research.views import consent, exports, holds, profiles, projects, releases

A_RELEASE = "research/releases/<uuid:release_id>"
A_HOLD = f"{A_RELEASE}/doubts/<uuid:hold_id>"
urlpatterns = [
    path("research/", projects.research, name="research"),
    path("research/projects/new", projects.new_project, name="research-project-new"),
    path("research/projects/<uuid:project_id>/", projects.project, name="research-project"),
    path(
        "research/projects/<uuid:project_id>/destroy",
        projects.destroy,
        name="research-project-destroy",
    ),
    path(
        "research/projects/<uuid:project_id>/behind",
        projects.behind,
        name="research-project-behind",
    ),
    path("research/profiles/", profiles.all_profiles, name="research-profiles"),
    path("research/profiles/edit", profiles.edit, name="research-profile-edit"),
    path("research/consent/", consent.consent, name="research-consent"),
    path("research/releases/new", releases.new_release, name="release-new"),
    path(f"{A_RELEASE}/", releases.release, name="release"),
    path(f"{A_RELEASE}/sample", releases.sample, name="release-sample"),
    path(f"{A_RELEASE}/start", releases.start, name="release-start"),
    path(f"{A_RELEASE}/pause", releases.pause, name="release-pause"),
    path(f"{A_RELEASE}/resume", releases.resume, name="release-resume"),
    path(f"{A_RELEASE}/release", releases.let_out, name="release-let-out"),
    path(f"{A_RELEASE}/drop", releases.drop, name="release-drop"),
    path(f"{A_RELEASE}/doubts/", holds.first, name="release-holds"),
    path(f"{A_HOLD}/", holds.hold, name="release-hold"),
    path(f"{A_HOLD}/decide", holds.decide, name="release-decide"),
    path(f"{A_HOLD}/mask", holds.mask, name="release-mask"),
    path(f"{A_HOLD}/before.jpg", holds.before, name="release-before"),
    path(f"{A_HOLD}/after.jpg", holds.after, name="release-after"),
    path(f"{A_RELEASE}/certificate.json", exports.certificate_json, name="release-certificate"),
    path(f"{A_RELEASE}/certificate.pdf", exports.certificate_pdf, name="release-certificate-pdf"),
    path(f"{A_RELEASE}/export", exports.export, name="release-export"),
]
