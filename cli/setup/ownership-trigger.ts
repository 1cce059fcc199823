/**
 * The event trigger that makes the database's group the owner of what a temporary role creates. It names no group, so
 * it works in a template database. It has a schema of its own, which the group, owner of the others, cannot drop.
 */
import { escapeLiteral } from 'pg';

const BODY = `
DECLARE
  made record;
  heir name := (SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = current_database());
  membership text := CASE WHEN current_setting('server_version_num')::int < 160000 THEN 'MEMBER' ELSE 'SET' END;
BEGIN
  -- Whoever may not give anything to the group keeps it.
  IF NOT pg_has_role(current_user, heir, membership) THEN RETURN; END IF;
  FOR made IN
    SELECT CASE object_type WHEN 'statistics object' THEN 'STATISTICS' ELSE upper(object_type) END AS kind, object_identity AS identity
    FROM pg_event_trigger_ddl_commands() AS command
    WHERE (command_tag LIKE 'CREATE %' OR command_tag = 'SELECT INTO')
      AND NOT in_extension
      AND coalesce(schema_name, '') NOT LIKE 'pg\\_temp%'
      AND object_type IN (
        'schema', 'table', 'view', 'materialized view', 'foreign table', 'sequence', 'type', 'domain', 'function', 'procedure',
        'aggregate', 'operator', 'operator class', 'operator family', 'collation', 'conversion', 'statistics object',
        'text search configuration', 'text search dictionary', 'publication', 'server'
      )
      -- The sequence of a column follows its table.
      AND NOT EXISTS (
        SELECT FROM pg_depend
        WHERE object_type = 'sequence' AND pg_depend.classid = command.classid AND pg_depend.objid = command.objid
          AND deptype IN ('a', 'i') AND refobjsubid > 0
      )
  LOOP
    EXECUTE format('ALTER %s %s OWNER TO %I', made.kind, made.identity, heir);
  END LOOP;
END
`;

// It runs as the creating user, possibly a superuser: if schema or function existed before, owned by the group (which
// may create any), the group could change its body.
export const triggerSql = `CREATE SCHEMA IF NOT EXISTS vault_db_injector;
CREATE OR REPLACE FUNCTION vault_db_injector.give_to_group() RETURNS event_trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $body$${BODY}$body$;
ALTER SCHEMA vault_db_injector OWNER TO CURRENT_USER;
ALTER FUNCTION vault_db_injector.give_to_group() OWNER TO CURRENT_USER;
DROP EVENT TRIGGER IF EXISTS vault_db_injector_give_to_group;
CREATE EVENT TRIGGER vault_db_injector_give_to_group ON ddl_command_end
EXECUTE FUNCTION vault_db_injector.give_to_group();`;

/** Whether it exists in this form, is enabled, and is owned by the user who installed it. */
export const triggerIsThere = `EXISTS (
  SELECT FROM pg_event_trigger JOIN pg_proc ON pg_proc.oid = evtfoid
  WHERE evtname = 'vault_db_injector_give_to_group' AND evtenabled IN ('O', 'A') AND proowner = evtowner AND prosrc = ${escapeLiteral(BODY)}
)`;
