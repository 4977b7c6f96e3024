from django.apps import AppConfig


class ViewerConfig(AppConfig):
    name = "sharing.viewer"
    label = "viewer"
    default_auto_field = "django.db.models.BigAutoField"
