#!/bin/sh
# PostgreSQL and Vault for one database. Uses PGUSER (a superuser) and VAULT_TOKEN, with psql, jq and vault; can be run again:
# admin_orders then gets another password.
set -eu
VAULT=${VAULT_CLI:-vault}

psql --no-psqlrc --quiet <<'SQL'
-- Set-up of PostgreSQL: run it with psql as a superuser; it can be run again. Then give admin_orders the password that Vault gets:
--   \password "admin_orders"
\set ON_ERROR_STOP on
\set back :DBNAME

-- role orders_grp: the group that owns everything
SELECT 'CREATE ROLE "orders_grp" NOLOGIN;' WHERE NOT (EXISTS (SELECT FROM pg_roles WHERE rolname = 'orders_grp')) \gexec

-- you may give the database to orders_grp
SELECT 'GRANT "orders_grp" TO CURRENT_USER;' WHERE NOT (pg_has_role(current_user, 'orders_grp', CASE WHEN current_setting('server_version_num')::int < 160000 THEN 'MEMBER' ELSE 'SET' END)) \gexec

-- role admin_orders: Vault's administrator, not a superuser
SELECT 'CREATE ROLE "admin_orders" LOGIN CREATEROLE;' WHERE NOT (EXISTS (SELECT FROM pg_roles WHERE rolname = 'admin_orders')) \gexec

-- admin_orders may log in, create roles, and act for them
SELECT 'ALTER ROLE "admin_orders" LOGIN CREATEROLE INHERIT;' WHERE NOT (NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'admin_orders') OR EXISTS (SELECT FROM pg_roles WHERE rolname = 'admin_orders' AND rolcanlogin AND rolcreaterole AND rolinherit)) \gexec

-- admin_orders may give orders_grp to the roles that it creates
SELECT 'GRANT "orders_grp" TO "admin_orders" WITH ADMIN OPTION;' WHERE NOT (coalesce((
  SELECT bool_or(admin_option) AND bool_or(coalesce((to_jsonb(membership) ->> 'inherit_option')::boolean, true))
    AND bool_or(coalesce((to_jsonb(membership) ->> 'set_option')::boolean, true))
  FROM pg_auth_members AS membership JOIN pg_roles ON pg_roles.oid = member
  WHERE rolname = 'admin_orders' AND roleid = (SELECT oid FROM pg_roles WHERE rolname = 'orders_grp')
), false)) \gexec

-- database orders
SELECT 'CREATE DATABASE "orders" OWNER "orders_grp";' WHERE NOT (EXISTS (SELECT FROM pg_database WHERE datname = 'orders')) \gexec

-- orders is orders_grp's
SELECT 'ALTER DATABASE "orders" OWNER TO "orders_grp";' WHERE NOT (EXISTS (SELECT FROM pg_database WHERE datname = 'orders' AND pg_get_userbyid(datdba) = 'orders_grp')) \gexec

\connect 'dbname=''orders'''
SET client_min_messages = warning;

-- schema public
SELECT 'CREATE SCHEMA "public" AUTHORIZATION "orders_grp";' WHERE NOT (EXISTS (SELECT FROM pg_namespace WHERE nspname = 'public')) \gexec

-- orders_grp may use schema public
SELECT 'GRANT ALL ON SCHEMA "public" TO "orders_grp";' WHERE NOT (has_schema_privilege('orders_grp', 'public', 'USAGE') AND has_schema_privilege('orders_grp', 'public', 'CREATE')) \gexec

-- orders_grp may use everything that already is in schema public
SELECT 'GRANT ALL ON ALL TABLES IN SCHEMA "public" TO "orders_grp";
GRANT ALL ON ALL SEQUENCES IN SCHEMA "public" TO "orders_grp";
GRANT ALL ON ALL ROUTINES IN SCHEMA "public" TO "orders_grp";' WHERE NOT (NOT EXISTS (
  SELECT FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
  WHERE nspname = 'public' AND (
    relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT (
      has_table_privilege('orders_grp', pg_class.oid, 'SELECT') AND has_table_privilege('orders_grp', pg_class.oid, 'INSERT')
      AND has_table_privilege('orders_grp', pg_class.oid, 'UPDATE') AND has_table_privilege('orders_grp', pg_class.oid, 'DELETE')
      AND has_table_privilege('orders_grp', pg_class.oid, 'TRUNCATE'))
    OR relkind = 'S' AND NOT (
      has_sequence_privilege('orders_grp', pg_class.oid, 'USAGE') AND has_sequence_privilege('orders_grp', pg_class.oid, 'UPDATE')))
) AND NOT EXISTS (
  SELECT FROM pg_proc JOIN pg_namespace ON pg_namespace.oid = pronamespace
  WHERE nspname = 'public' AND NOT has_function_privilege('orders_grp', pg_proc.oid, 'EXECUTE')
)) \gexec
SQL

# Valid only until Vault rotates it.
password=$(od -An -tx1 -N32 /dev/urandom | tr -d ' \n')
psql --no-psqlrc --quiet --set=ON_ERROR_STOP=1 <<SQL
ALTER ROLE "admin_orders" PASSWORD '$password';
SQL

"$VAULT" secrets list -format=json | jq --exit-status --arg path 'databases/' 'has($path)' > /dev/null ||
  "$VAULT" secrets enable -path='databases' database
jq --arg password "$password" '. + {$password}' <<'JSON' | "$VAULT" write databases/config/orders -
{
  "plugin_name": "postgresql-database-plugin",
  "connection_url": "postgresql://{{username}}:{{password}}@postgres.example.com:5432/orders?sslmode=require",
  "allowed_roles": [
    "orders"
  ],
  "username": "admin_orders",
  "password_authentication": "scram-sha-256",
  "root_rotation_statements": [
    "ALTER ROLE \"admin_orders\" WITH PASSWORD '{{password}}';"
  ]
}
JSON
"$VAULT" write databases/rotate-root/orders - <<'JSON'
{}
JSON
"$VAULT" write databases/roles/orders - <<'JSON'
{
  "db_name": "orders",
  "creation_statements": [
    "CREATE ROLE \"{{name}}\" WITH LOGIN PASSWORD '{{password}}' VALID UNTIL '{{expiration}}' IN ROLE \"orders_grp\";",
    "ALTER ROLE \"{{name}}\" SET ROLE \"orders_grp\";"
  ],
  "revocation_statements": [
    "DO $revocation$\nDECLARE\n  temporary name := '{{name}}';\n  heir name := 'orders_grp';\nBEGIN\n  IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = temporary) THEN RETURN; END IF;\n  EXECUTE pg_catalog.format('GRANT %I TO CURRENT_USER', temporary);\n  PERFORM pg_catalog.pg_terminate_backend(pid, 5000) FROM pg_catalog.pg_stat_activity WHERE usename = temporary;\n  EXECUTE pg_catalog.format('REASSIGN OWNED BY %I TO %I', temporary, heir);\n  EXECUTE pg_catalog.format('DROP OWNED BY %I', temporary);\n  -- Whoever reconnected meanwhile.\n  PERFORM pg_catalog.pg_stat_clear_snapshot();\n  PERFORM pg_catalog.pg_terminate_backend(pid, 5000) FROM pg_catalog.pg_stat_activity WHERE usename = temporary;\n  EXECUTE pg_catalog.format('DROP ROLE %I', temporary);\nEND $revocation$"
  ],
  "default_ttl": "3600s",
  "max_ttl": "0s"
}
JSON
