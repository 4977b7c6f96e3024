"""Which grants give a study at this moment: the very rule that lets a partner in, asked backwards."""

from sharing.grants.models import Grant
from sharing.grants.principal.standing import in_force
from sharing.grants.principal.ways import given
from sharing.grants.rules.terms import Terms
from sharing.studies.models import Study


def giving(study: Study) -> list[tuple[Grant, Terms]]:
    """Each grant in force that gives this study, with its terms; the oldest first."""
    found = []
    between = in_force().filter(custodian=study.institution_id)
    for grant in between.select_related("version", "recipient").order_by("created_at"):
        assert grant.version is not None  # the constraint of a grant in force
        terms = grant.version.read()
        if given(grant, terms).filter(pk=study.pk).exists():
            found.append((grant, terms))
    return found
