/** Vault does not come back in time: the denial comes in time, says why, and leaves nothing. */
import { afterEach, describe, expect, test } from 'vitest';
import { admissionBehindProxy } from '../support/behind-proxy.ts';
import {
  expectNothingNewSince,
  lookUpAccessor,
  newSince,
  readRecord,
  removeRecord,
} from '../support/census.ts';
import type { Fault, Step } from '../support/fault-proxy.ts';
import {
  answering,
  badGateway,
  beforehand,
  cutBefore,
  garbling,
  gate,
  rateLimited,
  sealed,
  standbyBehind,
} from '../support/faults.ts';
import { podWith } from '../support/pods.ts';
import { ask, reviewOf } from '../support/reviews.ts';

const FOREVER = Number.POSITIVE_INFINITY;
const { proxy, admission, census } = await admissionBehindProxy();
afterEach(async () => {
  proxy.heal();
  await expectNothingNewSince(census.atFirst);
});

async function denialOf(annotations: Readonly<Record<string, string>> = { role: 'gule-rw' }) {
  const { allowed, code, message, operations } = await ask(admission, reviewOf(podWith(annotations)), '2s');
  expect({ allowed, operations }).toEqual({ allowed: false, operations: [] });
  const [, sentence] = /^vault-db-injector: no database credentials for this pod: (.*)$/.exec(message) ?? [];
  return { code, sentence };
}

describe.each([
  ['a token is made', 'token'],
  ['credentials are issued', 'credentials'],
  ['the record is written', 'record'],
] as const)('while %s', (_, step) => {
  test.each([
    ['the connection breaks again and again', cutBefore, 503, 'Vault cannot be reached (ECONNRESET)'],
    ['Vault is sealed', sealed, 503, 'Vault is sealed; its operator has to unseal it'],
    ['a load balancer finds no Vault', badGateway, 503, 'Vault is not available at the moment (HTTP 502)'],
    ['a standby does not catch up', standbyBehind, 503, 'a Vault standby has not caught up yet'],
    [
      'Vault has too much to do',
      rateLimited,
      429,
      'Vault has too many requests at the moment (its rate limit)',
    ],
  ])('%s', async (_fault, fault, code, sentence) => {
    proxy.fail(step, fault, FOREVER);
    expect(await denialOf()).toEqual({ code, sentence });
  });
});

describe('Vault does not answer', () => {
  test.each([
    ['a token', 'token', 'create a token'],
    ['credentials', 'credentials', 'issue credentials of role "gule-rw" at "pgsql2-dv"'],
  ] as const)('for %s in time, but later: what it then makes is revoked', async (_, step, operation) => {
    const released = gate();
    proxy.fail(
      step,
      beforehand(() => released.opened),
      FOREVER,
    );
    expect(await denialOf()).toEqual({ code: 504, sentence: `Vault did not ${operation} in time` });
    released.open();
    await proxy.settled();
  });

  test('for the record in time, but later: it then names a token that is gone', async () => {
    const released = gate();
    proxy.fail(
      'record',
      beforehand(() => released.opened),
    );
    expect(await denialOf()).toEqual({
      code: 504,
      sentence: 'Vault did not write a record of the ledger in time',
    });
    await expectNothingNewSince(census.atFirst);
    released.open();
    await proxy.settled();
    const { records, ...usable } = await newSince(census.atFirst);
    expect(usable).toEqual({ tokens: [], leases: [], databaseUsers: [] });
    const [uuid = ''] = records;
    expect(await lookUpAccessor((await readRecord(uuid)).TokenAccessor)).toBeUndefined();
    await removeRecord(uuid);
  });
});

describe('an answer that is nonsense', () => {
  const promises = (operation: string) =>
    `Vault's answer, when asked to ${operation}, is not what its API promises`;
  const issuing = 'issue credentials of role "gule-rw" at "pgsql2-dv"';
  const rows: readonly (readonly [string, Step, Fault, string])[] = [
    ['a page instead of a token', 'token', answering(200, '<html>Welcome</html>'), 'create a token'],
    ['an empty answer instead of a token', 'token', answering(204), 'create a token'],
    ['a token that is none', 'token', answering(200, '{"auth":{"client_token":""}}'), 'create a token'],
    ['a page instead of credentials', 'credentials', answering(200, '<html>Welcome</html>'), issuing],
    ['credentials cut off', 'credentials', garbling((body) => body.slice(0, body.length / 2)), issuing],
    [
      'credentials without a lease',
      'credentials',
      garbling((body) => body.replace('"lease_id"', '"id"')),
      issuing,
    ],
    [
      'credentials without a password',
      'credentials',
      garbling((body) => body.replace('"password"', '"pass"')),
      issuing,
    ],
    [
      'a record whose version is cut off',
      'record',
      garbling((body) => body.slice(0, 20)),
      'write a record of the ledger',
    ],
  ];

  test.each(rows)('%s', async (_, step, fault, operation) => {
    proxy.fail(step, fault);
    expect(await denialOf()).toEqual({ code: 502, sentence: promises(operation) });
  });
});
