"""What of a study is handed out: only what the gate gives."""

import uuid
from collections.abc import Collection, Iterator

from sharing.access import gate
from sharing.access.principal import Principal
from sharing.access.rules import Action
from sharing.kernel.errors import NotThereError
from sharing.studies.models import Instance, Study


def downloadable(principal: Principal) -> list[Study]:
    """Every study that the holder of a link may download."""
    found = (
        gate.studies(principal, Action.DOWNLOAD)
        .order_by("date", "uid")
        .values_list("pk", flat=True)
    )
    return [gate.study(principal, Action.DOWNLOAD, id=one, act=None) for one in found]


def instances(
    principal: Principal, study: Study, series_ids: Collection[uuid.UUID] = ()
) -> Iterator[Instance]:
    """The files of a study, or of some series of it, with what a directory says of them."""
    series = gate.series_of(principal, study, Action.DOWNLOAD)
    if series_ids:
        series = series.filter(pk__in=series_ids)
        if series.count() != len(set(series_ids)):
            raise NotThereError
    for one in series:
        # The descriptions of most instances stay in the database: only a few kinds need them.
        found = gate.instances_of(principal, one, Action.DOWNLOAD).select_related(
            "header", "series__study"
        )
        yield from found.defer("header__metadata", "header__frames").iterator(500)
