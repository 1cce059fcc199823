/** `npm run replay`: a Job of the CronJob, its end and its log. The job controller and the kubelet are the test's. */
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

beforeAll(async () => {
  await cluster.kubectl('create', 'namespace', 'vault-injector');
  const rendered = parseAllDocuments(await cluster.kubectl('kustomize', 'cronjobs/replay'));
  const file = join(cluster.folder, 'cronjob.json');
  await writeFile(file, JSON.stringify(rendered[0]?.toJS()));
  await cluster.kubectl('apply', '--server-side', '--validate=strict', `--filename=${file}`);
  startControllers(cluster, {
    runJob: async (job) => {
      jobs.push(job);
      return succeeds;
    },
  });
  // No kubelet keeps logs here; all else is kubectl's.
  const program = join(cluster.folder, 'kubectl-with-logs');
  const script = `#!/bin/sh\ncase "$1" in logs) echo "log of $2" ;; *) exec "${cluster.kubectlProgram}" "$@" ;; esac\n`;
  await writeFile(program, script);
  await chmod(program, 0o755);
  commands = commandsOn({ ...cluster, kubectlProgram: program });
});

test('all is sent again: its log, and 0', async () => {
  const { code, text } = await commands.replay();
  expect([code, text]).toEqual([
    0,
    expect.stringMatching(/^log of job\/replay-\w+\nEvery dead letter was sent/),
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

test('some are left: its log, and 1', async () => {
  succeeds = false;
  const { code, text } = await commands.replay();
  expect([code, text]).toEqual([1, expect.stringMatching(/Some dead letters are left \(Job replay-\w+\)/)]);
});

test('an option that is none is named', async () => {
  const { code, text } = await commands.replay('--contxt=x');
  expect([code, text]).toEqual([
    1,
    expect.stringMatching(/^Unknown option '--contxt'.*\nWhat there is: npm run replay -- --help$/),
  ]);
});

test('nothing is installed: what kubectl says, and 1', async () => {
  await cluster.kubectl('delete', 'cronjob', 'replay', '--namespace=vault-injector');
  const { code, text } = await commands.replay();
  expect([code, text]).toEqual([1, expect.stringContaining('cronjobs.batch "replay" not found')]);
  expect(jobs).toHaveLength(2);
});
