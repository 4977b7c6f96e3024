-- The role of the portal itself: web, workers and the shell. Run by the owner of the tables, once, in
-- its database; again does no harm. `manage.py migrate` goes on as the owner.
--
-- It owns nothing, may not empty a table, and PostgreSQL shows it only the rows of the institution for
-- which it asks (sharing/decisions/0008). It needs a password of its own:
--   ALTER ROLE handover_web PASSWORD '…';
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'handover_web') THEN
        CREATE ROLE handover_web LOGIN;
    END IF;
END
$$;
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO handover_web;
-- Of the tables that there are, and of those that later migrations make.
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO handover_web;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO handover_web;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO handover_web;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE ON SEQUENCES TO handover_web;
-- What happened is only added to; the migrations say so for a database that begins without tables.
DO $$
BEGIN
    IF to_regclass('public.audit_auditevent') IS NOT NULL THEN
        REVOKE UPDATE, DELETE ON audit_auditevent FROM handover_web;
        REVOKE INSERT, UPDATE, DELETE ON django_migrations FROM handover_web;
    END IF;
END
$$;
