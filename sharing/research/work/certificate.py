"""What a release was, in a form that can be checked: JSON, and the same as PDF."""

import hashlib
from typing import Any

import orjson
from django.db.models import Count

from sharing.research.models import Release
from sharing.research.queries.releases import actions_of, mean_risk, progress, reasons
from sharing.research.rules.states import Decision, ItemState

FORMAT = "handover release certificate, version 1"


def written(release: Release) -> tuple[bytes, str]:
    """The certificate of a release as canonical JSON, and its SHA-256."""
    body = orjson.dumps(_facts(release), option=orjson.OPT_SORT_KEYS)
    return body, hashlib.sha256(body).hexdigest()


def read(body: bytes) -> dict[str, Any]:
    found: dict[str, Any] = orjson.loads(body)
    return found


def _facts(release: Release) -> dict[str, Any]:
    far = progress(release)
    looked, mean = mean_risk(release)
    return {
        "format": FORMAT,
        "release": {"id": str(release.pk), "title": release.title},
        "institution": release.institution.name,
        "project": {
            "id": str(release.project_id),
            "name": release.project.name,
            "purpose": release.project.purpose,
            "key_commitment": bytes(release.project.vault.commitment).hex(),
        },
        "profile": {
            "name": release.profile_name,
            "version": release.profile_version,
            "sha256": release.profile_digest,
        },
        "started": _moment(release.started_at),
        "released": _moment(release.released_at),
        "released_by": str(release.released_by),
        "reviewers": _reviewers(release),
        "studies": release.chosen.exclude(output=None).values("output").distinct().count(),
        "files": {
            "released": far.released,
            "released_before": far.earlier,
            "left_out": far.dropped,
            "not_de_identified": far.refused,
        },
        "left_out_because": _why(release),
        "attributes_by_action": actions_of(release),
        "masks": far.masks,
        "doubts": _doubts(release),
        "residual_risk": {"files_read_again": looked, "highest": far.risk, "mean": mean},
        "outputs_sha256": outputs_digest(release),
    }


def _moment(at: Any) -> str | None:
    return at.isoformat(timespec="seconds") if at else None


def _reviewers(release: Release) -> list[dict[str, Any]]:
    decided = release.holds.exclude(decided_by=None)
    found = decided.values("decided_by__name", "decided_by__email").annotate(Count("pk"))
    return [
        {"name": one["decided_by__name"] or one["decided_by__email"], "decisions": one["pk__count"]}
        for one in found.order_by("decided_by__email")
    ]


def _doubts(release: Release) -> dict[str, int]:
    found = release.holds.values_list("decision").annotate(Count("pk")).order_by("decision")
    return {str(Decision(decision).value): count for decision, count in found if decision}


def _why(release: Release) -> list[dict[str, Any]]:
    states = (ItemState.DROPPED, ItemState.REFUSED)
    return [one for state in states for one in reasons(release, state)]


def outputs_digest(release: Release) -> str:
    """SHA-256 over the SHA-256 of every file released, sorted: who has the files can check it."""
    out = release.items.filter(state=ItemState.RELEASED)
    whole = hashlib.sha256()
    for digest in sorted(bytes(one.sha256 or b"") for one in out.only("sha256")):
        whole.update(digest)
    return whole.hexdigest()
