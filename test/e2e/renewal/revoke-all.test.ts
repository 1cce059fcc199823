/** The renewal job, told to end all grants: pods that live lose their databases, other clusters' do not. */
import { expect, test } from 'vitest';
import { figuresIn, runJob } from '../../stack/job.ts';
import { openFleet } from '../support/fleet.ts';
import { canLogIn, usersLeft } from '../support/fleet-state.ts';
import { stack } from '../support/stack.ts';

test('every grant of the cluster ends, and another one of the same ledger is left alone', async () => {
  const fleet = await openFleet({ clusterId: 'ours' });
  const pods = await fleet.pods(3);
  const theirs = await fleet.pod();
  await fleet.write(theirs.uuid, { ...(await fleet.record(theirs.uuid)), ClusterId: 'theirs' });
  const run = () =>
    runJob('renewal', stack.description.functions, {
      overrides: { ...fleet.keys, mode: 'renewer' },
      args: ['--revoke-all'],
    });

  const first = await run();
  expect([first.code, figuresIn(first.log, 'all grants revoked')]).toEqual([
    0,
    { found: 4, revoked: 3, pending: 0, foreign: 1, failed: 0, unreadable: 0 },
  ]);
  expect(await fleet.records()).toEqual([theirs.uuid]);
  expect(await usersLeft(fleet)).toEqual([theirs.user]);
  expect(await Promise.all([...pods, theirs].map(canLogIn))).toEqual([false, false, false, true]);

  const again = await run();
  expect([again.code, figuresIn(again.log, 'all grants revoked')]).toMatchObject([
    0,
    { found: 1, revoked: 0 },
  ]);
});

test('while Vault is away nothing is said to be done', async () => {
  const { code, log } = await runJob('renewal', stack.description.functions, {
    overrides: { vaultAddress: 'http://127.0.0.1:1', mode: 'renewer' },
    args: ['--revoke-all'],
  });
  expect([code, log]).toEqual([1, expect.stringContaining('nothing is revoked')]);
});
