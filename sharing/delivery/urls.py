from django.urls import path

from sharing.delivery import views

urlpatterns = [
    path("studies/<uuid:study_id>/download", views.download_study, name="study-download"),
    path("c/<uuid:claim>/download", views.download_shared, name="shared-download"),
]
