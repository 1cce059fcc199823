/** SIGTERM at each moment of a start: whatever has begun by then is ended in order, and no login outlives its process. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { execa } from 'execa';
import * as v from 'valibot';
import { beforeEach, describe, expect, test } from 'vitest';
import { projectRoot } from '../../stack/paths.ts';
import { lookUpToken } from '../support/census.ts';
import { configurationFile } from '../support/command-line.ts';
import { type FaultProxy, startFaultProxy } from '../support/fault-proxy.ts';
import { afterwards, gate } from '../support/faults.ts';
import { stack } from '../support/stack.ts';

const LoginAnswer = v.object({ auth: v.object({ client_token: v.string() }) });

let proxy: FaultProxy;
let logins: string[];

beforeEach(async () => {
  proxy = await startFaultProxy();
  logins = [];
  const keep = afterwards(({ body }) =>
    logins.push(v.parse(LoginAnswer, JSON.parse(body)).auth.client_token),
  );
  proxy.fail('login', keep, Number.POSITIVE_INFINITY);
});

/** Those that Vault still knows. */
async function loginsLeft(): Promise<number> {
  await proxy.settled();
  const found = await Promise.all(logins.map(lookUpToken));
  return found.filter((token) => token !== undefined).length;
}

/** Has the next login wait, until it is released. */
function holdLogin() {
  const [reached, released] = [gate(), gate()];
  proxy.heal();
  const hold = afterwards(async ({ body }) => {
    logins.push(v.parse(LoginAnswer, JSON.parse(body)).auth.client_token);
    reached.open();
    await released.opened;
  });
  proxy.fail('login', hold);
  return { reached: reached.opened, release: released.open };
}

const FUNCTIONS = ['admission', 'revocation', 'approle', 'dead-letters'] as const;
const overrides = () => ({ vaultAddress: proxy.url });
const MOMENTS = ['it is about to listen', 'it listens', 'it says that it serves'];
const preload = join(projectRoot, 'test/e2e/support/signal-at.ts');

describe.each(FUNCTIONS)('%s', (name) => {
  test.each(MOMENTS)('told as %s: it ends in order', async (moment) => {
    const env = { NODE_OPTIONS: `--import=${preload}`, SIGNAL_AT: moment };
    const asksVault = name !== 'dead-letters';
    const part = await stack.startFunction({
      name,
      env,
      until: 'spawned',
      ...(asksVault && { overrides: overrides() }),
    });
    expect(await part.exited).toBe(0);
    expect([logins.length, await loginsLeft()]).toEqual([asksVault ? 1 : 0, 0]);
    expect(await readFile(part.logFile, 'utf8')).toContain('"msg":"ending"');
  });
});

describe('while the login is under way', () => {
  test.each(['admission', 'revocation', 'approle'] as const)(
    '%s does not listen any more, and logs out',
    async (name) => {
      const login = holdLogin();
      const part = await stack.startFunction({ name, until: 'spawned', overrides: overrides() });
      await login.reached;
      // Everything would have been loaded by then without the signal.
      part.kill('SIGTERM');
      login.release();
      expect(await part.exited).toBe(0);
      expect([logins.length, await loginsLeft()]).toEqual([1, 0]);
    },
  );

  test.each(['SIGTERM', 'SIGINT'] as const)('the renewal job logs out (%s)', async (name) => {
    const login = holdLogin();
    let pid = 0;
    const onSpawn = (spawned: number) => {
      pid = spawned;
    };
    const running = stack.sweep({ overrides: overrides(), onSpawn });
    await login.reached;
    process.kill(pid, name);
    login.release();
    expect([(await running).code, logins.length, await loginsLeft()]).toEqual([1, 1, 0]);
  });

  test.each([
    ['SIGTERM', ['list'], 143],
    ['SIGINT', ['list'], 130],
    ['SIGTERM', ['doctor'], 143],
  ] as const)('the command line logs out (%s, %s)', async (name, args, code) => {
    const login = holdLogin();
    const config = await configurationFile({ vaultAddress: proxy.url });
    const command = execa(join(projectRoot, 'cli/vault-db-injector.js'), [...args, '--config', config], {
      env: { KUBECONFIG: stack.description.kubernetes.kubeconfig },
      reject: false,
    });
    await login.reached;
    command.kill(name);
    login.release();
    expect([(await command).exitCode, logins.length, await loginsLeft()]).toEqual([code, 1, 0]);
  });
});

test('a start that fails after its login logs out', async () => {
  const taken = new URL(proxy.url).port;
  const part = await stack.startFunction({
    name: 'admission',
    until: 'spawned',
    port: Number(taken),
    overrides: overrides(),
  });
  expect(await part.exited).toBe(1);
  expect([logins.length, await loginsLeft()]).toEqual([1, 0]);
});

test('at any time: either nothing has begun, or all of it is ended', async () => {
  const codes = new Set<number | null>();
  for (let afterMs = 0; afterMs <= 400; afterMs += 25) {
    const part = await stack.startFunction({ name: 'admission', until: 'spawned', overrides: overrides() });
    await sleep(afterMs);
    const before = logins.length;
    part.kill('SIGTERM');
    const code = await part.exited;
    codes.add(code);
    // The signal ends the process itself before our first line runs.
    if (code !== 0) expect([code, logins.length]).toEqual([null, before]);
  }
  expect([await loginsLeft(), codes.has(0)]).toEqual([0, true]);
});
