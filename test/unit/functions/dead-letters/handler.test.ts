import { describe, expect, test } from 'vitest';
import { createKeepDeadLetter } from '../../../../functions/dead-letters/handler.ts';
import { deadlineIn } from '../../../../shared/deadline.ts';
import { KubernetesError } from '../../../../shared/kubernetes/api.ts';
import { createMetrics } from '../../../../shared/telemetry/metrics.ts';
import { createKeptLog } from '../../../support/kept-log.ts';

const UUID = '019a0000-0000-7000-8000-000000000001';
const attributes = { specversion: '1.0', id: '1', source: 'https://api-server' };
const deletion = {
  ...attributes,
  type: 'dev.knative.apiserver.resource.delete',
  knativeerrorcode: 503,
  knativeerrordest: 'http://revocation.own.svc/',
  data: {
    kind: 'Pod',
    metadata: {
      namespace: 'team',
      name: 'web-0',
      annotations: { 'db-creds-injector.numberly.io/uuid': UUID },
    },
    spec: { containers: [{ env: [{ name: 'DBPASSWORD', value: 'planted' }] }] },
  },
};

function sink(create: () => Promise<boolean>) {
  const { log, lines } = createKeptLog();
  const metrics = createMetrics({ process: 'dead-letters', uuidLabel: false });
  const created: unknown[] = [];
  const configMaps = {
    create: async (name: string, data: unknown) => {
      created.push({ name, data });
      return create();
    },
  };
  const keep = createKeepDeadLetter({ configMaps, metrics, log });
  return {
    lines,
    created,
    keep: (event: unknown) =>
      keep(
        {
          rawHeaders: ['content-type', 'application/cloudevents+json'],
          rawBody: Buffer.from(JSON.stringify(event)),
        },
        deadlineIn(60_000, () => 0),
      ),
    counted: async () => {
      const { text } = await metrics.expose();
      return [...text.matchAll(/dead_letters_total\{outcome="(\w+)"\} (\d+)/g)].map(([, name, count]) => [
        name,
        count,
      ]);
    },
  };
}

describe('a dead letter', () => {
  test('is kept, with a line of log, and counted; the pod is not in it', async () => {
    const { keep, lines, created, counted } = sink(async () => true);
    await keep(deletion);
    expect(created).toEqual([
      {
        name: expect.stringMatching(/^dead-letter-/),
        data: expect.objectContaining({ pod: 'web-0', uuids: UUID }),
      },
    ]);
    expect(lines).toEqual([
      expect.objectContaining({
        level: 'warn',
        message: expect.stringMatching(
          /http:\/\/revocation\.own\.svc\/ answered 503.*ConfigMap dead-letter-/,
        ),
        outcome: 'kept',
        namespace: 'team',
        pod: 'web-0',
        uuid: UUID,
      }),
    ]);
    expect(await counted()).toEqual([['kept', '1']]);
    expect(JSON.stringify([created, lines])).not.toContain('planted');
  });

  test('that is there already is done', async () => {
    const { keep, counted } = sink(async () => false);
    await keep(deletion);
    expect(await counted()).toEqual([['known', '1']]);
  });

  test('that cannot be stored has to come again: nothing is counted', async () => {
    const error = new KubernetesError('kubernetes_unavailable', 'away', 503);
    const { keep, lines, counted } = sink(async () => Promise.reject(error));
    const subject = { namespace: 'team', pod: 'web-0', uuid: UUID };
    await expect(keep(deletion)).rejects.toMatchObject({ cause: error, code: error.code, subject });
    expect([lines, await counted()]).toEqual([[], []]);
  });

  test('without a grant is not kept, but counted', async () => {
    const { keep, created, lines, counted } = sink(async () => true);
    await keep({ ...deletion, data: { ...deletion.data, metadata: { namespace: 'team', name: 'web-0' } } });
    expect([created, lines.length, await counted()]).toEqual([[], 1, [['ignored', '1']]]);
  });

  test.each([
    ['what is no event', { some: 'planted' }],
    ['a deletion without its object', { ...deletion, data: { note: 'planted' } }],
  ])('%s is refused, counted and logged, and nothing of it is quoted', async (_, event) => {
    const { keep, created, lines, counted } = sink(async () => true);
    await expect(keep(event)).rejects.toMatchObject({ code: 'request_invalid' });
    expect([created, lines, await counted()]).toEqual([
      [],
      [expect.objectContaining({ level: 'warn', outcome: 'refused' })],
      [['refused', '1']],
    ]);
    expect(JSON.stringify(lines)).not.toContain('planted');
  });
});
