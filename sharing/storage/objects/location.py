"""`STORAGE_URL`, read."""

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

OPTIONS = {"endpoint", "region", "style", "checksum"}


@dataclass(frozen=True, slots=True)
class Location:
    """Where the objects are: in `folder`, or in `bucket` under `prefix`.

    Attributes
    ----------
    endpoint : str
        The address of an S3 server other than Amazon's, "" for Amazon's.
    region : str
        The region that requests are signed for, "" for that of AWS_REGION, else us-east-1.
    style : str
        "path" (the bucket in the path) or "virtual" (the bucket in the host's name).
    checksum : str
        "sha256" adds `x-amz-checksum-sha256` to every upload, for servers that keep it.
    """

    folder: Path | None = None
    bucket: str = ""
    prefix: str = ""
    endpoint: str = ""
    region: str = ""
    style: str = "path"
    checksum: str = ""


def locate(url: str) -> Location:
    """The place that a `STORAGE_URL` names.

    Parameters
    ----------
    url : str
        `file:///FOLDER` or `s3://BUCKET[/PREFIX][?endpoint=URL&region=NAME&style=path|virtual
        &checksum=sha256]`.

    Raises
    ------
    ValueError
        A sentence that says what is wrong, for the start to stop with.
    """
    parts = urlsplit(url)
    if parts.scheme == "file":
        return _folder(parts.netloc, unquote(parts.path))
    if parts.scheme == "s3" and parts.netloc:
        return _bucket(parts.netloc, unquote(parts.path), dict(parse_qsl(parts.query)))
    raise ValueError("STORAGE_URL must be file:///FOLDER or s3://BUCKET/PREFIX?endpoint=URL.")


def _folder(host: str, path: str) -> Location:
    if host or not path.strip("/"):
        raise ValueError("STORAGE_URL must name a whole path, with three slashes: file:///FOLDER.")
    return Location(folder=Path(path))


def _bucket(bucket: str, path: str, options: dict[str, str]) -> Location:
    unknown = sorted(set(options) - OPTIONS)
    if unknown:
        raise ValueError(f"STORAGE_URL has an option that is not known: {', '.join(unknown)}.")
    if not options.get("endpoint", "https://").startswith(("http://", "https://")):
        raise ValueError("The endpoint in STORAGE_URL must begin with http:// or https://.")
    if options.get("style", "path") not in ("path", "virtual"):
        raise ValueError("The style in STORAGE_URL must be path or virtual.")
    if options.get("checksum", "sha256") != "sha256":
        raise ValueError("The checksum in STORAGE_URL must be sha256.")
    return Location(
        bucket=bucket,
        prefix=path.strip("/"),
        endpoint=options.get("endpoint", ""),
        region=options.get("region", ""),
        style=options.get("style", "path"),
        checksum=options.get("checksum", ""),
    )
