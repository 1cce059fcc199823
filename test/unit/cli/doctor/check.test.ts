import { expect, test } from 'vitest';
import { type Check, failed, ok, runChecks, unknown } from '../../../../cli/doctor/check.ts';
import { verdictOn } from '../../../../cli/doctor/verdict-on.ts';
import { KubernetesError } from '../../../../shared/kubernetes/api.ts';

const check = (name: string, needs: readonly string[], look: Check['look']): Check => ({ name, needs, look });
const statesOf = async (...checks: readonly Check[]) => {
  const results = await runChecks(
    checks,
    verdictOn,
    () => {},
    () => {},
  );
  return results.map(({ check: name, state, detail }) => [name, state, detail]);
};

test('what needs something that is not well is not looked at, and so on down the line', async () => {
  let looks = 0;
  const look = async () => {
    looks += 1;
    return ok('fine');
  };
  expect(
    await statesOf(
      check('a', [], look),
      check('b', ['a'], async () => failed('broken', 'mend it')),
      check('c', ['a', 'b'], look),
      check('d', ['c'], look),
      check('e', ['a'], look),
      check('f', [], async () => unknown('dark')),
      check('g', ['f'], look),
    ),
  ).toEqual([
    ['a', 'ok', 'fine'],
    ['b', 'failed', 'broken'],
    ['c', 'skipped', 'skipped: needs "b"'],
    ['d', 'skipped', 'skipped: needs "c"'],
    ['e', 'ok', 'fine'],
    ['f', 'unknown', 'dark'],
    ['g', 'skipped', 'skipped: needs "f"'],
  ]);
  expect(looks).toBe(2);
});

test('what others may look at hides nothing that is not well: as a Job, doctor may see little', async () => {
  const denied = new KubernetesError('kubernetes_denied', 'the API server does not allow it', 403);
  const mayNot = async () => {
    throw denied;
  };
  const results = await statesOf(
    check('a', [], mayNot),
    check('b', ['a'], async () => ok('fine')),
    check('c', ['b'], async () => ok('fine')),
    check('d', [], async () => failed('broken', 'mend it')),
    check('e', ['a', 'd'], async () => ok('fine')),
  );
  expect(results.map(([name, state]) => [name, state])).toEqual([
    ['a', 'unknown'],
    ['b', 'unknown'],
    ['c', 'unknown'],
    ['d', 'failed'],
    ['e', 'skipped'],
  ]);
});

test('a look that ends with an error has seen nothing', async () => {
  const denied = new KubernetesError('kubernetes_denied', 'the API server does not allow it', 403);
  const away = new KubernetesError('kubernetes_unavailable', 'the API server is not available', 503);
  const fail = (error: Error) => async () => {
    throw error;
  };
  const results = await statesOf(check('a', [], fail(denied)), check('b', [], fail(away)));
  expect(results).toEqual([
    ['a', 'unknown', 'could not be checked: the API server does not allow it'],
    ['b', 'unknown', 'could not be checked: the API server is not available'],
  ]);
});

test("an error of doctor's own is no verdict", async () => {
  const broken = check('a', [], async () => {
    throw new TypeError('a fault in the check');
  });
  await expect(statesOf(broken)).rejects.toThrow('a fault in the check');
});
