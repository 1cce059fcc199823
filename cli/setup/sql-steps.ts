/** What PostgreSQL needs (reference: postgresql-roles-with-vault, "PostgreSQL"); only the trigger needs a superuser. */
import { escapeIdentifier, escapeLiteral } from 'pg';
import { triggerIsThere, triggerSql } from './ownership-trigger.ts';
import type { Ownership } from './role-statements.ts';
import type { SqlStep } from './steps.ts';

export interface DatabaseSettings {
  readonly database: string;
  readonly group: string;
  readonly administrator: string;
  readonly ownership: Ownership;
  /** The template for the database; created if missing. */
  readonly template: string | undefined;
  /** The group's schemas: public and those that were named. */
  readonly schemas: readonly string[];
  /** Other databases keep PUBLIC's rights. */
  readonly keepPublic: boolean;
}

export function sqlSteps(settings: DatabaseSettings): SqlStep[] {
  const { ownership, template, schemas } = settings;
  return [
    ...roleSteps(settings),
    ...(template === undefined ? [] : templateSteps(template)),
    ...databaseSteps(settings),
    ...schemas.flatMap((schema) => schemaSteps(schema, settings)),
    ...(ownership === 'trigger' ? [triggerStep(settings.database)] : []),
  ];
}

const step = (title: string, there: string, sql: string, database?: string): SqlStep => ({
  kind: 'sql',
  title,
  there,
  sql,
  ...(database !== undefined && { database }),
});

export const isRole = (name: string, condition = '') =>
  `EXISTS (SELECT FROM pg_roles WHERE rolname = ${escapeLiteral(name)}${condition})`;
const isDatabase = (name: string) =>
  `EXISTS (SELECT FROM pg_database WHERE datname = ${escapeLiteral(name)})`;

function roleSteps({ group, administrator }: DatabaseSettings): SqlStep[] {
  const [of, admin] = [escapeIdentifier(group), escapeIdentifier(administrator)];
  const attributes = ' AND rolcanlogin AND rolcreaterole AND rolinherit';
  // PostgreSQL 16 and later record a membership once per grantor, each with its own options. Earlier versions lack
  // the column, and every member has both options.
  const fullMember = `coalesce((
  SELECT bool_or(admin_option) AND bool_or(coalesce((to_jsonb(membership) ->> 'inherit_option')::boolean, true))
    AND bool_or(coalesce((to_jsonb(membership) ->> 'set_option')::boolean, true))
  FROM pg_auth_members AS membership JOIN pg_roles ON pg_roles.oid = member
  WHERE rolname = ${escapeLiteral(administrator)} AND roleid = (SELECT oid FROM pg_roles WHERE rolname = ${escapeLiteral(group)})
), false)`;
  return [
    step(`role ${group}: the group that owns everything`, isRole(group), `CREATE ROLE ${of} NOLOGIN;`),
    step(
      `you may give the database to ${group}`,
      `pg_has_role(current_user, ${escapeLiteral(group)}, CASE WHEN current_setting('server_version_num')::int < 160000 THEN 'MEMBER' ELSE 'SET' END)`,
      `GRANT ${of} TO CURRENT_USER;`,
    ),
    step(
      `role ${administrator}: Vault's administrator, not a superuser`,
      isRole(administrator),
      `CREATE ROLE ${admin} LOGIN CREATEROLE;`,
    ),
    step(
      `${administrator} may log in, create roles, and act for them`,
      `NOT ${isRole(administrator)} OR ${isRole(administrator, attributes)}`,
      `ALTER ROLE ${admin} LOGIN CREATEROLE INHERIT;`,
    ),
    step(
      `${administrator} may give ${group} to the roles that it creates`,
      fullMember,
      `GRANT ${of} TO ${admin} WITH ADMIN OPTION;`,
    ),
  ];
}

function templateSteps(template: string): SqlStep[] {
  return [
    step(
      `template database ${template}`,
      isDatabase(template),
      `CREATE DATABASE ${escapeIdentifier(template)} IS_TEMPLATE true;`,
    ),
    triggerStep(template),
  ];
}

function triggerStep(database: string): SqlStep {
  const title = `event trigger in ${database}: what a temporary role creates becomes the owner's`;
  return { ...step(title, triggerIsThere, triggerSql, database), superuser: true };
}

function databaseSteps({ database, group, template, keepPublic }: DatabaseSettings): SqlStep[] {
  const [name, of] = [escapeIdentifier(database), escapeIdentifier(group)];
  const from = template === undefined ? '' : ` TEMPLATE ${escapeIdentifier(template)}`;
  const shut = `NOT has_database_privilege('public', ${escapeLiteral(database)}, 'CONNECT, TEMPORARY, CREATE')`;
  return [
    step(`database ${database}`, isDatabase(database), `CREATE DATABASE ${name} OWNER ${of}${from};`),
    step(
      `${database} is ${group}'s`,
      `EXISTS (SELECT FROM pg_database WHERE datname = ${escapeLiteral(database)} AND pg_get_userbyid(datdba) = ${escapeLiteral(group)})`,
      `ALTER DATABASE ${name} OWNER TO ${of};`,
    ),
    ...(keepPublic
      ? []
      : [
          step(`${database} is closed to everyone else`, shut, `REVOKE ALL ON DATABASE ${name} FROM PUBLIC;`),
        ]),
  ];
}

// Rights on tables and on sequences; the least of them stands for all.
const REACHED = `NOT EXISTS (
  SELECT FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
  WHERE nspname = SCHEMA AND (
    relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT (
      has_table_privilege(GROUP, pg_class.oid, 'SELECT') AND has_table_privilege(GROUP, pg_class.oid, 'INSERT')
      AND has_table_privilege(GROUP, pg_class.oid, 'UPDATE') AND has_table_privilege(GROUP, pg_class.oid, 'DELETE')
      AND has_table_privilege(GROUP, pg_class.oid, 'TRUNCATE'))
    OR relkind = 'S' AND NOT (
      has_sequence_privilege(GROUP, pg_class.oid, 'USAGE') AND has_sequence_privilege(GROUP, pg_class.oid, 'UPDATE')))
) AND NOT EXISTS (
  SELECT FROM pg_proc JOIN pg_namespace ON pg_namespace.oid = pronamespace
  WHERE nspname = SCHEMA AND NOT has_function_privilege(GROUP, pg_proc.oid, 'EXECUTE')
)`;

function schemaSteps(schema: string, { database, group, keepPublic }: DatabaseSettings): SqlStep[] {
  const [name, of] = [escapeIdentifier(schema), escapeIdentifier(group)];
  const has = (who: string, privileges: string) =>
    `has_schema_privilege(${escapeLiteral(who)}, ${escapeLiteral(schema)}, '${privileges}')`;
  const closed = step(
    `schema ${schema} is closed to everyone else`,
    `NOT ${has('public', 'USAGE, CREATE')}`,
    `REVOKE ALL ON SCHEMA ${name} FROM PUBLIC;`,
    database,
  );
  return [
    step(
      `schema ${schema}`,
      `EXISTS (SELECT FROM pg_namespace WHERE nspname = ${escapeLiteral(schema)})`,
      `CREATE SCHEMA ${name} AUTHORIZATION ${of};`,
      database,
    ),
    ...(keepPublic ? [] : [closed]),
    step(
      `${group} may use schema ${schema}`,
      `${has(group, 'USAGE')} AND ${has(group, 'CREATE')}`,
      `GRANT ALL ON SCHEMA ${name} TO ${of};`,
      database,
    ),
    step(
      `${group} may use everything that already is in schema ${schema}`,
      REACHED.replaceAll('SCHEMA', () => escapeLiteral(schema)).replaceAll('GROUP', () =>
        escapeLiteral(group),
      ),
      ['TABLES', 'SEQUENCES', 'ROUTINES']
        .map((all) => `GRANT ALL ON ALL ${all} IN SCHEMA ${name} TO ${of};`)
        .join('\n'),
      database,
    ),
  ];
}
