import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type EventRequest, readCloudEvent } from '../../../../shared/events/cloud-event.ts';
import { deadLetterOf, readStored, replayOf, storedForm } from '../../../../shared/events/dead-letter.ts';
import { deletedPodIn } from '../../../../shared/events/deleted-pod.ts';

const parseEvent = async (request: EventRequest) => deletedPodIn(await readCloudEvent(request));

const UUID = '019a0000-0000-7000-8000-000000000001';
const OTHER = '019a0000-0000-7000-8000-000000000002';
const podWith = (uuid: string) => ({
  kind: 'Pod',
  metadata: { namespace: 'team', name: 'web-0', annotations: { 'db-creds-injector.numberly.io/uuid': uuid } },
  spec: { containers: [{ name: 'app', env: [{ name: 'DBPASSWORD', value: 'planted-password' }] }] },
});
const event = {
  type: 'dev.knative.apiserver.resource.delete',
  source: 'https://api-server',
  id: 'e1',
  subject: '/apis/v1/namespaces/team/pods/web-0',
  time: '2026-01-02T03:04:05.000Z',
  data: podWith(`${UUID},${OTHER}`),
  knativeerrorcode: '503',
  knativeerrordest: 'http://user:planted-password@revocation.vault-injector.svc/a?token=planted-password',
  knativeerrordata: 'planted-password',
};
const letter = {
  pod: { namespace: 'team', name: 'web-0', uuids: [UUID, OTHER] },
  source: event.source,
  id: event.id,
  subject: event.subject,
  time: event.time,
  errorCode: '503',
  errorDestination: 'http://revocation.vault-injector.svc/a',
  replays: 0,
};

const kept = (from: object) => {
  const found = deadLetterOf({ ...event, ...from });
  if (!found) throw new Error('nothing was kept');
  return found;
};

describe('of an event', () => {
  test('what replay needs is kept, and why it could not be delivered; nothing else', () => {
    expect(deadLetterOf(event)).toEqual(letter);
    expect(JSON.stringify(storedForm(kept({})))).not.toContain('planted');
  });

  test.each([
    ['of another type', { type: 'dev.knative.apiserver.resource.add' }],
    ['of another kind', { data: { ...podWith(UUID), kind: 'Secret' } }],
    ['of a pod without uuids', { data: podWith('') }],
    ['of a pod whose uuids are none', { data: podWith('planted-password,../x') }],
  ])('%s nothing is kept', (_, part) => {
    expect(deadLetterOf({ ...event, ...part })).toBeUndefined();
  });

  test('without its object nothing can be kept', () => {
    expect(() => deadLetterOf({ ...event, data: { name: 'web-0' } })).toThrow('has no object');
  });

  test.each([
    ['-1', '-1'],
    [504, '504'],
    ['hvs.planted', ''],
    [undefined, ''],
    [{}, ''],
  ])('the error code %j is kept as %j', (knativeerrorcode, expected) => {
    expect(kept({ knativeerrorcode }).errorCode).toBe(expected);
  });

  test.each([
    ['no URL', ''],
    [undefined, ''],
    [`http://x/${'y'.repeat(2_000)}`, expect.stringMatching(/^http:\/\/x\/y{490,}…$/)],
  ])('the destination %j is kept as %j', (knativeerrordest, expected) => {
    expect(kept({ knativeerrordest }).errorDestination).toEqual(expected);
  });

  test('texts are cut, and kept to one line', () => {
    const { source, subject, id } = kept({ source: 'x'.repeat(5_000), subject: 'a\nb\u0000c', id: '\n' });
    expect([source.length, subject, id]).toEqual([500, 'a b c', 'unknown']);
  });
});

describe('its ConfigMap', () => {
  test('has the same name whenever the same deletion comes, and fits the API', () => {
    const { name } = storedForm(letter);
    expect(storedForm({ ...letter, id: 'e2', time: '', errorCode: '' }).name).toBe(name);
    expect(name).toMatch(/^dead-letter-[\da-f]{32}$/);
  });

  test.each([
    ['of another pod', { pod: { ...letter.pod, name: 'web-1' } }],
    ['in another namespace', { pod: { ...letter.pod, namespace: 'other' } }],
    ['with other grants', { pod: { ...letter.pod, uuids: [UUID] } }],
    ['that was sent again before', { replays: 1 }],
  ])('%s has another name', (_, part) => {
    expect(storedForm({ ...letter, ...part }).name).not.toBe(storedForm(letter).name);
  });

  test('is read as it was written', () => {
    expect(readStored(storedForm(letter).data)).toEqual(letter);
  });

  test.each([
    ['none', undefined],
    ['a text', 'x'],
    ['nothing', {}],
    ['a namespace that would leave the path', { ...storedForm(letter).data, namespace: '../x' }],
    ['no uuid', { ...storedForm(letter).data, uuids: '' }],
    ['a uuid that is none', { ...storedForm(letter).data, uuids: `${UUID},x` }],
    ['a count that is none', { ...storedForm(letter).data, replays: '-1' }],
    ['a text that is too long', { ...storedForm(letter).data, source: 'x'.repeat(501) }],
  ])('with %s for data is no dead letter', (_, data) => {
    expect(readStored(data)).toBeUndefined();
  });
});

describe('sent again', () => {
  const asReceived = ({ headers, body }: ReturnType<typeof replayOf>) => ({
    rawHeaders: Object.entries(headers).flat(),
    rawBody: Buffer.from(body),
  });

  test('the revocation function reads the same pod from it', async () => {
    expect(await parseEvent(asReceived(replayOf(letter)))).toEqual(letter.pod);
  });

  test('it keeps its attributes and counts: what comes back is another dead letter', async () => {
    const again = deadLetterOf(await readCloudEvent(asReceived(replayOf(letter))));
    expect(again).toEqual({ ...letter, errorCode: '', errorDestination: '', replays: 1 });
  });

  test('whatever its attributes are, its headers can be sent and it is a CloudEvent', async () => {
    const attribute = fc.string({ unit: 'binary', maxLength: 60 });
    await fc.assert(
      fc.asyncProperty(attribute, attribute, attribute, async (source, subject, time) => {
        const { headers, body } = replayOf(kept({ source: source || 'x', subject, time }));
        expect(() => new Headers(headers)).not.toThrow();
        expect(await parseEvent(asReceived({ headers, body }))).toEqual(letter.pod);
      }),
    );
  });
});
