import { describe, expect, test } from 'vitest';
import { AccessDenied, createAuthorization, decide } from '../../../../shared/vault/authorization.ts';
import { newWork } from '../../../support/work.ts';

const access = { authRole: 'rw', role: 'rw', namespace: 'team', serviceAccount: 'app' };
const role = {
  bound_service_account_names: ['app'],
  bound_service_account_namespaces: ['team'],
  token_policies: ['rw'],
};

type Role = Parameters<typeof decide>[0];

function outcome(changes: Partial<Role>, asked: Partial<typeof access> = {}): string {
  try {
    return `policy ${decide({ ...role, ...changes }, { ...access, ...asked })}`;
  } catch (error) {
    if (!(error instanceof AccessDenied)) throw error;
    expect(error.code).toBe('service_account_denied');
    return error.denial;
  }
}

describe('a role', () => {
  const rows: readonly (readonly [string, Partial<Role>, Partial<typeof access>, string])[] = [
    ['exact names', {}, {}, 'policy rw'],
    ['any service account', { bound_service_account_names: ['*'] }, { serviceAccount: 'x' }, 'policy rw'],
    ['any namespace', { bound_service_account_namespaces: ['*'] }, { namespace: 'x' }, 'policy rw'],
    [
      'globs on both',
      { bound_service_account_names: ['a*'], bound_service_account_namespaces: ['*am'] },
      {},
      'policy rw',
    ],
    ['one of several', { bound_service_account_names: ['x', 'app', 'y*'] }, {}, 'policy rw'],
    ['another service account', {}, { serviceAccount: 'apps' }, 'service_account'],
    ['another namespace', {}, { namespace: 'teams' }, 'namespace'],
    ['another case', {}, { serviceAccount: 'App' }, 'service_account'],
    ['no service accounts', { bound_service_account_names: [] }, {}, 'service_account'],
    ['no namespaces', { bound_service_account_namespaces: null }, {}, 'namespace'],
    [
      'a selector alone',
      { bound_service_account_namespaces: [], bound_service_account_namespace_selector: '{}' },
      {},
      'namespace_selector',
    ],
    [
      'a selector beside names that allow',
      { bound_service_account_namespace_selector: '{}' },
      {},
      'policy rw',
    ],
    [
      'a selector, and the service account is wrong anyway',
      { bound_service_account_namespace_selector: '{}' },
      { serviceAccount: 'x' },
      'service_account',
    ],
    [
      'an empty selector',
      { bound_service_account_namespaces: [], bound_service_account_namespace_selector: '' },
      {},
      'namespace',
    ],
    ['the policy of the auth role', { token_policies: ['team', 'rw'] }, { authRole: 'team' }, 'policy team'],
    ['else that of the database role', { token_policies: ['rw'] }, { authRole: 'team' }, 'policy rw'],
    ['another policy', { token_policies: ['ro', 'default'] }, {}, 'policy'],
    ['no policy', { token_policies: [] }, {}, 'policy'],
    ['the old name of the list', { token_policies: null, policies: ['rw'] }, {}, 'policy rw'],
    ['both names: the new one counts', { token_policies: ['x'], policies: ['rw'] }, {}, 'policy'],
    ['names in capitals', { token_policies: ['RW'] }, { authRole: 'Rw', role: 'rW' }, 'policy rw'],
    [
      'the policy root, which no pod gets',
      { token_policies: ['root'] },
      { authRole: 'root', role: 'Root' },
      'policy',
    ],
  ];

  test.each(rows)('%s', (_, changes, asked, expected) => expect(outcome(changes, asked)).toBe(expected));

  test('that does not say anything allows nobody', () =>
    expect(() => decide({}, access)).toThrow(AccessDenied));
});

describe('the reason', () => {
  test.each<readonly [Partial<Role>, string]>([
    [{ bound_service_account_namespaces: ['x'] }, 'auth role "rw" does not allow namespace "team"'],
    [
      { bound_service_account_names: ['x'] },
      'auth role "rw" does not allow service account "app" of namespace "team"',
    ],
    [{ token_policies: ['x'] }, 'auth role "rw" has no policy "rw" among its token_policies'],
    [
      { bound_service_account_namespaces: [], bound_service_account_namespace_selector: '{}' },
      'auth role "rw" allows namespaces by their labels (bound_service_account_namespace_selector), which the injector cannot read; name them in bound_service_account_namespaces',
    ],
  ])('%j', (changes, reason) => {
    expect(() => decide({ ...role, ...changes }, access)).toThrow(reason);
  });
});

describe('what is known of a role', () => {
  function start() {
    const reads: string[] = [];
    let now = 0;
    const authorization = createAuthorization({
      session: {
        send: async ({ path }) => {
          reads.push(path);
          return { data: role };
        },
      },
      authPath: 'kubernetes',
      kubeRole: 'own',
      clock: () => now,
    });
    const authorize = (authRole = 'rw') => authorization.authorize({ ...access, authRole }, newWork());
    return {
      reads,
      authorize,
      at: (moment: number) => {
        now = moment;
      },
    };
  }

  test.each([0, 1_000_000])('serves a rollout of ten seconds, from the moment %i', async (began) => {
    const { reads, authorize, at } = start();
    at(began);
    await authorize();
    at(began + 9_999);
    await authorize();
    expect(reads).toHaveLength(1);
    at(began + 10_000);
    await authorize();
    expect(reads).toHaveLength(2);
  });

  test('does not grow with the number of roles', async () => {
    const { reads, authorize } = start();
    // Roles that do not name the policy are denied, and known all the same.
    const ask = (number: number) => authorize(`rw-${number}`).catch(() => {});
    for (let number = 0; number <= 1_000; number += 1) await ask(number);
    await ask(1_000);
    expect(reads).toHaveLength(1_001);
    await ask(0);
    expect(reads).toHaveLength(1_002);
  });
});
