import { setTimeout as sleep } from 'node:timers/promises';
import { beforeEach, expect, test } from 'vitest';
import { createAttempt } from '../../../../cronjobs/renewal/attempt.ts';
import { createForEach } from '../../../../cronjobs/renewal/for-each.ts';
import { newReport, type SweepReport } from '../../../../cronjobs/renewal/report.ts';
import { deadlineIn, monotonicClock } from '../../../../shared/deadline.ts';
import { VaultError } from '../../../../shared/vault/failure.ts';
import { folderOfLease } from '../../../../shared/vault/leases.ts';
import type { Work } from '../../../../shared/vault/requests.ts';
import { createKeptLog } from '../../../support/kept-log.ts';

let report: SweepReport;
const done: string[] = [];
beforeEach(() => {
  report = newReport();
  done.length = 0;
});

function start() {
  const { log, lines } = createKeptLog();
  const deadline = deadlineIn(20_000, monotonicClock);
  const attempt = createAttempt(report, log);
  return { forEach: createForEach({ deadline, attempt, log, itemWithinMs: 200, slowMs: 150 }), lines };
}

/** Runs as long as its deadline allows, like a task whose database hangs. */
async function ask(item: string, work: Work): Promise<void> {
  if (!item.startsWith('hung/')) {
    await sleep(1);
    done.push(item);
    return;
  }
  await new Promise((resolve) => work.deadline.signal.addEventListener('abort', resolve));
  throw new VaultError('vault_timeout', 'Vault did not renew a lease in time', {
    operation: 'renew a lease',
  });
}

const items = (mount: string, count: number) =>
  Array.from({ length: count }, (_, number) => `${mount}/creds/rw/${number}`);
const how = { name: (uuid: string) => ({ uuid }), lane: folderOfLease };

test('a database that hangs holds up its own grants only, and not all of them are waited for', async () => {
  const { forEach, lines } = start();
  let left = 0;
  await forEach([...items('hung', 100), ...items('good', 100)], ask, {
    ...how,
    onLeft: (count) => {
      left += count;
    },
  });
  expect(done).toHaveLength(100);
  // A lane has four at once, and is closed once three were slow.
  expect(report.failed + left).toBe(100);
  expect(report.failed).toBeLessThanOrEqual(7);
  expect(lines.map(({ message }) => message)).toContain(
    `${left} grants of hung/creds/rw are left to the next sweep: their database does not answer`,
  );
});

test('several that hang do not take all places', async () => {
  const { forEach } = start();
  const hung = Array.from({ length: 10 }, (_, number) => items(`hung/${number}`, 20)).flat();
  await forEach([...hung, ...items('good', 50)], ask, { ...how, onLeft: () => {} });
  expect(done).toHaveLength(50);
});

test('an item that is slow once does not cost its lane the others', async () => {
  const { forEach } = start();
  await forEach(['hung/creds/rw/0', 'hung/creds/rw/1'], ask, how);
  await forEach(items('good', 20), ask, how);
  expect([report.failed, done.length]).toEqual([2, 20]);
});

test('one reason that stops all is told once, with one grant, and how often it was met', async () => {
  const { forEach, lines } = start();
  const fail = async (item: string) => {
    throw new VaultError('vault_denied', `no token${item === 'odd' ? ', oddly' : ''}`, {
      operation: 'renew',
    });
  };
  await forEach([...items('any', 302), 'odd'], fail, { name: how.name });
  expect(report.failed).toBe(303);
  expect(lines.map(({ message }) => message)).toEqual([
    'a grant could not be processed',
    'a grant could not be processed',
    'a grant could not be processed: 301 more times for the same reason',
  ]);
});
