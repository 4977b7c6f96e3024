"""All settings, in one file. Each comes from the environment; README.md has the table."""

from pathlib import Path

from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from portal import environment as env

BASE_DIR = Path(__file__).resolve().parent.parent
VAR_DIR = env.folder("VAR_DIR", BASE_DIR / "var")

# ---- Where it runs -----------------------------------------------------------------------------
DEMO = env.flag("DEMO")
DEBUG = env.flag("DEBUG")
BASE_URL = env.checked(
    "BASE_URL",
    "http://localhost:8000",
    lambda url: url.startswith(("http://", "https://")),
    "the address that people use, such as https://images.example.org",
).rstrip("/")
HTTPS = BASE_URL.startswith("https://")
if DEBUG and HTTPS:
    raise ImproperlyConfigured(
        "DEBUG shows the inside of every error: leave it off where BASE_URL is https."
    )
ALLOWED_HOSTS = env.words("ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]")
TRUSTED_PROXIES = env.networks("TRUSTED_PROXIES")
# Where the proxy asks machines for a certificate; without it no certificate is looked at.
MTLS_URL = env.checked(
    "MTLS_URL",
    "",
    lambda url: not url or url.startswith("https://"),
    "an address that begins with https://, such as https://images.example.org:8444",
).rstrip("/")
CLIENT_CERT_FORM = env.checked(
    "CLIENT_CERT_FORM", "rfc9440", lambda form: form in ("rfc9440", "pem"), "rfc9440 or pem"
)
if MTLS_URL and not TRUSTED_PROXIES:
    raise ImproperlyConfigured(
        "MTLS_URL needs TRUSTED_PROXIES: only a proxy of yours may say whose certificate it saw."
    )


def _secret_key() -> str:
    key = env.text("SECRET_KEY")
    if not key and (DEMO or DEBUG or not HTTPS):
        return _kept_key(VAR_DIR / "secret_key")
    if len(key) < 50:
        raise ImproperlyConfigured(
            "SECRET_KEY must be at least 50 random characters; make one with "
            "python3 -c 'import secrets; print(secrets.token_urlsafe(50))'."
        )
    return key


def _kept_key(path: Path) -> str:
    """A key for a machine of one's own, made once and kept beside its database."""
    import secrets

    if not path.exists():
        fresh = path.with_suffix(f".{secrets.token_hex(4)}")
        fresh.touch(mode=0o600)
        fresh.write_text(secrets.token_urlsafe(50))
        try:
            path.hardlink_to(fresh)
        except FileExistsError:
            fresh.unlink()  # another process was first; its key counts
        else:
            fresh.unlink()
    return path.read_text()


SECRET_KEY = _secret_key()

# ---- What it is made of ------------------------------------------------------------------------
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "rest_framework",
    "drf_spectacular",
    "django_htmx",
    "template_partials",
    "csp",
    "sharing.jobs",
    "sharing.storage",
    "sharing.audit",
    "sharing.mails",
    "sharing.accounts",
    "sharing.studies",
    "sharing.access",
    "sharing.credentials",
    "sharing.links",
    "sharing.grants",
    "sharing.ingest",
    "sharing.research",
    "sharing.delivery",
    "sharing.dicomweb",
    "sharing.viewer",
    "sharing.console",
    "portal",
]
MIDDLEWARE = [
    "portal.wall.WallMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "portal.texts.OnlyTextMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "portal.principals.PrincipalMiddleware",
]
ROOT_URLCONF = "portal.urls"
WSGI_APPLICATION = "portal.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "portal.principals.page_context",
            ],
            "builtins": ["sharing.accounts.templatetags.pages"],
        },
    }
]

# ---- Where it keeps things ---------------------------------------------------------------------
DATABASES = {"default": env.database("DATABASE_URL", f"sqlite:///{VAR_DIR}/handover.sqlite3")}
REDIS_URL = env.checked(
    "REDIS_URL",
    "",
    lambda url: not url or url.startswith(("redis://", "rediss://", "unix://")),
    "empty or begin with redis:// or rediss://",
)
STORAGE_URL = env.checked(
    "STORAGE_URL",
    f"file://{VAR_DIR}/objects",
    lambda url: url.startswith(("file:///", "s3://")),
    "file:///FOLDER or s3://BUCKET/PREFIX?endpoint=…",
)
STORAGE_ACCESS_KEY = env.text("STORAGE_ACCESS_KEY")
STORAGE_SECRET_KEY = env.text("STORAGE_SECRET_KEY")
SPOOL_DIR = Path(env.text("SPOOL_DIR", str(VAR_DIR / "spool")))
MEDIA_ROOT = VAR_DIR / "files"  # small files: what the pages keep beside the images
STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / "static" / "dist"  # where Vite puts what it builds
STORAGES = {
    "default": env.small_files(STORAGE_URL, STORAGE_ACCESS_KEY, STORAGE_SECRET_KEY),
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = DEBUG


def _is_hashed(path: str, url: str) -> bool:
    """Vite names its files by their contents, so they never change."""
    return "/assets/" in url


WHITENOISE_IMMUTABLE_FILE_TEST = _is_hashed

# ---- People ------------------------------------------------------------------------------------
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 15},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
PASSWORD_RESET_TIMEOUT = 3600  # seconds that a mailed link for a new password works
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
ACCOUNT_ADAPTER = "sharing.accounts.adapters.AccountAdapter"
MFA_ADAPTER = "sharing.accounts.adapters.MFAAdapter"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_EMAIL_VERIFICATION = "none"  # an invitation reached the mailbox; nobody signs up without
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_LOGOUT_ON_PASSWORD_CHANGE = True
ACCOUNT_SESSION_REMEMBER = False
ACCOUNT_PREVENT_ENUMERATION = True
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
ACCOUNT_FORMS = {
    "login": "sharing.accounts.forms.SignInForm",
    "change_password": "sharing.accounts.forms.PasswordChangeForm",
    "set_password": "sharing.accounts.forms.PasswordSetForm",
    "reset_password": "sharing.accounts.forms.PasswordResetForm",
    "reset_password_from_key": "sharing.accounts.forms.NewPasswordForm",
    "reauthenticate": "sharing.accounts.forms.ProofForm",
}
MFA_FORMS = {
    "authenticate": "sharing.accounts.forms.CodeForm",
    "reauthenticate": "sharing.accounts.forms.CodeAgainForm",
    "activate_totp": "sharing.accounts.forms.AuthenticatorAppForm",
    "edit_webauthn": "sharing.accounts.forms.RenamePasskeyForm",
    "add_webauthn": "sharing.accounts.forms.AddPasskeyForm",
}
MFA_TOTP_ISSUER = "Handover"
MFA_TOTP_TOLERANCE = 1  # a code that changed while it was typed still counts (RFC 6238, 5.2)
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = not HTTPS
SESSION_COOKIE_AGE = 12 * 3600
SESSION_COOKIE_NAME = "__Host-session" if HTTPS else "session"
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SESSION_COOKIE_HTTPONLY = True
CSRF_COOKIE_NAME = "__Host-csrf" if HTTPS else "csrf"
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_HTTPONLY = True  # pages carry the token in a meta tag
CSRF_USE_SESSIONS = False
CSRF_TRUSTED_ORIGINS = [BASE_URL]
CSRF_FAILURE_VIEW = "portal.errors.csrf_failure"

# ---- The wire ----------------------------------------------------------------------------------
SECURE_SSL_REDIRECT = False  # the proxy in front redirects
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if TRUSTED_PROXIES else None
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS
# Not "no-referrer": with it browsers send "Origin: null" with every form, which looks forged.
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF, "'wasm-unsafe-eval'"],
        "style-src": [SELF],
        "img-src": [SELF, "blob:", "data:"],
        "connect-src": [SELF],
        "worker-src": [SELF, "blob:"],
        "font-src": [SELF],
        "manifest-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}
# Image data is read from the raw stream, never through Django's body, so these bound forms only.
DATA_UPLOAD_MAX_MEMORY_SIZE = 32 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 5000
APPEND_SLASH = False

# ---- The work ----------------------------------------------------------------------------------
# What is counted against guessing counts for all processes together, and outlives a restart: so it
# is kept where everything else is. Room for many, or a flood of addresses would push counts out.
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "accounts_cache",
        "OPTIONS": {"MAX_ENTRIES": 100_000},
    }
}
CELERY_BROKER_URL = REDIS_URL or None
JOBS_EMBEDDED = env.flag("JOBS_EMBEDDED", default=not REDIS_URL)
UPLOAD_MAX_BYTES = env.number("UPLOAD_MAX_GB", 64, least=1, most=10_000) * 2**30
UPLOAD_KEPT_DAYS = env.number("UPLOAD_KEPT_DAYS", 7, least=1, most=90)
LINK_DAYS = env.number("LINK_DAYS", 7, least=1, most=30)

# ---- Mail --------------------------------------------------------------------------------------
EMAIL_HOST = env.text("EMAIL_HOST")
EMAIL_PORT = env.number("EMAIL_PORT", 587, least=1, most=65535)
EMAIL_HOST_USER = env.text("EMAIL_USER")
EMAIL_HOST_PASSWORD = env.text("EMAIL_PASSWORD")
EMAIL_USE_TLS = env.flag("EMAIL_TLS", default=True)
EMAIL_TIMEOUT = 20
EMAIL_BACKEND = (
    "django.core.mail.backends.smtp.EmailBackend"
    if EMAIL_HOST
    else "django.core.mail.backends.filebased.EmailBackend"
)
EMAIL_FILE_PATH = VAR_DIR / "mails"
DEFAULT_FROM_EMAIL = env.text("EMAIL_FROM", "Handover <no-reply@localhost>")
OPERATOR_EMAIL = env.text("OPERATOR_EMAIL")  # none: the operator looks at the shell

# ---- DNS ---------------------------------------------------------------------------------------
DNS_SERVERS = env.servers("DNS_SERVERS", port=53)  # none: those of the system

# ---- Words and times ---------------------------------------------------------------------------
LANGUAGE_CODE = "en-gb"
TIME_ZONE = env.checked("TIME_ZONE", "UTC", env.is_time_zone, "a time zone such as Europe/Vienna")
USE_I18N = True
USE_TZ = True
# A language's own formats count before any set here, so ours stand where those are looked for.
FORMAT_MODULE_PATH = ["portal.formats"]

# ---- The API -----------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["portal.principals.ApiAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["sharing.access.api.DeclaredRule"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["portal.texts.TextParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "portal.errors.api_problem",
    "UNAUTHENTICATED_USER": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Handover",
    "DESCRIPTION": "Pass imaging studies on, and see who opened them.",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "COMPONENT_SPLIT_REQUEST": True,
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "portal.schema.with_problems",
    ],
}

# ---- The log: static event names and our own ids, never a patient -------------------------------
LOG_LEVEL = env.checked(
    "LOG_LEVEL",
    "WARNING",
    lambda level: level.upper() in ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"),
    "DEBUG, INFO, WARNING, ERROR or CRITICAL",
).upper()
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name} {message}", "style": "{"}},
    "filters": {"without addresses": {"()": "portal.logs.WithoutAddresses"}},
    "handlers": {
        "stderr": {
            "class": "logging.StreamHandler",
            "formatter": "line",
            "filters": ["without addresses"],
        }
    },
    "root": {"handlers": ["stderr"], "level": LOG_LEVEL},
}
SILENCED_SYSTEM_CHECKS = ["security.W008"]  # the proxy in front redirects to https
