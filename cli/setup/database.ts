/** `setup database`: from a PostgreSQL server and a Vault to a role that issues credentials to pods. */
import * as v from 'valibot';
import { VaultError } from '../../shared/vault/failure.ts';
import type { Operator } from '../../shared/vault/operator.ts';
import type { Caller } from '../command.ts';
import { Refusal } from '../refusal.ts';
import type { Terminal } from '../terminal.ts';
import { apply } from './apply.ts';
import type { DatabaseOptions } from './command.ts';
import { type Settings, settingsOf } from './database-settings.ts';
import { openVault } from './operator.ts';
import { openServer, type Server } from './postgres.ts';
import { psqlConnection } from './quoting.ts';
import { scriptFor } from './script.ts';
import { show } from './show.ts';
import { isRole, sqlSteps } from './sql-steps.ts';
import type { Planned, SqlStep } from './steps.ts';
import { type EngineSettings, enginePlan, lookAtEngine } from './vault-plan.ts';

interface Parts {
  readonly server: Server;
  readonly vault: Operator;
  readonly terminal: Terminal;
}

/** @returns the exit code. */
export async function setUpDatabase(
  name: string,
  options: DatabaseOptions,
  { environment, terminal }: Caller,
): Promise<number> {
  const settings = settingsOf(name, options, environment);
  if (options.output === 'sql') {
    terminal.say(scriptFor(settings.database));
    return 0;
  }
  const vault = openVault(options, environment);
  try {
    terminal.progress('reading Vault …');
    await vault.mustAnswer();
    terminal.progress('reading PostgreSQL …');
    const server = await openServer(options.databaseUrl, environment);
    try {
      return await carryOut(settings, options, { server, vault, terminal });
    } finally {
      await server.close();
    }
  } finally {
    vault.close();
  }
}

async function carryOut(settings: Settings, options: DatabaseOptions, parts: Parts): Promise<number> {
  const { server, vault, terminal } = parts;
  const engine = settings.engine(`${server.host}:${server.port}`);
  terminal.progress('reading Vault …');
  const state = await lookAtEngine(vault, engine);
  terminal.progress('reading PostgreSQL …');
  const sql = await planSql(sqlSteps(settings.database), server);
  const known = await server.holds(isRole(engine.administrator));
  const plan = [...sql, ...enginePlan(engine, state, !known || options.newPassword === true)];
  show(plan, server.superuser, terminal);
  if (options.dryRun) return 0;
  const open = plan.filter(({ state }) => state !== 'there').length;
  if (open > 0 && !options.yes)
    await terminal.mustConfirm(
      `Do ${open === 1 ? 'this' : `these ${open}`} on ${server.host}:${server.port} (as ${server.user}) and in Vault?`,
      'nothing was done',
    );
  const handed = await apply(plan, parts);
  await tryOut(engine, parts);
  if (handed.length === 0) return 0;
  terminal.say(handOver(handed));
  return 1;
}

async function planSql(steps: readonly SqlStep[], server: Server): Promise<Planned<SqlStep>[]> {
  const plan: Planned<SqlStep>[] = [];
  for (const step of steps) {
    const there = await server.holds(step.there, step.database);
    // A template must have no sessions while it is copied.
    if (step.database !== undefined) await server.leave(step.database);
    plan.push({ step, state: there ? 'there' : 'missing' });
  }
  return plan;
}

const Issued = v.object({ lease_id: v.string() });

/** Whether Vault can create a user and drop it again. */
async function tryOut({ mount, role }: EngineSettings, { vault, terminal }: Parts): Promise<void> {
  terminal.progress('testing …');
  const operation = `issue credentials of role "${role}" at "${mount}"`;
  try {
    const issued = await vault.read({ operation, path: [mount, 'creds', { name: role }] }, Issued);
    if (!issued)
      throw new Refusal(`Vault would not ${operation}; running it again with --new-password may help`);
    await vault.write(
      { operation: 'revoke them', path: ['sys/leases/revoke'] },
      { lease_id: issued.lease_id, sync: true },
    );
    terminal.say(`${terminal.paint('green', '✓')} tested: Vault created a temporary role, and dropped it`);
  } catch (error) {
    if (!(error instanceof VaultError)) throw error;
    if (error.status !== 403)
      throw new Refusal(
        `all is set up, but ${error.message}; if the administrator's password is wrong, run it again with --new-password`,
      );
    terminal.say(`${terminal.paint('yellow', '?')} not tested: ${error.message}`);
  }
}

function handOver(steps: readonly SqlStep[]): string {
  const texts = steps.map(({ sql, database = '' }) => `\\connect ${psqlConnection(database)}\n${sql}`);
  return `
Not complete: only a superuser may create an event trigger. Until it exists, a table that one pod creates cannot be altered by another
before the first one is gone. Give this psql script to a superuser; then run the same command again. (Without a superuser: --ownership set-role.)

${texts.join('\n\n')}`;
}
