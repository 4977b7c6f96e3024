from django.apps import AppConfig
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured


class StorageConfig(AppConfig):
    name = "sharing.storage"
    label = "storage"

    def ready(self) -> None:
        """Stop the start with a sentence when `STORAGE_URL` names no store."""
        from sharing.storage import objects

        try:
            objects.locate(settings.STORAGE_URL)
        except ValueError as error:
            raise ImproperlyConfigured(str(error)) from error
