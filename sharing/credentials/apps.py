from django.apps import AppConfig


class CredentialsConfig(AppConfig):
    name = "sharing.credentials"
    label = "credentials"
    default_auto_field = "django.db.models.BigAutoField"
