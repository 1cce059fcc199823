import fc from 'fast-check';
import jsonPatch from 'fast-json-patch';
import { describe, expect, test } from 'vitest';
import { type DatabaseRequest, UUID_ANNOTATION } from '../../../../shared/annotations.ts';
import { parseConnectionUri } from '../../../../shared/pod/connection-uri.ts';
import type { Variables } from '../../../../shared/pod/environment.ts';
import { factsOf } from '../../../../shared/pod/lease-facts.ts';
import {
  additionsFor,
  type PodPatch,
  patchPod as patchWith,
  textsFor,
} from '../../../../shared/pod/patch.ts';
import { containersOf, type Pod } from '../../../../shared/pod/pod.ts';
import { templateOf } from '../../../../shared/pod/template.ts';
import { Secret } from '../../../../shared/secret.ts';
import { arbitraryPod, CONTAINERS } from './arbitrary-pod.ts';
import { expand } from './kubernetes-expansion.ts';

const request: DatabaseRequest = {
  database: 'db',
  mount: 'databases',
  role: 'rw',
  authRole: 'rw',
  inSecret: false,
  files: [],
  mode: 'classic',
  variables: [
    { name: 'DBUSER', template: templateOf('user') },
    { name: 'A.B', template: templateOf('user') },
    { name: 'DBPASSWORD', template: templateOf('password') },
  ],
};
function uriRequest(afterUserInfo: string): DatabaseRequest {
  const read = parseConnectionUri(`postgres://@${afterUserInfo}`);
  if ('expected' in read) throw new Error(read.expected);
  const { template } = read;
  return { ...request, mode: 'uri', variables: ['URI', 'DATABASE_URL'].map((name) => ({ name, template })) };
}

const texts = (asked: DatabaseRequest, userName: string, password: string) => {
  const credentials = { userName, password: new Secret(password), leaseId: 'lease', leaseTtlSeconds: 60 };
  return textsFor(asked, factsOf(asked, credentials, 0)).variables;
};
const environmentFor = (asked: DatabaseRequest, user: string, password: string): Variables =>
  additionsFor([{ request: asked, variables: texts(asked, user, password) }], 'db-creds-1', '').variables;

const patchPod = (
  pod: Pod,
  variables: Variables,
  only: readonly string[] | undefined,
  uuids: string,
): PodPatch => patchWith(pod, { variables, files: [], secretName: 'db-creds-1', uuids }, only);

function apply(pod: Pod, { operations }: PodPatch): Pod {
  return jsonPatch.applyPatch(structuredClone(pod), operations, true).newDocument;
}

function isLeftOut(name: string, only: readonly string[] | undefined): boolean {
  return only !== undefined && !only.includes(name);
}

const credential = fc.oneof(
  fc.string({ minLength: 1 }),
  fc.constantFrom('$(HOME)', '$$', 'a$b', '$(DBUSER)', '$'),
);
const chosen = fc.option(fc.subarray(CONTAINERS), { nil: undefined });

describe('for any pod', () => {
  test('the patched pod has each variable exactly once in each container that is to have it', () => {
    fc.assert(
      fc.property(arbitraryPod, chosen, credential, credential, (pod, only, user, password) => {
        const variables = environmentFor(request, user, password);
        const patched = apply(pod, patchPod(pod, variables, only, 'uuid'));
        for (const { container } of containersOf(patched)) {
          if (isLeftOut(container.name, only)) continue;
          for (const [name, source] of variables) {
            const found = (container.env ?? []).filter((entry) => entry.name === name);
            expect(found).toEqual([{ name, ...source }]);
          }
        }
      }),
    );
  });

  test('all else is as it was, and in its order', () => {
    fc.assert(
      fc.property(arbitraryPod, chosen, (pod, only) => {
        const variables = environmentFor(request, 'user', 'password');
        const patched = apply(pod, patchPod(pod, variables, only, 'uuid'));
        const without = ({ metadata, spec, ...others }: Pod, touched: boolean) => {
          const { annotations, ...named } = metadata;
          const { [UUID_ANNOTATION]: _, ...kept } = annotations ?? {};
          const stripped = containersOf({ metadata, spec }).map(({ container, path }) => {
            const { env, ...rest } = container;
            const ours = touched && !isLeftOut(container.name, only);
            return { path, rest, env: ours ? (env ?? []).filter(({ name }) => !variables.has(name)) : env };
          });
          return { others, named, kept, stripped };
        };
        expect(without(patched, true)).toEqual(without(pod, true));
        expect(patched.metadata.annotations?.[UUID_ANNOTATION]).toBe('uuid');
      }),
    );
  });

  test('a variable that was there keeps its place, unless somebody refers to it', () => {
    fc.assert(
      fc.property(arbitraryPod, (pod) => {
        fc.pre(!JSON.stringify(pod.spec).includes('$(DBUSER)'));
        const variables = environmentFor(request, 'user', 'password');
        const patched = apply(pod, patchPod(pod, variables, undefined, 'uuid'));
        for (const [index, { container }] of containersOf(pod).entries()) {
          const before = [...new Set((container.env ?? []).map(({ name }) => name))].filter((name) =>
            variables.has(name),
          );
          const after = (containersOf(patched)[index]?.container.env ?? []).map(({ name }) => name);
          expect(after.filter((name) => before.includes(name))).toEqual(before);
        }
      }),
    );
  });

  test('patching the patched pod changes nothing', () => {
    fc.assert(
      fc.property(arbitraryPod, chosen, credential, (pod, only, password) => {
        const variables = environmentFor(request, 'user', password);
        const once = apply(pod, patchPod(pod, variables, only, 'uuid'));
        expect(apply(once, patchPod(once, variables, only, 'uuid'))).toEqual(once);
      }),
    );
  });

  test('whoever had a variable of the name is warned of', () => {
    fc.assert(
      fc.property(arbitraryPod, chosen, (pod, only) => {
        const { warnings } = patchPod(pod, environmentFor(request, 'user', 'password'), only, 'uuid');
        const had = containersOf(pod)
          .map(({ container }) => container)
          .filter(
            ({ name, env }) =>
              !isLeftOut(name, only) &&
              env?.some((entry) => ['DBUSER', 'A.B', 'DBPASSWORD'].includes(entry.name)),
          );
        expect(warnings.map((warning) => /container "([^"]+)"/.exec(warning)?.[1])).toEqual(
          had.map(({ name }) => name),
        );
      }),
    );
  });
});

describe('Kubernetes, which expands $(NAME),', () => {
  const others = [
    { name: 'HOME', value: '/root' },
    { name: 'DBUSER_', value: 'x' },
  ];
  const environment = (asked: DatabaseRequest, user: string, password: string) =>
    expand([
      ...others,
      ...[...environmentFor(asked, user, password)].flatMap(([name, source]) =>
        'value' in source ? [{ name, value: source.value }] : [],
      ),
    ]);

  test('leaves user and password as Vault issued them, whatever is in them', () => {
    fc.assert(
      fc.property(credential, credential, (user, password) => {
        const expanded = environment(request, user, password);
        expect([expanded.get('DBUSER'), expanded.get('A.B'), expanded.get('DBPASSWORD')]).toEqual([
          user,
          user,
          password,
        ]);
      }),
    );
  });

  test('leaves them so in a URI, and puts the host where the template wants it', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', minLength: 1 }), (password) => {
        const expanded = environment(uriRequest('$(HOME)/db?x=$(NOBODY)'), 'us$(HOME)er', password);
        const uri = expanded.get('URI') ?? '';
        expect(expanded.get('DATABASE_URL')).toBe(uri);
        const [, user, given, rest] = /^postgres:\/\/([^:]*):([^@]*)@(.*)$/.exec(uri) ?? [];
        expect([user, given].map((part) => decodeURIComponent(part ?? ''))).toEqual([
          'us$(HOME)er',
          password,
        ]);
        expect(rest).toBe('/root/db?x=$(NOBODY)');
      }),
    );
  });
});

describe('a container whose env is null', () => {
  test('gets one', () => {
    const pod: Pod = {
      metadata: { name: 'p', generateName: '', namespace: '', annotations: null },
      spec: { serviceAccountName: '', nodeName: '', containers: [{ name: 'app', env: null }] },
    };
    const patched = apply(pod, patchPod(pod, new Map([['A', { value: '1' }]]), undefined, 'u1,u2'));
    expect(patched.spec.containers).toEqual([{ name: 'app', env: [{ name: 'A', value: '1' }] }]);
    expect(patched.metadata.annotations).toEqual({ [UUID_ANNOTATION]: 'u1,u2' });
  });
});

describe('a request that wants a Secret', () => {
  const inSecret: DatabaseRequest = { ...request, inSecret: true };

  test('has every variable refer to it, and no credential in the pod', () => {
    fc.assert(
      fc.property(arbitraryPod, chosen, (pod, only) => {
        const patch = patchPod(pod, environmentFor(inSecret, 'us$er', 'pass$word'), only, 'uuid');
        expect(JSON.stringify(patch)).not.toMatch(/us\$er|pass\$word/);
        for (const { container } of containersOf(apply(pod, patch))) {
          if (isLeftOut(container.name, only)) continue;
          const found = (container.env ?? []).filter(({ name }) => name === 'DBPASSWORD');
          const secretKeyRef = { name: 'db-creds-1', key: 'DBPASSWORD' };
          expect(found).toEqual([{ name: 'DBPASSWORD', valueFrom: { secretKeyRef } }]);
        }
      }),
    );
  });

  test('has the values as the application is to see them: nothing is expanded in a Secret', () => {
    expect([...texts(inSecret, 'us$er', 'pass$word').values()]).toEqual(['us$er', 'us$er', 'pass$word']);
  });
});
