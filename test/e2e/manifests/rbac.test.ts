/** What each service account may do in the cluster: exactly this, as the API server says, and nothing else. */
import * as v from 'valibot';
import { describe, expect, test } from 'vitest';
import { renderManifests } from '../../stack/manifests.ts';
import { kubectl } from '../support/kubectl.ts';
import { variants } from '../support/kustomizations.ts';
import { exampleNamespace, stack } from '../support/stack.ts';

const own = 'vault-injector';
const accounts = [
  'admission',
  'renewal',
  'revocation',
  'dead-letters',
  'approle',
  'events',
  'replay',
] as const;
type Account = (typeof accounts)[number];

const ResourceRule = v.object({
  verbs: v.array(v.string()),
  apiGroups: v.array(v.string()),
  resources: v.array(v.string()),
  resourceNames: v.optional(v.array(v.string()), []),
});
const NonResourceRule = v.object({ verbs: v.array(v.string()), nonResourceURLs: v.array(v.string()) });
const Review = v.object({
  status: v.object({
    incomplete: v.literal(false),
    resourceRules: v.array(ResourceRule),
    nonResourceRules: v.array(NonResourceRule),
  }),
});

/** One line for each right: `list pods`, `get namespaces/kube-system`, `get /openid/v1/jwks`. */
async function rightsOf(user: string, namespace: string, groups: readonly string[]): Promise<Set<string>> {
  const review = {
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SelfSubjectRulesReview',
    spec: { namespace },
  };
  const as = [`--as=${user}`, ...groups.map((group) => `--as-group=${group}`)];
  const path = '/apis/authorization.k8s.io/v1/selfsubjectrulesreviews';
  const { output } = await kubectl(
    ['create', `--raw=${path}`, '--filename=-', ...as],
    JSON.stringify(review),
  );
  const { resourceRules, nonResourceRules } = v.parse(Review, JSON.parse(output)).status;
  return new Set([
    ...resourceRules.flatMap(({ verbs, apiGroups, resources, resourceNames }) =>
      apiGroups.flatMap((group) =>
        resources.flatMap((resource) => {
          const full = group === '' ? resource : `${resource}.${group}`;
          const named = resourceNames.length === 0 ? [full] : resourceNames.map((name) => `${full}/${name}`);
          return named.flatMap((name) => verbs.map((verb) => `${verb} ${name}`));
        }),
      ),
    ),
    ...nonResourceRules.flatMap(({ verbs, nonResourceURLs }) =>
      nonResourceURLs.flatMap((url) => verbs.map((verb) => `${verb} ${url}`)),
    ),
  ]);
}

const groupsOf = (namespace: string) => [
  'system:serviceaccounts',
  `system:serviceaccounts:${namespace}`,
  'system:authenticated',
];

/** Our rights, without those that every account of every namespace has. */
async function ownRightsOf(account: Account, namespace: string): Promise<string[]> {
  const user = `system:serviceaccount:${own}:vault-db-injector-${account}`;
  const anybody = await rightsOf(`system:serviceaccount:${own}:nobody`, namespace, groupsOf(own));
  const rights = await rightsOf(user, namespace, groupsOf(own));
  return [...rights].filter((right) => !anybody.has(right)).toSorted();
}

const issuer = ['get /.well-known/openid-configuration', 'get /openid/v1/jwks'];

// The components "notices" (by default), "evict" and "approle" (in the stack) are included.
const everywhere: Readonly<Record<Account, readonly string[]>> = {
  admission: ['create secrets', 'delete secrets'],
  renewal: [
    'create events',
    'create pods/eviction',
    'delete secrets',
    'get namespaces/kube-system',
    'list pods',
    'patch secrets',
  ],
  revocation: ['delete secrets', 'get pods', 'list pods'],
  'dead-letters': [],
  approle: ['get pods'],
  events: ['get pods', 'list pods', 'watch pods'],
  replay: [],
};
const inOurs: Readonly<Record<Account, readonly string[]>> = {
  ...everywhere,
  'dead-letters': ['create configmaps'],
  replay: ['delete configmaps', 'get configmaps', 'list configmaps'],
};

describe.each(accounts)('%s', (account) => {
  test.each([exampleNamespace, 'kube-system', 'vault'])('may do this in %s', async (namespace) => {
    const rights = await ownRightsOf(account, namespace);
    expect(rights.filter((right) => !issuer.includes(right))).toEqual(everywhere[account]);
  });

  test('may do this in our own namespace', async () => {
    const rights = await ownRightsOf(account, own);
    expect(rights.filter((right) => !issuer.includes(right))).toEqual(inOurs[account]);
  });
});

const Answer = v.object({ status: v.object({ allowed: v.boolean() }) });

interface Attributes {
  readonly verb: string;
  readonly resource: string;
  readonly group?: string;
  readonly subresource?: string;
  readonly name?: string;
  readonly namespace?: string;
}

async function may(account: Account, resourceAttributes: Attributes): Promise<boolean> {
  const answer = await stack.kubernetes.call('POST', '/apis/authorization.k8s.io/v1/subjectaccessreviews', {
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SubjectAccessReview',
    spec: {
      user: `system:serviceaccount:${own}:vault-db-injector-${account}`,
      groups: groupsOf(own),
      resourceAttributes,
    },
  });
  return v.parse(Answer, answer).status.allowed;
}

const rbac = 'rbac.authorization.k8s.io';
const never: readonly Attributes[] = [
  { verb: 'get', resource: 'secrets', namespace: own },
  { verb: 'list', resource: 'secrets' },
  { verb: 'watch', resource: 'secrets' },
  { verb: 'get', resource: 'secrets', namespace: exampleNamespace },
  { verb: 'deletecollection', resource: 'secrets', namespace: exampleNamespace },
  { verb: 'create', resource: 'pods', namespace: own },
  { verb: 'delete', resource: 'pods', namespace: exampleNamespace },
  { verb: 'patch', resource: 'pods', namespace: exampleNamespace },
  { verb: 'update', resource: 'pods', subresource: 'status', namespace: exampleNamespace },
  { verb: 'create', resource: 'pods', subresource: 'exec', namespace: exampleNamespace },
  { verb: 'get', resource: 'pods', subresource: 'log', namespace: exampleNamespace },
  { verb: 'create', resource: 'pods', subresource: 'binding', namespace: exampleNamespace },
  { verb: 'update', resource: 'configmaps', name: 'configuration', namespace: own },
  { verb: 'create', resource: 'configmaps', namespace: exampleNamespace },
  { verb: 'create', resource: 'serviceaccounts', subresource: 'token', namespace: own },
  { verb: 'impersonate', resource: 'serviceaccounts', namespace: own },
  { verb: 'impersonate', resource: 'users' },
  { verb: 'escalate', resource: 'clusterroles', group: rbac },
  { verb: 'bind', resource: 'clusterroles', group: rbac },
  { verb: 'create', resource: 'clusterrolebindings', group: rbac },
  { verb: 'get', resource: 'namespaces', name: exampleNamespace },
  { verb: 'list', resource: 'namespaces' },
  { verb: 'get', resource: 'nodes' },
  {
    verb: 'patch',
    resource: 'mutatingwebhookconfigurations',
    group: 'admissionregistration.k8s.io',
    name: 'vault-db-injector',
  },
  { verb: '*', resource: '*', group: '*' },
];

test.each(never)('nobody of ours may $verb $resource $subresource', async (attributes) => {
  const allowed = await Promise.all(
    accounts.map(async (account) => ((await may(account, attributes)) ? [account] : [])),
  );
  expect(allowed.flat()).toEqual([]);
});

const Rules = v.object({
  rules: v.array(
    v.object({
      apiGroups: v.optional(v.array(v.string()), []),
      resources: v.optional(v.array(v.string()), []),
      verbs: v.array(v.string()),
      nonResourceURLs: v.optional(v.array(v.string()), []),
    }),
  ),
});

describe.each([...variants, 'knative/components/evict', 'knative/components/approle'])(
  'the roles of %s',
  async (folder) => {
    const manifests = await renderManifests(folder);
    const roles = manifests.filter(({ kind }) => kind === 'Role' || kind === 'ClusterRole');

    test('have no wildcard', () => {
      const words = roles.flatMap((role) =>
        v.parse(Rules, role).rules.flatMap((rule) => Object.values(rule).flat()),
      );
      expect(words.length).toBeGreaterThan(2);
      expect(words.filter((word) => word.includes('*'))).toEqual([]);
    });
  },
);

test('eviction is a component’s, not the default', async () => {
  const text = JSON.stringify(await renderManifests());
  expect(text).not.toContain('eviction');
});

test('the key of the token issuer may be read by the event sinks, whatever others may', async () => {
  const binding = (await renderManifests()).find(
    ({ kind, metadata }) =>
      kind === 'ClusterRoleBinding' && metadata.name === 'vault-db-injector-token-issuer',
  );
  expect(binding).toMatchObject({
    subjects: [{ name: 'vault-db-injector-revocation' }, { name: 'vault-db-injector-dead-letters' }],
  });
  for (const account of ['revocation', 'dead-letters']) {
    const user = `system:serviceaccount:${own}:vault-db-injector-${account}`;
    // Leaves out the groups through which most clusters give it to everyone.
    expect([...(await rightsOf(user, own, []))]).toEqual(expect.arrayContaining(issuer));
  }
});
