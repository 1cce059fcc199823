/** What PostgreSQL needs (reference: postgresql-roles-with-vault, "PostgreSQL"), without a superuser but for the trigger. */
import { triggerIsThere, triggerSql } from './ownership-trigger.ts';
import { identifier, literal } from './quoting.ts';
import type { Ownership } from './role-statements.ts';
import type { SqlStep } from './steps.ts';

export interface DatabaseSettings {
  readonly database: string;
  readonly group: string;
  readonly administrator: string;
  readonly ownership: Ownership;
  /** The database is made from it; it is made where it is not there. */
  readonly template: string | undefined;
  /** Of the group: public and those that were named. */
  readonly schemas: readonly string[];
  /** Others keep what PUBLIC has. */
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
  `EXISTS (SELECT FROM pg_roles WHERE rolname = ${literal(name)}${condition})`;
const isDatabase = (name: string) => `EXISTS (SELECT FROM pg_database WHERE datname = ${literal(name)})`;

function roleSteps({ group, administrator }: DatabaseSettings): SqlStep[] {
  const [of, admin] = [identifier(group), identifier(administrator)];
  const attributes = ' AND rolcanlogin AND rolcreaterole AND rolinherit';
  // Granted more than once (by whoever made the group, and by others), each with options of its own: from PostgreSQL 16 on.
  // Before, there is no such column, and every member may do both.
  const fullMember = `coalesce((
  SELECT bool_or(admin_option) AND bool_or(coalesce((to_jsonb(membership) ->> 'inherit_option')::boolean, true))
    AND bool_or(coalesce((to_jsonb(membership) ->> 'set_option')::boolean, true))
  FROM pg_auth_members AS membership JOIN pg_roles ON pg_roles.oid = member
  WHERE rolname = ${literal(administrator)} AND roleid = (SELECT oid FROM pg_roles WHERE rolname = ${literal(group)})
), false)`;
  return [
    step(`role ${group}: the group that owns all`, isRole(group), `CREATE ROLE ${of} NOLOGIN;`),
    step(
      `you may hand the database to ${group}`,
      `pg_has_role(current_user, ${literal(group)}, CASE WHEN current_setting('server_version_num')::int < 160000 THEN 'MEMBER' ELSE 'SET' END)`,
      `GRANT ${of} TO CURRENT_USER;`,
    ),
    step(
      `role ${administrator}: Vault's administrator, no superuser`,
      isRole(administrator),
      `CREATE ROLE ${admin} LOGIN CREATEROLE;`,
    ),
    step(
      `${administrator} may log in, make roles, and act for them`,
      `NOT ${isRole(administrator)} OR ${isRole(administrator, attributes)}`,
      `ALTER ROLE ${admin} LOGIN CREATEROLE INHERIT;`,
    ),
    step(
      `${administrator} may give ${group} to the roles that it makes`,
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
      `CREATE DATABASE ${identifier(template)} IS_TEMPLATE true;`,
    ),
    triggerStep(template),
  ];
}

function triggerStep(database: string): SqlStep {
  const title = `event trigger in ${database}: what a temporary role makes becomes the owner's`;
  return { ...step(title, triggerIsThere, triggerSql, database), superuser: true };
}

function databaseSteps({ database, group, template, keepPublic }: DatabaseSettings): SqlStep[] {
  const [name, of] = [identifier(database), identifier(group)];
  const from = template === undefined ? '' : ` TEMPLATE ${identifier(template)}`;
  const shut = `NOT has_database_privilege('public', ${literal(database)}, 'CONNECT, TEMPORARY, CREATE')`;
  return [
    step(`database ${database}`, isDatabase(database), `CREATE DATABASE ${name} OWNER ${of}${from};`),
    step(
      `${database} is ${group}'s`,
      `EXISTS (SELECT FROM pg_database WHERE datname = ${literal(database)} AND pg_get_userbyid(datdba) = ${literal(group)})`,
      `ALTER DATABASE ${name} OWNER TO ${of};`,
    ),
    ...(keepPublic
      ? []
      : [
          step(
            `${database} is closed to everybody else`,
            shut,
            `REVOKE ALL ON DATABASE ${name} FROM PUBLIC;`,
          ),
        ]),
  ];
}

// What may be done to a table, and to a sequence; the least of it stands for all.
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
  const [name, of] = [identifier(schema), identifier(group)];
  const has = (who: string, privileges: string) =>
    `has_schema_privilege(${literal(who)}, ${literal(schema)}, '${privileges}')`;
  const closed = step(
    `schema ${schema} is closed to everybody else`,
    `NOT ${has('public', 'USAGE, CREATE')}`,
    `REVOKE ALL ON SCHEMA ${name} FROM PUBLIC;`,
    database,
  );
  return [
    step(
      `schema ${schema}`,
      `EXISTS (SELECT FROM pg_namespace WHERE nspname = ${literal(schema)})`,
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
      `${group} may use all that is in schema ${schema} already`,
      REACHED.replaceAll('SCHEMA', () => literal(schema)).replaceAll('GROUP', () => literal(group)),
      ['TABLES', 'SEQUENCES', 'ROUTINES']
        .map((all) => `GRANT ALL ON ALL ${all} IN SCHEMA ${name} TO ${of};`)
        .join('\n'),
      database,
    ),
  ];
}
