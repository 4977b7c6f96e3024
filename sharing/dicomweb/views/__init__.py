"""The DICOMweb services, thin: who may is the gate's, what is given is the work's."""

from sharing.dicomweb.views.pictures import (
    instance_thumbnail,
    rendered,
    rendered_frame,
    series_thumbnail,
)
from sharing.dicomweb.views.retrieve import (
    document,
    frames,
    instance_metadata,
    part10,
    series_metadata,
    study_metadata,
)
from sharing.dicomweb.views.search import instances, series, series_instances, studies

__all__ = [
    "document",
    "frames",
    "instance_metadata",
    "instance_thumbnail",
    "instances",
    "part10",
    "rendered",
    "rendered_frame",
    "series",
    "series_instances",
    "series_metadata",
    "series_thumbnail",
    "studies",
    "study_metadata",
]
