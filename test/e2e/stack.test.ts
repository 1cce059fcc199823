/** The stack as people use it, from the command line. Each runs beside the one that the other tests share. */
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import { execa } from 'execa';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readDescription, type StackDescription } from '../stack/description.ts';
import { request } from '../stack/http.ts';
import { attachStack } from '../stack/index.ts';
import { nodeProgram, projectRoot, stackFiles } from '../stack/paths.ts';
import { query } from '../stack/postgres.ts';
import { isAlive } from '../stack/process/identity.ts';
import { holderOf } from '../stack/process/lock.ts';
import { until } from '../stack/wait.ts';

let folder: string;

const stack = (verb: string, env: Record<string, string> = {}) =>
  execa(nodeProgram, ['test/stack/cli.ts', verb, `--folder=${folder}`], {
    cwd: projectRoot,
    env,
    reject: false,
    all: true,
  });

const descriptionOf = async (): Promise<StackDescription> => {
  const description = await readDescription(stackFiles(folder).data);
  if (description === undefined) throw new Error('no stack came up');
  return description;
};

const answers = async ({ address }: { address: string }): Promise<boolean> => {
  const url = address.includes('://') ? address : `http://${address}`;
  try {
    await request(url);
    return true;
  } catch (error) {
    // It may speak another protocol, or TLS with its own CA: a refusal proves that it listens.
    return !(error instanceof Error && 'code' in error && error.code === 'ECONNREFUSED');
  }
};

const nothingIsLeftOf = async ({ parts }: StackDescription): Promise<void> => {
  await until('all processes are gone', () => !parts.some(isAlive));
  for (const part of parts) expect(await answers(part), `port of ${part.name}`).toBe(false);
};

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'stack-'));
});

afterEach(async () => {
  await stack('down');
  await rm(folder, { recursive: true, force: true });
});

describe('npm run stack', () => {
  it('starts all parts, says so, and leaves nothing behind', async () => {
    const started = await stack('up');
    expect(started.all).toContain('the stack is up');
    expect(started.exitCode).toBe(0);
    const description = await descriptionOf();
    expect(description.parts.map((part) => part.name).sort()).toEqual([
      'admission',
      'admission-queue-proxy',
      'broker-filter',
      'broker-ingress',
      'channel-dispatcher',
      'etcd',
      'event-source',
      'kube-apiserver',
      'openbao',
      'postgres',
      'revocation',
      'revocation-queue-proxy',
    ]);

    const environment = parseEnv(await readFile(stackFiles(folder).environment, 'utf8'));
    expect(environment).toEqual(description.environment);
    expect(await query(environment['DATABASE_URL'] ?? '', 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    const attached = await attachStack(stackFiles(folder).data);
    expect((await attached.vault.ask('GET', 'sys/health')).status).toBe(200);
    expect((await attached.kubernetes.ask('GET', '/readyz')).status).toBe(200);

    expect((await stack('status')).exitCode).toBe(0);
    await attached.control.scaleToZero('revocation');
    const idle = description.parts.find(({ name }) => name === 'revocation');
    // Its queue-proxy drains first.
    await until('the function has ended', async () => idle !== undefined && !isAlive(idle), 90_000);
    const status = await stack('status');
    expect([status.exitCode, status.all]).toEqual([
      0,
      expect.stringMatching(/^revocation +\d+ +scaled to zero: the next request starts it$/m),
    ]);
    expect(await stack('up')).toMatchObject({ exitCode: 0, all: expect.stringContaining('up already') });
    expect((await stack('down')).exitCode).toBe(0);
    await nothingIsLeftOf(description);
    expect((await stack('status')).exitCode).toBe(3);
  });

  it('leaves nothing behind when its process is killed', async () => {
    await stack('up');
    const description = await descriptionOf();
    const holder = await holderOf(stackFiles(folder).lock);
    if (holder === undefined) throw new Error('no process runs the stack');
    process.kill(holder.pid, 'SIGKILL');
    await nothingIsLeftOf(description);
    expect((await stack('status')).exitCode).toBe(3);
  });

  it('shows the end of the log of a part that does not come up', async () => {
    const fake = join(folder, 'etcd');
    await writeFile(
      fake,
      '#!/bin/sh\n[ "$1" = --version ] && exit 0\necho "no space left on device"\nexit 9\n',
    );
    await chmod(fake, 0o755);
    const started = await stack('up', { KUBEBUILDER_ASSETS: folder });
    expect(started.exitCode).toBe(1);
    expect(started.all).toMatch(/did not come up: etcd ended with exit code 9.*no space left on device/s);
    expect(await holderOf(stackFiles(folder).lock)).toBeUndefined();
  });

  it('says how it is used when it does not understand', async () => {
    expect(await stack('sidewise')).toMatchObject({ exitCode: 2, all: expect.stringContaining('usage:') });
  });
});
