"""The institutions that want to be found."""

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_safe

from sharing.access.gate import declares
from sharing.access.rules import Rule
from sharing.accounts.queries import evidence_of, listed_institutions
from sharing.console.forms import DirectoryForm
from sharing.console.views.account import at_a_page
from sharing.kernel.errors import NotThereError

PER_PAGE = 25


@require_safe
@declares(Rule.SIGNED_IN)
def directory(request: HttpRequest) -> HttpResponseBase:
    """By name, place or department, each with what it has shown of itself; for members alone."""
    if at_a_page(request).membership is None:
        raise NotThereError
    form = DirectoryForm(request.GET)
    found = listed_institutions(form.value("q") or "")
    page = Paginator(found, PER_PAGE).get_page(request.GET.get("page"))
    rows = [
        (
            one,
            evidence_of(one),
            [d.name for d in one.departments.all() if d.takes_images and d.closed_at is None],
        )
        for one in page
    ]
    context = {"form": form, "rows": rows, "page": page}
    return render(request, "console/directory.html", context)
