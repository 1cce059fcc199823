import { beforeEach, describe, expect, test } from 'vitest';
import { createIssued, type Issued } from '../../../../functions/admission/issued.ts';
import { UUID_ANNOTATION } from '../../../../shared/annotations.ts';
import type { Source, Variables } from '../../../../shared/pod/patch.ts';
import type { Pod } from '../../../../shared/pod/pod.ts';

const UUIDS = 'u1,u2';
const variables: Variables = new Map<string, Source>([
  ['DBUSER', { value: 'user' }],
  ['DBPASSWORD', { valueFrom: { secretKeyRef: { name: 'db-creds', key: 'DBPASSWORD' } } }],
]);
const env = [...variables].map(([name, source]) => ({ name, ...source }));

interface Changes {
  readonly metadata?: Partial<Pod['metadata']>;
  readonly spec?: Partial<Pod['spec']>;
}

/** As it is shown again after the patch. */
function pod({ metadata, spec }: Changes = {}): Pod {
  return {
    metadata: {
      name: 'p',
      generateName: '',
      namespace: 'team',
      annotations: { [UUID_ANNOTATION]: UUIDS },
      ...metadata,
    },
    spec: {
      serviceAccountName: 'app',
      nodeName: '',
      containers: [
        { name: 'a', env },
        { name: 'b', env },
      ],
      ...spec,
    },
  };
}

let now = 0;
let issued: Issued;
beforeEach(() => {
  now = 0;
  issued = createIssued(() => now);
  issued.remember('team', pod(), UUIDS, variables, undefined);
});

describe('a pod that is shown again', () => {
  test('is known, once', () => {
    expect(issued.take('team', pod())).toBe(true);
    expect(issued.take('team', pod())).toBe(false);
  });

  test('is known with what others have added meanwhile', () => {
    const more = { image: 'x', env: [{ name: 'MORE', value: '1' }, ...env] };
    const spec = {
      containers: [
        { name: 'a', ...more },
        { name: 'b', env },
      ],
      initContainers: [],
    };
    expect(issued.take('team', pod({ metadata: { labels: { a: 'b' } }, spec }))).toBe(true);
  });

  test('is known for a quarter of a minute', () => {
    now = 15_000;
    expect(issued.take('team', pod())).toBe(true);
  });

  test('and not for longer', () => {
    now = 15_001;
    expect(issued.take('team', pod())).toBe(false);
  });

  const wrong = (value: string) => [
    { name: 'DBUSER', value: 'user' },
    { name: 'DBPASSWORD', value },
  ];
  test.each<readonly [string, Changes]>([
    ['another name', { metadata: { name: 'q' } }],
    ['a generateName', { metadata: { generateName: 'p-' } }],
    ['other uuids', { metadata: { annotations: { [UUID_ANNOTATION]: 'u1' } } }],
    ['no uuids', { metadata: { annotations: null } }],
    ['another service account', { spec: { serviceAccountName: 'other' } }],
    [
      'another password in one container',
      {
        spec: {
          containers: [
            { name: 'a', env },
            { name: 'b', env: wrong('x') },
          ],
        },
      },
    ],
    ['a container without the variables', { spec: { containers: [{ name: 'a', env }, { name: 'b' }] } }],
    ['one more container, without the variables', { spec: { initContainers: [{ name: 'i', env: null }] } }],
    [
      'a variable twice',
      {
        spec: {
          containers: [
            { name: 'a', env: [...env, ...env] },
            { name: 'b', env },
          ],
        },
      },
    ],
  ])('with %s is another', (_, changes) => {
    expect(issued.take('team', pod(changes))).toBe(false);
    expect(issued.take('team', pod())).toBe(true);
  });

  test('with the status of a stored pod is another', () => {
    expect(issued.take('team', { ...pod(), status: { phase: 'Pending' } })).toBe(false);
    expect(issued.take('team', { ...pod(), status: {} })).toBe(true);
  });

  test('in another namespace is another', () => {
    expect(issued.take('other', pod())).toBe(false);
  });
});

describe('a pod of which some containers have the variables', () => {
  test('is known by those', () => {
    issued.remember('team', pod(), UUIDS, variables, ['a']);
    expect(issued.take('team', pod({ spec: { containers: [{ name: 'a', env }, { name: 'b' }] } }))).toBe(
      true,
    );
  });
});

describe('of very many pods', () => {
  test('the oldest are forgotten', () => {
    for (let index = 0; index < 2_000; index += 1)
      issued.remember('team', pod(), `more-${index}`, variables, undefined);
    expect(issued.take('team', pod())).toBe(false);
    expect(issued.take('team', pod({ metadata: { annotations: { [UUID_ANNOTATION]: 'more-0' } } }))).toBe(
      true,
    );
  });
});
