import { expect, test } from 'vitest';
import { podsStart } from '../../../../cli/doctor/pods.ts';
import { cronJob } from '../../../../cli/doctor/sweep.ts';
import { factsOf } from './facts.ts';

const PODS = '/api/v1/namespaces/vault-injector/pods';
const CRON_JOB = '/apis/batch/v1/namespaces/vault-injector/cronjobs/renewal';
const NOW = Date.parse('2026-01-01T00:10:00Z');

const pod = (name: string, state: object, init = false) => {
  const statuses = [{ name: 'main', image: 'x', state }];
  return {
    metadata: { name },
    status: init ? { initContainerStatuses: statuses } : { containerStatuses: statuses },
  };
};
const waiting = (reason: string, message = '') => ({ waiting: { reason, message } });

test.each([
  ['that runs', pod('renewal-1', { running: {} })],
  ['that is being started', pod('renewal-1', waiting('ContainerCreating'))],
  ['that nobody has looked at', { metadata: { name: 'renewal-1' } }],
])('a pod %s is well', async (_, one) => {
  const check = podsStart(factsOf({ [PODS]: { items: [one] } }));
  expect(await check.look()).toMatchObject({ state: 'ok' });
});

test.each([
  'ErrImagePull',
  'ImagePullBackOff',
  'InvalidImageName',
  'CreateContainerConfigError',
  'CrashLoopBackOff',
])('a pod that waits with %s cannot start, long before its controller gives it up', async (reason) => {
  const items = [
    pod('renewal-1', waiting(reason, 'manifest unknown')),
    pod('admission-2', waiting(reason), true),
    pod('replay-1', { running: {} }),
  ];
  expect(await podsStart(factsOf({ [PODS]: { items } })).look()).toMatchObject({
    state: 'failed',
    detail: `renewal-1 cannot start (and 1 more): ${reason}: manifest unknown`,
    mend: expect.stringMatching(/^kubectl --namespace vault-injector describe pod renewal-1;/),
  });
});

const found = (status: object) => ({
  metadata: { creationTimestamp: '2026-01-01T00:00:00Z' },
  spec: { schedule: '*/5 * * * *' },
  status,
});
const FIVE_PAST = '2026-01-01T00:05:00Z';

test.each([
  ['that has never been due', {}, 'ok'],
  ['whose run is under way', { lastScheduleTime: FIVE_PAST, active: [{}] }, 'ok'],
  ['whose run succeeded', { lastScheduleTime: FIVE_PAST, lastSuccessfulTime: '2026-01-01T00:05:09Z' }, 'ok'],
  ['whose run has just ended', { lastScheduleTime: '2026-01-01T00:09:50Z' }, 'ok'],
  ['whose run failed', { lastScheduleTime: FIVE_PAST, lastSuccessfulTime: '2026-01-01T00:00:09Z' }, 'failed'],
  ['none of whose runs ever succeeded', { lastScheduleTime: FIVE_PAST }, 'failed'],
])('a CronJob %s: said within one interval', async (_, status, state) => {
  expect(await cronJob(factsOf({ [CRON_JOB]: found(status) }, NOW)).look()).toMatchObject({ state });
});
