/** `npx vault-db-injector replay`, `npx vault-db-injector sweep`: a Job of the CronJob, its end and its log. The job controller and the kubelet are the test's. */
import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { startBareCluster } from '../support/bare-cluster.ts';
import { commandsOn } from '../support/commands.ts';
import { startControllers } from '../support/controllers.ts';

const cluster = await startBareCluster('replay');
let commands: ReturnType<typeof commandsOn>;
const jobs: unknown[] = [];
let succeeds = true;
let writeLog: (lines: string) => Promise<void>;
const ended = (found: number, sent: number) =>
  `${JSON.stringify({ level: 'info', msg: 'replay ended', found, sent, failed: 0, unreadable: 0 })}\n`;

beforeAll(async () => {
  await cluster.kubectl('create', 'namespace', 'vault-injector');
  for (const name of ['replay', 'renewal']) {
    const rendered = parseAllDocuments(await cluster.kubectl('kustomize', `cronjobs/${name}`));
    const file = join(cluster.folder, `${name}.json`);
    const cronJob = rendered.map((one) => one.toJS()).find(({ kind }) => kind === 'CronJob');
    await writeFile(file, JSON.stringify(cronJob));
    await cluster.kubectl('apply', '--server-side', '--validate=strict', `--filename=${file}`);
  }
  startControllers(cluster, {
    runJob: async (job) => {
      jobs.push(job);
      return succeeds;
    },
  });
  // No kubelet keeps logs here; all else is kubectl's.
  const program = join(cluster.folder, 'kubectl-with-logs');
  const log = join(cluster.folder, 'log');
  const script = `#!/bin/sh\ncase "$1" in logs) cat "${log}" ;; *) exec "${cluster.kubectlProgram}" "$@" ;; esac\n`;
  await writeFile(program, script);
  await chmod(program, 0o755);
  writeLog = (lines) => writeFile(log, lines);
  commands = commandsOn({ ...cluster, kubectlProgram: program });
});

const letter = ['configmap', 'dead-letter', '--namespace=vault-injector'];

test('nothing to do: that is said at once, and no Job is made, whose image could be waited for', async () => {
  expect(await commands.replay()).toEqual({
    code: 0,
    text: 'There were no dead letters: nothing was sent again.',
  });
  expect(jobs).toEqual([]);
  await cluster.kubectl('create', ...letter);
  await cluster.kubectl('label', ...letter, 'vault-db-injector.numberly.io/dead-letter=true');
});

test('all is sent again: its log, and 0', async () => {
  await writeLog(ended(2, 2));
  const { code, text } = await commands.replay();
  expect([code, text]).toEqual([
    0,
    expect.stringMatching(/^\{.*"replay ended".*\}\n2 of 2 dead letters were sent again/),
  ]);
  expect(jobs[0]).toMatchObject({
    metadata: { annotations: { 'vault-db-injector.numberly.io/from': 'replay' } },
    spec: {
      backoffLimit: 0,
      activeDeadlineSeconds: 900,
      template: {
        spec: {
          serviceAccountName: 'vault-db-injector-replay',
          containers: [{ args: ['--max-semi-space-size=2', 'replay.cjs'] }],
        },
      },
    },
  });
});

test.each([
  ['nothing to do', ended(0, 0), 'There were no dead letters: nothing was sent again.'],
  ['no log', '', 'No dead letter is left; the number sent again is unknown, since the log is gone.'],
])('%s: it does not say that all was sent again', async (_, log, said) => {
  await writeLog(log);
  const { code, text } = await commands.replay();
  expect([code, text.split('\n').at(-1)]).toEqual([0, said]);
});

test('a sweep at once: its log, what became of it, and nobody warns that the CronJob did not make it', async () => {
  await writeLog('the log of a sweep\n');
  const made = jobs.length;
  expect(await commands.sweep()).toEqual({
    code: 0,
    text: 'the log of a sweep\nThe sweep completed all of its work.',
  });
  await commands.sweep('--without-brake', '--yes');
  const [plain, released] = jobs.slice(made);
  expect(plain).not.toHaveProperty('metadata.ownerReferences');
  expect(plain).toMatchObject({ spec: { ttlSecondsAfterFinished: 86_400, activeDeadlineSeconds: 285 } });
  const brake = { name: 'INJECTOR_MAX_REVOKE_FRACTION', value: '1' };
  expect(JSON.stringify(released)).toContain(JSON.stringify(brake));
  expect(JSON.stringify(plain)).not.toContain(brake.name);
});

test('some are left: its log, and 1', async () => {
  succeeds = false;
  const { code, text } = await commands.replay();
  expect([code, text]).toEqual([1, expect.stringMatching(/Some dead letters are left \(Job replay-\w+\)/)]);
});

test('a sweep that fails: 1', async () => {
  const { code, text } = await commands.sweep();
  expect([code, text]).toEqual([1, expect.stringMatching(/The sweep left work undone \(Job renewal-\w+\)/)]);
});

test('an option that is none is named', async () => {
  const { code, text } = await commands.replay('--contxt=x');
  expect([code, text]).toEqual([
    2,
    expect.stringMatching(/unknown option '--contxt=x'\n\(Did you mean --context\?\)/),
  ]);
});

test('nothing is installed: what kubectl says, and 1', async () => {
  const made = jobs.length;
  await cluster.kubectl('delete', 'cronjob', 'replay', '--namespace=vault-injector');
  const { code, text } = await commands.replay();
  expect([code, text]).toEqual([1, expect.stringContaining('cronjobs.batch "replay" not found')]);
  expect(jobs).toHaveLength(made);
});
