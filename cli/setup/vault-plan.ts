/** What Vault needs for a database (reference: postgresql-roles-with-vault, "Vault"), compared with its current state. */
import * as v from 'valibot';
import type { Operator } from '../../shared/vault/operator.ts';
import { Refusal } from '../refusal.ts';
import {
  creationStatements,
  type Ownership,
  revocationStatements,
  rotationStatements,
} from './role-statements.ts';
import type { PasswordStep, Planned, VaultStep } from './steps.ts';

export interface EngineSettings {
  readonly mount: string;
  readonly connection: string;
  readonly role: string;
  /** The connection without user and password. */
  readonly connectionUrl: string;
  readonly administrator: string;
  readonly group: string;
  readonly ownership: Ownership;
  /** Durations, as Vault takes them. */
  readonly defaultTtl: string;
  readonly maxTtl: string;
}

const Mount = v.object({ data: v.object({ type: v.string() }) });
const strings = v.pipe(
  v.nullish(v.array(v.string()), []),
  v.transform((all) => all ?? []),
);
const Connection = v.object({
  data: v.object({
    allowed_roles: strings,
    connection_details: v.object({
      connection_url: v.optional(v.string(), ''),
      username: v.optional(v.string(), ''),
    }),
  }),
});
const Role = v.object({
  data: v.object({
    db_name: v.string(),
    creation_statements: strings,
    revocation_statements: strings,
    default_ttl: v.number(),
    max_ttl: v.number(),
  }),
});
type Found<S extends v.GenericSchema> = v.InferOutput<S> | undefined;

export interface EngineState {
  readonly mount: Found<typeof Mount>;
  readonly connection: Found<typeof Connection>;
  readonly role: Found<typeof Role>;
}

/** @throws Refusal if a name is taken by something else. */
export async function lookAtEngine(vault: Operator, settings: EngineSettings): Promise<EngineState> {
  const { mount, connection, role, connectionUrl } = settings;
  const read = <S extends v.GenericSchema>(operation: string, path: VaultStep['path'], schema: S) =>
    vault.read({ operation, path: [...path] }, schema);
  const state = {
    mount: await read(`look at the mount "${mount}"`, ['sys/mounts', mount], Mount),
    connection: await read('read the connection', [mount, 'config', { name: connection }], Connection),
    role: await read('read the database role', [mount, 'roles', { name: role }], Role),
  };
  if (state.mount && state.mount.data.type !== 'database')
    throw new Refusal(
      `"${mount}" in Vault is of type ${state.mount.data.type}, not database: choose another --mount`,
    );
  const url = state.connection?.data.connection_details.connection_url;
  if (url !== undefined && placeIn(url) !== placeIn(connectionUrl))
    throw new Refusal(
      `connection "${connection}" of "${mount}" goes to ${placeIn(url)}, not to ${placeIn(connectionUrl)}: choose another --connection, or set --server to the address that Vault uses`,
    );
  if (state.role && state.role.data.db_name !== connection)
    throw new Refusal(
      `database role "${role}" of "${mount}" belongs to connection "${state.role.data.db_name}", not to "${connection}": choose another --role`,
    );
  return state;
}

/** Server and database, without the user. */
const placeIn = (url: string): string =>
  url.replace(/^\w+:\/\/(?:.*@)?/s, '').replace(/\?(?!dbname=).*$/s, '');

export type EngineStep = Planned<VaultStep | PasswordStep>;

/** @param newPassword if Vault's would not work, whatever Vault has. */
export function enginePlan(settings: EngineSettings, state: EngineState, newPassword: boolean): EngineStep[] {
  const { mount, administrator } = settings;
  const unknown = newPassword || state.connection?.data.connection_details.username !== administrator;
  return [
    {
      step: {
        kind: 'vault',
        title: `database engine ${mount}`,
        path: ['sys/mounts', mount],
        body: { type: 'database' },
      },
      state: state.mount ? 'there' : 'missing',
    },
    ...connectionPlan(settings, state, unknown),
    rolePlan(settings, state),
  ];
}

function connectionPlan(
  settings: EngineSettings,
  { connection }: EngineState,
  unknown: boolean,
): EngineStep[] {
  const { mount, administrator, role, connectionUrl } = settings;
  const name = { name: settings.connection };
  const roles = connection?.data.allowed_roles ?? [];
  const allowed = roles.includes('*') || roles.includes(role) ? roles : [...roles, role];
  const body = {
    plugin_name: 'postgresql-database-plugin',
    connection_url: connectionUrl,
    allowed_roles: allowed,
    username: administrator,
    password_authentication: 'scram-sha-256',
    root_rotation_statements: rotationStatements(administrator),
  };
  const title = `connection ${settings.connection}, as ${administrator}`;
  const write = { kind: 'vault', title, path: [mount, 'config', name], body } as const;
  if (!unknown) {
    const same = allowed === roles && connection?.data.connection_details.connection_url === connectionUrl;
    return [{ step: write, state: same ? 'there' : 'different' }];
  }
  const state = 'missing';
  return [
    {
      step: { kind: 'password', title: `${administrator} gets a random password`, administrator },
      state,
    },
    { step: { ...write, withPassword: true }, state: connection ? 'different' : state },
    {
      step: {
        kind: 'vault',
        title: `Vault changes the password of ${administrator} at once`,
        path: [mount, 'rotate-root', name],
        body: {},
      },
      state,
    },
  ];
}

function rolePlan(settings: EngineSettings, { role }: EngineState): EngineStep {
  const { mount, connection, group, ownership, defaultTtl, maxTtl } = settings;
  const body = {
    db_name: connection,
    creation_statements: creationStatements(group, ownership),
    revocation_statements: revocationStatements(group),
    default_ttl: defaultTtl,
    max_ttl: maxTtl,
  };
  const same =
    role !== undefined &&
    JSON.stringify([role.data.creation_statements, role.data.revocation_statements]) ===
      JSON.stringify([body.creation_statements, body.revocation_statements]) &&
    `${role.data.default_ttl}s` === defaultTtl &&
    `${role.data.max_ttl}s` === maxTtl;
  return {
    step: {
      kind: 'vault',
      title: `database role ${settings.role}: how users are created and dropped`,
      path: [mount, 'roles', { name: settings.role }],
      body,
    },
    state: role ? (same ? 'there' : 'different') : 'missing',
  };
}
