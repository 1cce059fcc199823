-- Set-up of PostgreSQL: run it with psql as a superuser; it can be run again. Then give admin_my-db"; drop the password that Vault gets:
--   \password "admin_my-db""; drop"
\set ON_ERROR_STOP on
\set back :DBNAME

-- role my-db"; drop_grp: the group that owns everything
SELECT 'CREATE ROLE "my-db""; drop_grp" NOLOGIN;' WHERE NOT (EXISTS (SELECT FROM pg_roles WHERE rolname = 'my-db"; drop_grp')) \gexec

-- you may give the database to my-db"; drop_grp
SELECT 'GRANT "my-db""; drop_grp" TO CURRENT_USER;' WHERE NOT (pg_has_role(current_user, 'my-db"; drop_grp', CASE WHEN current_setting('server_version_num')::int < 160000 THEN 'MEMBER' ELSE 'SET' END)) \gexec

-- role admin_my-db"; drop: Vault's administrator, not a superuser
SELECT 'CREATE ROLE "admin_my-db""; drop" LOGIN CREATEROLE;' WHERE NOT (EXISTS (SELECT FROM pg_roles WHERE rolname = 'admin_my-db"; drop')) \gexec

-- admin_my-db"; drop may log in, create roles, and act for them
SELECT 'ALTER ROLE "admin_my-db""; drop" LOGIN CREATEROLE INHERIT;' WHERE NOT (NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'admin_my-db"; drop') OR EXISTS (SELECT FROM pg_roles WHERE rolname = 'admin_my-db"; drop' AND rolcanlogin AND rolcreaterole AND rolinherit)) \gexec

-- admin_my-db"; drop may give my-db"; drop_grp to the roles that it creates
SELECT 'GRANT "my-db""; drop_grp" TO "admin_my-db""; drop" WITH ADMIN OPTION;' WHERE NOT (coalesce((
  SELECT bool_or(admin_option) AND bool_or(coalesce((to_jsonb(membership) ->> 'inherit_option')::boolean, true))
    AND bool_or(coalesce((to_jsonb(membership) ->> 'set_option')::boolean, true))
  FROM pg_auth_members AS membership JOIN pg_roles ON pg_roles.oid = member
  WHERE rolname = 'admin_my-db"; drop' AND roleid = (SELECT oid FROM pg_roles WHERE rolname = 'my-db"; drop_grp')
), false)) \gexec

-- template database tpl
SELECT 'CREATE DATABASE "tpl" IS_TEMPLATE true;' WHERE NOT (EXISTS (SELECT FROM pg_database WHERE datname = 'tpl')) \gexec

\connect 'dbname=''tpl'''
SET client_min_messages = warning;

-- event trigger in tpl: what a temporary role creates becomes the owner's
SELECT  E'CREATE SCHEMA IF NOT EXISTS vault_db_injector;
CREATE OR REPLACE FUNCTION vault_db_injector.give_to_group() RETURNS event_trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $body$
DECLARE
  made record;
  heir name := (SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = current_database());
  membership text := CASE WHEN current_setting(''server_version_num'')::int < 160000 THEN ''MEMBER'' ELSE ''SET'' END;
BEGIN
  -- Whoever may not give anything to the group keeps it.
  IF NOT pg_has_role(current_user, heir, membership) THEN RETURN; END IF;
  FOR made IN
    SELECT CASE object_type WHEN ''statistics object'' THEN ''STATISTICS'' ELSE upper(object_type) END AS kind, object_identity AS identity
    FROM pg_event_trigger_ddl_commands() AS command
    WHERE (command_tag LIKE ''CREATE %'' OR command_tag = ''SELECT INTO'')
      AND NOT in_extension
      AND coalesce(schema_name, '''') NOT LIKE ''pg\\_temp%''
      AND object_type IN (
        ''schema'', ''table'', ''view'', ''materialized view'', ''foreign table'', ''sequence'', ''type'', ''domain'', ''function'', ''procedure'',
        ''aggregate'', ''operator'', ''operator class'', ''operator family'', ''collation'', ''conversion'', ''statistics object'',
        ''text search configuration'', ''text search dictionary'', ''publication'', ''server''
      )
      -- The sequence of a column follows its table.
      AND NOT EXISTS (
        SELECT FROM pg_depend
        WHERE object_type = ''sequence'' AND pg_depend.classid = command.classid AND pg_depend.objid = command.objid
          AND deptype IN (''a'', ''i'') AND refobjsubid > 0
      )
  LOOP
    EXECUTE format(''ALTER %s %s OWNER TO %I'', made.kind, made.identity, heir);
  END LOOP;
END
$body$;
ALTER SCHEMA vault_db_injector OWNER TO CURRENT_USER;
ALTER FUNCTION vault_db_injector.give_to_group() OWNER TO CURRENT_USER;
DROP EVENT TRIGGER IF EXISTS vault_db_injector_give_to_group;
CREATE EVENT TRIGGER vault_db_injector_give_to_group ON ddl_command_end
EXECUTE FUNCTION vault_db_injector.give_to_group();' WHERE NOT (EXISTS (
  SELECT FROM pg_event_trigger JOIN pg_proc ON pg_proc.oid = evtfoid
  WHERE evtname = 'vault_db_injector_give_to_group' AND evtenabled IN ('O', 'A') AND proowner = evtowner AND prosrc =  E'
DECLARE
  made record;
  heir name := (SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = current_database());
  membership text := CASE WHEN current_setting(''server_version_num'')::int < 160000 THEN ''MEMBER'' ELSE ''SET'' END;
BEGIN
  -- Whoever may not give anything to the group keeps it.
  IF NOT pg_has_role(current_user, heir, membership) THEN RETURN; END IF;
  FOR made IN
    SELECT CASE object_type WHEN ''statistics object'' THEN ''STATISTICS'' ELSE upper(object_type) END AS kind, object_identity AS identity
    FROM pg_event_trigger_ddl_commands() AS command
    WHERE (command_tag LIKE ''CREATE %'' OR command_tag = ''SELECT INTO'')
      AND NOT in_extension
      AND coalesce(schema_name, '''') NOT LIKE ''pg\\_temp%''
      AND object_type IN (
        ''schema'', ''table'', ''view'', ''materialized view'', ''foreign table'', ''sequence'', ''type'', ''domain'', ''function'', ''procedure'',
        ''aggregate'', ''operator'', ''operator class'', ''operator family'', ''collation'', ''conversion'', ''statistics object'',
        ''text search configuration'', ''text search dictionary'', ''publication'', ''server''
      )
      -- The sequence of a column follows its table.
      AND NOT EXISTS (
        SELECT FROM pg_depend
        WHERE object_type = ''sequence'' AND pg_depend.classid = command.classid AND pg_depend.objid = command.objid
          AND deptype IN (''a'', ''i'') AND refobjsubid > 0
      )
  LOOP
    EXECUTE format(''ALTER %s %s OWNER TO %I'', made.kind, made.identity, heir);
  END LOOP;
END
'
)) \gexec

\connect :back
SET client_min_messages = warning;

-- database my-db"; drop
SELECT 'CREATE DATABASE "my-db""; drop" OWNER "my-db""; drop_grp" TEMPLATE "tpl";' WHERE NOT (EXISTS (SELECT FROM pg_database WHERE datname = 'my-db"; drop')) \gexec

-- my-db"; drop is my-db"; drop_grp's
SELECT 'ALTER DATABASE "my-db""; drop" OWNER TO "my-db""; drop_grp";' WHERE NOT (EXISTS (SELECT FROM pg_database WHERE datname = 'my-db"; drop' AND pg_get_userbyid(datdba) = 'my-db"; drop_grp')) \gexec

-- my-db"; drop is closed to everyone else
SELECT 'REVOKE ALL ON DATABASE "my-db""; drop" FROM PUBLIC;' WHERE NOT (NOT has_database_privilege('public', 'my-db"; drop', 'CONNECT, TEMPORARY, CREATE')) \gexec

\connect 'dbname=''my-db""""; drop'''
SET client_min_messages = warning;

-- schema public
SELECT 'CREATE SCHEMA "public" AUTHORIZATION "my-db""; drop_grp";' WHERE NOT (EXISTS (SELECT FROM pg_namespace WHERE nspname = 'public')) \gexec

-- schema public is closed to everyone else
SELECT 'REVOKE ALL ON SCHEMA "public" FROM PUBLIC;' WHERE NOT (NOT has_schema_privilege('public', 'public', 'USAGE, CREATE')) \gexec

-- my-db"; drop_grp may use schema public
SELECT 'GRANT ALL ON SCHEMA "public" TO "my-db""; drop_grp";' WHERE NOT (has_schema_privilege('my-db"; drop_grp', 'public', 'USAGE') AND has_schema_privilege('my-db"; drop_grp', 'public', 'CREATE')) \gexec

-- my-db"; drop_grp may use everything that already is in schema public
SELECT 'GRANT ALL ON ALL TABLES IN SCHEMA "public" TO "my-db""; drop_grp";
GRANT ALL ON ALL SEQUENCES IN SCHEMA "public" TO "my-db""; drop_grp";
GRANT ALL ON ALL ROUTINES IN SCHEMA "public" TO "my-db""; drop_grp";' WHERE NOT (NOT EXISTS (
  SELECT FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
  WHERE nspname = 'public' AND (
    relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT (
      has_table_privilege('my-db"; drop_grp', pg_class.oid, 'SELECT') AND has_table_privilege('my-db"; drop_grp', pg_class.oid, 'INSERT')
      AND has_table_privilege('my-db"; drop_grp', pg_class.oid, 'UPDATE') AND has_table_privilege('my-db"; drop_grp', pg_class.oid, 'DELETE')
      AND has_table_privilege('my-db"; drop_grp', pg_class.oid, 'TRUNCATE'))
    OR relkind = 'S' AND NOT (
      has_sequence_privilege('my-db"; drop_grp', pg_class.oid, 'USAGE') AND has_sequence_privilege('my-db"; drop_grp', pg_class.oid, 'UPDATE')))
) AND NOT EXISTS (
  SELECT FROM pg_proc JOIN pg_namespace ON pg_namespace.oid = pronamespace
  WHERE nspname = 'public' AND NOT has_function_privilege('my-db"; drop_grp', pg_proc.oid, 'EXECUTE')
)) \gexec

-- schema app
SELECT 'CREATE SCHEMA "app" AUTHORIZATION "my-db""; drop_grp";' WHERE NOT (EXISTS (SELECT FROM pg_namespace WHERE nspname = 'app')) \gexec

-- schema app is closed to everyone else
SELECT 'REVOKE ALL ON SCHEMA "app" FROM PUBLIC;' WHERE NOT (NOT has_schema_privilege('public', 'app', 'USAGE, CREATE')) \gexec

-- my-db"; drop_grp may use schema app
SELECT 'GRANT ALL ON SCHEMA "app" TO "my-db""; drop_grp";' WHERE NOT (has_schema_privilege('my-db"; drop_grp', 'app', 'USAGE') AND has_schema_privilege('my-db"; drop_grp', 'app', 'CREATE')) \gexec

-- my-db"; drop_grp may use everything that already is in schema app
SELECT 'GRANT ALL ON ALL TABLES IN SCHEMA "app" TO "my-db""; drop_grp";
GRANT ALL ON ALL SEQUENCES IN SCHEMA "app" TO "my-db""; drop_grp";
GRANT ALL ON ALL ROUTINES IN SCHEMA "app" TO "my-db""; drop_grp";' WHERE NOT (NOT EXISTS (
  SELECT FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
  WHERE nspname = 'app' AND (
    relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT (
      has_table_privilege('my-db"; drop_grp', pg_class.oid, 'SELECT') AND has_table_privilege('my-db"; drop_grp', pg_class.oid, 'INSERT')
      AND has_table_privilege('my-db"; drop_grp', pg_class.oid, 'UPDATE') AND has_table_privilege('my-db"; drop_grp', pg_class.oid, 'DELETE')
      AND has_table_privilege('my-db"; drop_grp', pg_class.oid, 'TRUNCATE'))
    OR relkind = 'S' AND NOT (
      has_sequence_privilege('my-db"; drop_grp', pg_class.oid, 'USAGE') AND has_sequence_privilege('my-db"; drop_grp', pg_class.oid, 'UPDATE')))
) AND NOT EXISTS (
  SELECT FROM pg_proc JOIN pg_namespace ON pg_namespace.oid = pronamespace
  WHERE nspname = 'app' AND NOT has_function_privilege('my-db"; drop_grp', pg_proc.oid, 'EXECUTE')
)) \gexec

-- event trigger in my-db"; drop: what a temporary role creates becomes the owner's
SELECT  E'CREATE SCHEMA IF NOT EXISTS vault_db_injector;
CREATE OR REPLACE FUNCTION vault_db_injector.give_to_group() RETURNS event_trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $body$
DECLARE
  made record;
  heir name := (SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = current_database());
  membership text := CASE WHEN current_setting(''server_version_num'')::int < 160000 THEN ''MEMBER'' ELSE ''SET'' END;
BEGIN
  -- Whoever may not give anything to the group keeps it.
  IF NOT pg_has_role(current_user, heir, membership) THEN RETURN; END IF;
  FOR made IN
    SELECT CASE object_type WHEN ''statistics object'' THEN ''STATISTICS'' ELSE upper(object_type) END AS kind, object_identity AS identity
    FROM pg_event_trigger_ddl_commands() AS command
    WHERE (command_tag LIKE ''CREATE %'' OR command_tag = ''SELECT INTO'')
      AND NOT in_extension
      AND coalesce(schema_name, '''') NOT LIKE ''pg\\_temp%''
      AND object_type IN (
        ''schema'', ''table'', ''view'', ''materialized view'', ''foreign table'', ''sequence'', ''type'', ''domain'', ''function'', ''procedure'',
        ''aggregate'', ''operator'', ''operator class'', ''operator family'', ''collation'', ''conversion'', ''statistics object'',
        ''text search configuration'', ''text search dictionary'', ''publication'', ''server''
      )
      -- The sequence of a column follows its table.
      AND NOT EXISTS (
        SELECT FROM pg_depend
        WHERE object_type = ''sequence'' AND pg_depend.classid = command.classid AND pg_depend.objid = command.objid
          AND deptype IN (''a'', ''i'') AND refobjsubid > 0
      )
  LOOP
    EXECUTE format(''ALTER %s %s OWNER TO %I'', made.kind, made.identity, heir);
  END LOOP;
END
$body$;
ALTER SCHEMA vault_db_injector OWNER TO CURRENT_USER;
ALTER FUNCTION vault_db_injector.give_to_group() OWNER TO CURRENT_USER;
DROP EVENT TRIGGER IF EXISTS vault_db_injector_give_to_group;
CREATE EVENT TRIGGER vault_db_injector_give_to_group ON ddl_command_end
EXECUTE FUNCTION vault_db_injector.give_to_group();' WHERE NOT (EXISTS (
  SELECT FROM pg_event_trigger JOIN pg_proc ON pg_proc.oid = evtfoid
  WHERE evtname = 'vault_db_injector_give_to_group' AND evtenabled IN ('O', 'A') AND proowner = evtowner AND prosrc =  E'
DECLARE
  made record;
  heir name := (SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = current_database());
  membership text := CASE WHEN current_setting(''server_version_num'')::int < 160000 THEN ''MEMBER'' ELSE ''SET'' END;
BEGIN
  -- Whoever may not give anything to the group keeps it.
  IF NOT pg_has_role(current_user, heir, membership) THEN RETURN; END IF;
  FOR made IN
    SELECT CASE object_type WHEN ''statistics object'' THEN ''STATISTICS'' ELSE upper(object_type) END AS kind, object_identity AS identity
    FROM pg_event_trigger_ddl_commands() AS command
    WHERE (command_tag LIKE ''CREATE %'' OR command_tag = ''SELECT INTO'')
      AND NOT in_extension
      AND coalesce(schema_name, '''') NOT LIKE ''pg\\_temp%''
      AND object_type IN (
        ''schema'', ''table'', ''view'', ''materialized view'', ''foreign table'', ''sequence'', ''type'', ''domain'', ''function'', ''procedure'',
        ''aggregate'', ''operator'', ''operator class'', ''operator family'', ''collation'', ''conversion'', ''statistics object'',
        ''text search configuration'', ''text search dictionary'', ''publication'', ''server''
      )
      -- The sequence of a column follows its table.
      AND NOT EXISTS (
        SELECT FROM pg_depend
        WHERE object_type = ''sequence'' AND pg_depend.classid = command.classid AND pg_depend.objid = command.objid
          AND deptype IN (''a'', ''i'') AND refobjsubid > 0
      )
  LOOP
    EXECUTE format(''ALTER %s %s OWNER TO %I'', made.kind, made.identity, heir);
  END LOOP;
END
'
)) \gexec
