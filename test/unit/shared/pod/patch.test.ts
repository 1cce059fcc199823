import fc from 'fast-check';
import jsonPatch from 'fast-json-patch';
import { describe, expect, test } from 'vitest';
import { type DatabaseRequest, UUID_ANNOTATION } from '../../../../shared/annotations.ts';
import { patchPod, variablesFor } from '../../../../shared/pod/patch.ts';
import { containersOf, type Pod } from '../../../../shared/pod/pod.ts';
import { arbitraryPod, CONTAINERS } from './arbitrary-pod.ts';
import { expand } from './kubernetes-expansion.ts';

const request: DatabaseRequest = {
  database: 'db',
  mount: 'databases',
  role: 'rw',
  authRole: 'rw',
  delivery: { mode: 'classic', userVariables: ['DBUSER', 'A.B'], passwordVariables: ['DBPASSWORD'] },
};
const uriRequest = (afterUserInfo: string): DatabaseRequest => ({
  ...request,
  delivery: {
    mode: 'uri',
    uriVariables: ['URI', 'DATABASE_URL'],
    template: { beforeUserInfo: 'postgres://', afterUserInfo, hadUserInfo: false },
  },
});

function apply(pod: Pod, { operations }: ReturnType<typeof patchPod>): Pod {
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
        const variables = variablesFor(request, user, password);
        const patched = apply(pod, patchPod(pod, variables, only, 'uuid'));
        for (const { container } of containersOf(patched)) {
          if (isLeftOut(container.name, only)) continue;
          for (const [name, value] of variables) {
            const found = (container.env ?? []).filter((entry) => entry.name === name);
            expect(found).toEqual([{ name, value }]);
          }
        }
      }),
    );
  });

  test('all else is as it was, and in its order', () => {
    fc.assert(
      fc.property(arbitraryPod, chosen, (pod, only) => {
        const variables = variablesFor(request, 'user', 'password');
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

  test('a variable that was there keeps its place', () => {
    fc.assert(
      fc.property(arbitraryPod, (pod) => {
        const variables = variablesFor(request, 'user', 'password');
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
        const variables = variablesFor(request, 'user', password);
        const once = apply(pod, patchPod(pod, variables, only, 'uuid'));
        expect(apply(once, patchPod(once, variables, only, 'uuid'))).toEqual(once);
      }),
    );
  });

  test('whoever had a variable of the name is warned of', () => {
    fc.assert(
      fc.property(arbitraryPod, chosen, (pod, only) => {
        const { warnings } = patchPod(pod, variablesFor(request, 'user', 'password'), only, 'uuid');
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
      ...[...variablesFor(asked, user, password)].map(([name, value]) => ({ name, value })),
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
    const patched = apply(pod, patchPod(pod, new Map([['A', '1']]), undefined, 'u1,u2'));
    expect(patched.spec.containers).toEqual([{ name: 'app', env: [{ name: 'A', value: '1' }] }]);
    expect(patched.metadata.annotations).toEqual({ [UUID_ANNOTATION]: 'u1,u2' });
  });
});
