/** Applies a plan step by step; each step checks again whether it is needed. */

import { randomBytes } from 'node:crypto';
import { escapeIdentifier, escapeLiteral } from 'pg';
import { Secret } from '../../shared/secret.ts';
import { VaultError } from '../../shared/vault/failure.ts';
import type { Operator } from '../../shared/vault/operator.ts';
import { Refusal } from '../refusal.ts';
import type { Terminal } from '../terminal.ts';
import { NotAllowed, type Server } from './postgres.ts';
import { scramVerifier } from './scram.ts';
import { type Planned, pathOf, type SqlStep, type Step, type VaultStep } from './steps.ts';

interface Parts {
  readonly server?: Server;
  readonly vault: Operator;
  readonly terminal: Terminal;
}

/**
 * @returns the steps that need somebody else's rights.
 * @throws Refusal: completed steps stay, and the next run continues from there.
 */
export async function apply(
  plan: readonly Planned[],
  { server, vault, terminal }: Parts,
): Promise<SqlStep[]> {
  const password = new Secret(randomBytes(32).toString('base64url'));
  const handed: SqlStep[] = [];

  async function carryOut(step: Step): Promise<boolean> {
    if (step.kind === 'vault') {
      await write(step, vault, password);
      return true;
    }
    if (!server) throw new Error('SQL needs a server');
    if (step.kind === 'password') {
      const verifier = escapeLiteral(scramVerifier(password));
      await server.run(`ALTER ROLE ${escapeIdentifier(step.administrator)} PASSWORD ${verifier}`);
      return true;
    }
    if (await server.holds(step.there, step.database)) return true;
    return runSql(step, server);
  }

  for (const { step, state } of plan) {
    if (state === 'there') continue;
    terminal.progress(`${step.title} …`);
    const done = await carryOut(step).catch((error: unknown) => {
      throw error instanceof Refusal || error instanceof VaultError ? stopped(step, error) : error;
    });
    terminal.say(`${terminal.paint(done ? 'green' : 'yellow', done ? '✓' : '?')} ${step.title}`);
    if (!done && step.kind === 'sql') handed.push(step);
  }
  return handed;
}

const stopped = ({ title }: Step, { message }: Error): Refusal =>
  new Refusal(
    `${title}: ${message}\nCompleted steps stay. Fix this and run the same command again: it continues from here.`,
  );

/** @returns whether the user has the right. */
async function runSql(step: SqlStep, server: Server): Promise<boolean> {
  try {
    await server.run(step.sql, step.database);
    return true;
  } catch (error) {
    if (error instanceof NotAllowed && step.superuser) return false;
    throw error;
  } finally {
    // It may be a template, which must have no sessions while it is copied.
    if (step.database !== undefined) await server.leave(step.database);
  }
}

function write(step: VaultStep, vault: Operator, password: Secret): Promise<void> {
  const body = step.withPassword ? { ...step.body, password: password.reveal() } : step.body;
  return vault.write({ operation: `write ${pathOf(step)}`, path: [...step.path] }, body);
}
