/** What doctor asks the API server for is what the manifests' roles allow, rule by rule. */
import { globSync, readFileSync } from 'node:fs';
import * as v from 'valibot';
import { expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { CLUSTER_NEEDS, EVICTION } from '../../../../cli/doctor/cluster-needs.ts';
import type { Right } from '../../../../shared/kubernetes/objects.ts';

const Rule = v.object({
  verbs: v.array(v.string()),
  resources: v.optional(v.array(v.string()), []),
  resourceNames: v.optional(v.array(v.string()), ['']),
  nonResourceURLs: v.optional(v.array(v.string()), []),
});
const Role = v.object({
  kind: v.picklist(['Role', 'ClusterRole']),
  metadata: v.object({ name: v.string() }),
  rules: v.array(Rule),
});
const Binding = v.object({
  kind: v.picklist(['RoleBinding', 'ClusterRoleBinding']),
  roleRef: v.object({ name: v.string() }),
  subjects: v.array(v.object({ name: v.string() })),
});

// Not of the approle function, which few clusters have: doctor does not look at it.
const files = globSync('knative/**/rbac.yaml', { exclude: ['knative/components/approle/**'] });
const documents = files.flatMap((file) =>
  parseAllDocuments(readFileSync(file, 'utf8')).map((document): unknown => document.toJS()),
);
const roles = documents.filter((one) => v.is(Role, one)).map((one) => v.parse(Role, one));
const bindings = documents.filter((one) => v.is(Binding, one)).map((one) => v.parse(Binding, one));

/** `verb resource[/name][ in the namespace]`, or `verb path`. */
function allowed(account: string): string[] {
  const names = bindings
    .filter(({ subjects }) => subjects.some(({ name }) => name === `vault-db-injector-${account}`))
    .map(({ roleRef }) => roleRef.name);
  return roles
    .filter(({ metadata }) => names.includes(metadata.name))
    .flatMap(({ kind, rules }) => rules.flatMap((rule) => texts(rule, kind === 'Role')))
    .toSorted();
}

function texts(
  { verbs, resources, resourceNames, nonResourceURLs }: v.InferOutput<typeof Rule>,
  local: boolean,
) {
  return verbs.flatMap((verb) => [
    ...nonResourceURLs.map((path) => `${verb} ${path}`),
    ...resources.flatMap((resource) =>
      resourceNames.map((name) => `${verb} ${resource} ${name} ${local ? 'here' : 'everywhere'}`),
    ),
  ]);
}

function text(right: Right): string {
  if ('path' in right) return `${right.verb} ${right.path}`;
  const { verb, resource, subresource, name = '', namespace } = right;
  const whole = subresource === undefined ? resource : `${resource}/${subresource}`;
  return `${verb} ${whole} ${name} ${namespace === undefined ? 'everywhere' : 'here'}`;
}

test.each(Object.entries(CLUSTER_NEEDS))('%s', (account, needs) => {
  const needed = account === 'renewal' ? [...needs, EVICTION] : needs;
  expect(needed.map(text).toSorted()).toEqual(allowed(account));
});

test('there is no other account with rights', () => {
  const accounts = new Set(bindings.flatMap(({ subjects }) => subjects.map(({ name }) => name)));
  expect([...accounts].toSorted()).toEqual(
    Object.keys(CLUSTER_NEEDS)
      .map((name) => `vault-db-injector-${name}`)
      .toSorted(),
  );
});
