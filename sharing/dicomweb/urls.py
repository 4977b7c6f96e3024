"""DICOMweb below /dicom-web/, and below /c/<claim>/dicom-web/ for the holder of a share link."""

from django.urls import path

from sharing.dicomweb import views

STUDY = "studies/<str:study_uid>"
SERIES = f"{STUDY}/series/<str:series_uid>"
INSTANCE = f"{SERIES}/instances/<str:uid>"

urlpatterns = [
    path("studies", views.studies, name="dicomweb-studies"),
    path(f"{STUDY}/series", views.series, name="dicomweb-series"),
    path(f"{STUDY}/instances", views.instances, name="dicomweb-instances"),
    path(f"{STUDY}/metadata", views.study_metadata, name="dicomweb-study-metadata"),
    path(f"{SERIES}/instances", views.series_instances, name="dicomweb-series-instances"),
    path(f"{SERIES}/metadata", views.series_metadata, name="dicomweb-series-metadata"),
    path(f"{SERIES}/thumbnail", views.series_thumbnail, name="dicomweb-series-thumbnail"),
    path(INSTANCE, views.part10, name="dicomweb-instance"),
    path(f"{INSTANCE}/metadata", views.instance_metadata, name="dicomweb-instance-metadata"),
    path(f"{INSTANCE}/rendered", views.rendered, name="dicomweb-rendered"),
    path(f"{INSTANCE}/thumbnail", views.instance_thumbnail, name="dicomweb-thumbnail"),
    path(f"{INSTANCE}/frames/<str:numbers>", views.frames, name="dicomweb-frames"),
    path(
        f"{INSTANCE}/frames/<str:number>/rendered",
        views.rendered_frame,
        name="dicomweb-rendered-frame",
    ),
]
