"""Settings come from the environment: `NAME`, or `NAME_FILE` that names a file with the value.

A value that cannot be used stops the start with one sentence.
"""

import ipaddress
import os
import zoneinfo
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

from sharing.storage.objects.location import locate


def text(name: str, default: str = "") -> str:
    """The value of `name`, from the environment or from the file that `name_FILE` names."""
    path = os.environ.get(f"{name}_FILE")
    if path and name in os.environ:
        raise ImproperlyConfigured(f"{name} and {name}_FILE are both set; set one of them.")
    if not path:
        return os.environ.get(name, default)
    try:
        return Path(path).read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ImproperlyConfigured(
            f"{name}_FILE names a file that cannot be read: {getattr(error, 'strerror', 'it is no text')}."
        ) from error


def flag(name: str, default: bool = False) -> bool:
    """A yes or a no."""
    value = text(name).lower()
    known = {"": default, "1": True, "true": True, "yes": True, "on": True}
    known |= {"0": False, "false": False, "no": False, "off": False}
    if value not in known:
        raise ImproperlyConfigured(f"{name} must be yes or no, not {value!r}.")
    return known[value]


def number(name: str, default: int, *, least: int = 0, most: int = 2**31) -> int:
    """A whole number between `least` and `most`."""
    value = text(name, str(default))
    if not value.isdigit() or not least <= int(value) <= most:
        raise ImproperlyConfigured(
            f"{name} must be a whole number from {least} to {most}, not {value!r}."
        )
    return int(value)


def words(name: str, default: str = "") -> list[str]:
    """A comma-separated list."""
    return [word.strip() for word in text(name, default).split(",") if word.strip()]


def checked(name: str, default: str, test: Callable[[str], bool], wanted: str) -> str:
    """A text that has to pass `test`; `wanted` says in words what that is."""
    value = text(name, default)
    if not test(value):
        raise ImproperlyConfigured(f"{name} must be {wanted}.")
    return value


def networks(name: str) -> list[str]:
    """A comma-separated list of networks, such as 10.0.0.0/24."""
    found = words(name)
    for one in found:
        try:
            ipaddress.ip_network(one)
        except ValueError as error:
            raise ImproperlyConfigured(
                f"{name} must name networks such as 10.0.0.0/24: {error}."
            ) from error
    return found


def servers(name: str, *, port: int) -> list[tuple[str, int]]:
    """A comma-separated list of IP addresses, each with a port of its own if need be."""
    found = []
    for one in words(name):
        try:
            parts = urlsplit(f"//{one}")
            found.append((str(ipaddress.ip_address(parts.hostname or "")), parts.port or port))
        except ValueError as error:
            raise ImproperlyConfigured(
                f"{name} must name IP addresses such as 10.0.0.53 or 10.0.0.53:5353: {error}."
            ) from error
    return found


def is_time_zone(name: str) -> bool:
    try:
        zoneinfo.ZoneInfo(name)
    except (ValueError, OSError, zoneinfo.ZoneInfoNotFoundError):
        return False
    return True


def folder(name: str, default: Path) -> Path:
    """A folder, made if it is not there: then nobody else on this machine may look into it."""
    path = Path(text(name, str(default)))
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ImproperlyConfigured(
            f"{name} must be a folder that can be made and used: {error.strerror}."
        ) from error
    return path


def database(name: str, default: str) -> dict[str, object]:
    """Django's database settings from sqlite:///PATH or postgresql://USER:PASSWORD@HOST:PORT/NAME."""
    try:
        url = urlsplit(text(name, default))
        port = str(url.port or "")
    except ValueError as error:  # not quoted: it may hold a password
        raise ImproperlyConfigured(f"{name} is no address of a database.") from error
    if url.scheme == "sqlite":
        return _sqlite(name, unquote(url.path))
    if url.scheme in ("postgres", "postgresql"):
        return {
            "ENGINE": "portal.postgresql",
            "NAME": unquote(url.path.lstrip("/")),
            "USER": unquote(url.username or ""),
            "PASSWORD": unquote(url.password or ""),
            "HOST": unquote(url.hostname or ""),
            "PORT": port,
            "CONN_MAX_AGE": 60,
            "CONN_HEALTH_CHECKS": True,
            "OPTIONS": dict(parse_qsl(url.query)),
        }
    raise ImproperlyConfigured(
        f"{name} must begin with sqlite:/// or postgresql://, not {url.scheme!r}."
    )


def small_files(storage_url: str, access_key: str, secret_key: str) -> dict[str, object]:
    """Django's storage for small files: a folder, or beside the images in their bucket."""
    try:
        place = locate(storage_url)
    except ValueError as error:
        raise ImproperlyConfigured(str(error)) from error
    if place.folder is not None:
        return {"BACKEND": "django.core.files.storage.FileSystemStorage"}
    options: dict[str, object] = {
        "bucket_name": place.bucket,
        "location": f"{place.prefix}/files".lstrip("/"),
        "endpoint_url": place.endpoint or None,
        "region_name": place.region or None,
        "addressing_style": place.style,
        "access_key": access_key or None,
        "secret_key": secret_key or None,
        "querystring_auth": True,
        "default_acl": None,
    }
    return {"BACKEND": "storages.backends.s3.S3Storage", "OPTIONS": options}


def _sqlite(name: str, path: str) -> dict[str, object]:
    if not Path(path).is_absolute():
        raise ImproperlyConfigured(f"{name} must name an absolute path: sqlite:////folder/file.")
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": path,
        "CONN_MAX_AGE": None,
        "OPTIONS": {
            "transaction_mode": "IMMEDIATE",
            "timeout": 30,
            # FULL: a transaction that was answered for survives a power cut.
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; "
            "PRAGMA cache_size=-32000; PRAGMA foreign_keys=ON;",
        },
    }
