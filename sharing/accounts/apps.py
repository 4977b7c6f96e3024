from typing import Any

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "sharing.accounts"
    label = "accounts"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Hear from Django and allauth how people sign in; their signals are their interface."""
        from allauth.account import signals as account
        from allauth.mfa import signals as mfa
        from django.contrib.auth import signals as auth

        heard: list[tuple[Any, Any]] = [
            (auth.user_logged_in, _signed_in),
            (auth.user_logged_out, _signed_out),
            (auth.user_login_failed, _failed),
            (mfa.authentication_failed, _code_failed),
            (account.password_set, _changed("password set")),
            (account.password_changed, _changed("password changed")),
            (account.password_reset, _changed("password reset by mail")),
            (mfa.authenticator_added, _factor("added")),
            (mfa.authenticator_removed, _factor("removed")),
            (mfa.authenticator_reset, _factor("renewed")),
        ]
        for signal, receiver in heard:
            signal.connect(receiver, weak=False, dispatch_uid=f"accounts:{id(signal)}")


def _signed_in(request: Any, user: Any, **_: Any) -> None:
    from sharing.accounts import actions, principal

    actions.note_signed_in(user, origin=principal.origin_of(request))


def _signed_out(request: Any, user: Any, **_: Any) -> None:
    from sharing.accounts import actions, principal

    if user is not None:
        actions.note_signed_out(user, origin=principal.origin_of(request))


def _failed(credentials: dict[str, Any], request: Any = None, **_: Any) -> None:
    from sharing.accounts import actions, principal

    email = str(credentials.get("email") or credentials.get("username") or "")
    origin = principal.origin_of(request)
    actions.note_failed(email=email, origin=origin, reason="wrong address or password")


def _code_failed(request: Any, user: Any, **_: Any) -> None:
    from sharing.accounts import actions, principal

    origin = principal.origin_of(request)
    actions.note_failed(email=user.email, origin=origin, reason="wrong code")


def _changed(what: str) -> Any:
    def hear(request: Any, user: Any, **_: Any) -> None:
        from sharing.accounts import actions, principal

        actions.note_changed(user, what, origin=principal.origin_of(request))

    return hear


FACTORS = {"totp": "authenticator app", "webauthn": "passkey", "recovery_codes": "recovery codes"}


def _factor(done: str) -> Any:
    def hear(request: Any, user: Any, authenticator: Any, **_: Any) -> None:
        from sharing.accounts import actions, principal

        kind = FACTORS.get(authenticator.type, authenticator.type)
        actions.note_changed(user, f"{kind} {done}", origin=principal.origin_of(request))

    return hear
