"""The one door to the object store: image data goes in and out here, and nowhere else.

`store()` gives the store that `STORAGE_URL` names. It is the same few verbs whether the objects
lie in a folder or in a bucket, memory stays flat whatever an object's size, and what `put_file`
has returned from survives a power cut.

Small files that are no images (attachments, exports) go through Django's default storage.
"""

import functools

from django.conf import settings

from sharing.storage.objects.contract import (
    Listed,
    ObjectDamagedError,
    ObjectMissingError,
    ObjectStore,
    Put,
    StorageUnavailableError,
    check_key,
)
from sharing.storage.objects.location import Location, locate

__all__ = [
    "Listed",
    "Location",
    "ObjectDamagedError",
    "ObjectMissingError",
    "ObjectStore",
    "Put",
    "StorageUnavailableError",
    "check_key",
    "locate",
    "store",
]


def store() -> ObjectStore:
    """The object store of this installation.

    Returns
    -------
    ObjectStore
        Opened once for each process and each value of `STORAGE_URL`; safe to use from any number
        of threads.

    Raises
    ------
    ValueError
        When `STORAGE_URL` names no store; the sentence says what is wrong with it.
    StorageUnavailableError
        When the folder of a filesystem store cannot be made.
    """
    return _open(
        settings.STORAGE_URL,
        getattr(settings, "STORAGE_ACCESS_KEY", ""),
        getattr(settings, "STORAGE_SECRET_KEY", ""),
    )


@functools.lru_cache(maxsize=8)
def _open(url: str, access_key: str, secret_key: str) -> ObjectStore:
    place = locate(url)
    # Only the store that is used is imported: obstore and its runtime cost 30 ms at every start.
    if place.folder is not None:
        from sharing.storage.objects.folder import FolderStore

        return FolderStore(place.folder)
    from sharing.storage.objects.bucket import BucketStore

    return BucketStore(place, access_key=access_key, secret_key=secret_key)
