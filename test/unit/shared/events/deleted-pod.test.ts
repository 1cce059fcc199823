import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type EventRequest, readCloudEvent } from '../../../../shared/events/cloud-event.ts';
import { deletedPodIn } from '../../../../shared/events/deleted-pod.ts';

const parseEvent = async (request: EventRequest) => deletedPodIn(await readCloudEvent(request));

const DELETE_TYPE = 'dev.knative.apiserver.resource.delete';
const data = {
  kind: 'Pod',
  metadata: {
    namespace: 'team',
    name: 'web-0',
    annotations: { 'db-creds-injector.numberly.io/uuid': 'u1, u2', other: 'x' },
  },
};
const attributes = { specversion: '1.0', id: '1', source: 'https://api-server', type: DELETE_TYPE };

const binary = (body: unknown, more: Readonly<Record<string, string>> = {}) => {
  const given = { 'Content-Type': 'application/json', ...more };
  const headers = Object.entries(attributes).map(([name, value]) => [`Ce-${name}`, value]);
  return {
    rawHeaders: [...Object.entries(given), ...headers].flat(),
    rawBody: Buffer.from(JSON.stringify(body)),
  };
};
const structured = (event: unknown) => ({
  rawHeaders: ['Content-Type', 'application/cloudevents+json'],
  rawBody: Buffer.from(JSON.stringify(event)),
});

describe('a deletion', () => {
  const expected = { namespace: 'team', name: 'web-0', uuids: ['u1', 'u2'] };

  test.each([
    ['in binary mode', binary(data)],
    ['in structured mode', structured({ ...attributes, data })],
  ])('%s', async (_, request) => {
    expect(await parseEvent(request)).toEqual(expected);
  });

  test.each([
    ['without annotations', { namespace: 'team', name: 'web-0' }],
    ['with annotations of null', { namespace: 'team', name: 'web-0', annotations: null }],
  ])('of a pod %s names no grant', async (_, metadata) => {
    expect(await parseEvent(binary({ kind: 'Pod', metadata }))).toEqual({ ...expected, uuids: [] });
  });

  test('of something else is none of our business', async () => {
    expect(await parseEvent(binary({ kind: 'Secret', metadata: {} }))).toBeUndefined();
  });

  test.each([
    ['no object', null],
    ['an object reference, as the source sends it in its other mode', { name: 'web-0', namespace: 'team' }],
    ['a pod without a name', { kind: 'Pod', metadata: { namespace: 'team' } }],
    ['a pod whose name would leave the path', { kind: 'Pod', metadata: { namespace: 'team', name: '../x' } }],
    ['a pod whose namespace would', { kind: 'Pod', metadata: { namespace: 'a/../b', name: 'x' } }],
    ['annotations that are no texts', { ...data, metadata: { ...data.metadata, annotations: { a: 1 } } }],
  ])('with %s is malformed', async (_, body) => {
    await expect(parseEvent(binary(body))).rejects.toMatchObject({ code: 'request_invalid' });
  });
});

describe('what is no event', () => {
  test.each(['type', 'source'])('since it lacks its %s, is malformed', async (name) => {
    const event = Object.fromEntries(Object.entries(attributes).filter(([key]) => key !== name));
    await expect(parseEvent(structured({ ...event, data }))).rejects.toMatchObject({
      code: 'request_invalid',
    });
  });

  test('but any bytes, is malformed or ignored, and nothing of it is quoted', async () => {
    const modes = fc.constantFrom('application/json', 'application/cloudevents+json', 'text/plain', '');
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), modes, async (bytes, mode) => {
        const rawBody = Buffer.concat([Buffer.from('{"secret-marker":'), Buffer.from(bytes)]);
        const outcome = await parseEvent({ rawHeaders: ['content-type', mode], rawBody }).catch(String);
        expect(String(outcome)).toMatch(/expected|undefined/);
        expect(String(outcome)).not.toContain('secret-marker');
      }),
    );
  });
});
