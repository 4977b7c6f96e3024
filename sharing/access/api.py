"""REST framework's side of `gate.declares`."""

from typing import Any

from rest_framework.permissions import BasePermission

from sharing.access.gate import permit
from sharing.access.rules import Rule


class DeclaredRule(BasePermission):
    """An API view names `access_rule`, or one per method.

    `access_rule` is an Action or a Rule, or a dict from HTTP method to one; a method that is not
    in the dict is refused.
    """

    def has_permission(self, request: Any, view: Any) -> bool:
        rule = getattr(view, "access_rule", None)
        if isinstance(rule, dict):
            rule = rule.get("GET" if request.method == "HEAD" else request.method)
        if request.method == "OPTIONS":
            rule = rule or Rule.ANYBODY
        if rule is None:
            return False
        permit(request._request.principal, rule)
        return True
