from django.apps import AppConfig


class MailsConfig(AppConfig):
    name = "sharing.mails"
    label = "mails"
    default_auto_field = "django.db.models.BigAutoField"
