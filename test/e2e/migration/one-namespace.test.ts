/** Both injectors in the namespace that ours closes: what docs/migrate.md opens for the other one is enough, and for it alone. */
import { readFile } from 'node:fs/promises';
import * as v from 'valibot';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { renderManifests } from '../../stack/manifests.ts';
import { kubectl, wouldApply } from '../support/kubectl.ts';
import { podTemplatesIn } from '../support/pod-templates.ts';
import { stack } from '../support/stack.ts';

const text = await readFile('docs/migrate.md', 'utf8');
const [, yaml = ''] = /^ {2}```yaml\n([\s\S]*?)^ {2}```/m.exec(text) ?? [];
const [, command = ''] = /^ {2}```sh\n {2}kubectl (.*)\n {2}```/m.exec(text) ?? [];
const manifests = await renderManifests();

const Policy = v.object({
  spec: v.object({
    podSelector: v.object({
      matchExpressions: v.tuple([
        v.object({ key: v.literal('app'), operator: v.literal('In'), values: v.array(v.string()) }),
      ]),
    }),
    policyTypes: v.array(v.string()),
    ingress: v.array(v.unknown()),
    egress: v.array(v.unknown()),
  }),
});
const { spec } = v.parse(Policy, parse(yaml));
const [{ values: apps }] = spec.podSelector.matchExpressions;

const serviceAccountName = 'kube-vault-db-injector';

/** The webhook in the chart of the Go injector. */
const podOf = (app: string) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: app, namespace: 'vault-injector', labels: { app } },
  spec: {
    serviceAccountName,
    containers: [
      {
        name: app,
        image: 'registry.example/injector:2.0.12',
        securityContext: {
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          runAsGroup: 65534,
          runAsNonRoot: true,
          runAsUser: 65534,
        },
      },
    ],
  },
});
const create = (app: string) =>
  kubectl(['create', '--dry-run=server', '--filename=-'], JSON.stringify(podOf(app)));

describe('its traffic', () => {
  test('is cut off by ours, which closes the namespace for every pod', () => {
    expect(manifests).toContainEqual(
      expect.objectContaining({
        kind: 'NetworkPolicy',
        metadata: expect.objectContaining({ name: 'nothing', namespace: 'vault-injector' }),
        spec: { podSelector: {}, policyTypes: ['Ingress', 'Egress'] },
      }),
    );
  });

  test('is let through by a policy that the API server takes, and that opens none of our pods', async () => {
    expect(await wouldApply([parse(yaml)])).toMatchObject({ ok: true });
    expect(spec).toMatchObject({ policyTypes: ['Ingress', 'Egress'], ingress: [{}], egress: [{}] });
    expect(podTemplatesIn(manifests).filter(({ labels }) => apps.includes(labels['app'] ?? ''))).toEqual([]);
  });
});

describe('its pods', () => {
  beforeAll(() =>
    stack.kubernetes.apply({
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      metadata: { name: serviceAccountName, namespace: 'vault-injector' },
    }),
  );
  afterAll(async () => {
    const label = 'pod-security.kubernetes.io/enforce=restricted';
    await kubectl(['label', 'namespace', 'vault-injector', '--overwrite', label]);
  });

  test.each(apps)('of %s are refused when they are created anew', async (app) => {
    const { ok, output } = await create(app);
    expect([ok, output]).toEqual([false, expect.stringContaining('violates PodSecurity "restricted')]);
  });

  test('are let through by the label', async () => {
    expect(await kubectl(command.split(' '))).toMatchObject({ ok: true });
    for (const app of apps) {
      await expect.poll(() => create(app), { timeout: 10_000 }).toMatchObject({ ok: true });
    }
  });
});
