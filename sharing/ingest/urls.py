from django.urls import path

from sharing.ingest import views
from sharing.ingest.api import batch, tus, uploads

urlpatterns = [
    path("upload/", views.upload_page, name="upload"),
    path("uploads/<uuid:upload_id>/", views.receipt_page, name="upload-page"),
    path("uploads/<uuid:upload_id>/receipt.json", views.receipt_file, name="upload-receipt-file"),
]
api_urlpatterns = [
    path("uploads/", uploads.UploadList.as_view(), name="upload-list"),
    path("uploads/rules/", uploads.UploadRules.as_view(), name="upload-rules"),
    path("uploads/<uuid:upload_id>/", uploads.UploadDetail.as_view(), name="upload-detail"),
    path("uploads/<uuid:upload_id>/finish/", uploads.UploadFinish.as_view(), name="upload-finish"),
    path(
        "uploads/<uuid:upload_id>/receipt/", uploads.UploadReceipt.as_view(), name="upload-receipt"
    ),
    path("uploads/<uuid:upload_id>/batch/", batch.UploadBatch.as_view(), name="upload-batch"),
    path("uploads/<uuid:upload_id>/files/", tus.FilesView.as_view(), name="upload-files"),
    path(
        "uploads/<uuid:upload_id>/files/<uuid:file_id>/",
        tus.FileView.as_view(),
        name="upload-file",
    ),
]
