/** A Job that a person has made of a CronJob. */
import { expect, test } from 'vitest';
import { runJobOf } from '../../../../cli/jobs/job.ts';
import type { Kubectl } from '../../../../cli/kubectl.ts';

const container = { name: 'renewal', args: ['renewal.cjs'], env: [{ name: 'CONFIG_FILE', value: '/c' }] };
const cronJob = {
  metadata: { name: 'renewal', uid: 'of-the-cron-job' },
  spec: { jobTemplate: { spec: { backoffLimit: 0, template: { spec: { containers: [container] } } } } },
};

function cluster(condition: string) {
  const created: unknown[] = [];
  const kubectl: Kubectl = {
    run: async () => ({ code: 0, stdout: 'its log\n', stderr: '' }),
    text: async (_, input = '') => {
      created.push(JSON.parse(input));
      return '';
    },
    json: async ([, kind]) =>
      kind === 'cronjob' ? cronJob : { status: { conditions: [{ type: condition, status: 'True' }] } },
  };
  return { kubectl, created };
}

test('is nobody else’s: of one that names the CronJob as owner, its controller would warn (UnexpectedJob)', async () => {
  const { kubectl, created } = cluster('Complete');
  const env = { INJECTOR_MAX_REVOKE_FRACTION: '1' };
  const { succeeded, log } = await runJobOf('renewal', kubectl, {
    withinMs: 1_000,
    progress: () => {},
    env,
    args: ['--all'],
  });
  expect([succeeded, log]).toEqual([true, 'its log']);
  expect(created).toEqual([
    expect.objectContaining({
      kind: 'Job',
      metadata: expect.not.objectContaining({ ownerReferences: expect.anything() }),
    }),
  ]);
  expect(created).toMatchObject([
    {
      spec: {
        template: {
          spec: {
            containers: [
              {
                args: ['renewal.cjs', '--all'],
                env: [
                  { name: 'CONFIG_FILE', value: '/c' },
                  { name: 'INJECTOR_MAX_REVOKE_FRACTION', value: '1' },
                ],
              },
            ],
          },
        },
      },
    },
  ]);
});

test('that fails is said to have failed', async () => {
  const { kubectl } = cluster('Failed');
  expect((await runJobOf('renewal', kubectl, { withinMs: 1_000, progress: () => {} })).succeeded).toBe(false);
});
