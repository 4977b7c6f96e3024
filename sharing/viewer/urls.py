"""The viewing page, for members and for the holder of a share link."""

from django.urls import path

from sharing.viewer import views

urlpatterns = [
    path("studies/<uuid:study_id>/viewer/", views.read, name="viewer"),
    path("c/<uuid:claim>/viewer/<uuid:study_id>/", views.read, name="shared-viewer"),
]
