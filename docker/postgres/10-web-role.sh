#!/bin/sh
# Run by the image of PostgreSQL when it makes the database: the role that the portal comes with.
set -eu
own() { psql --set ON_ERROR_STOP=1 --quiet --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" "$@"; }
own --file /etc/handover/web_role.sql
own --set password="$(cat /run/secrets/web_password)" <<'SQL'
ALTER ROLE handover_web PASSWORD :'password';
SQL
