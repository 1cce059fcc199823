/** The pods that the manifests make: Pod Security "restricted" takes them, and their processes start with what they find. */

import * as v from 'valibot';
import { describe, expect, test } from 'vitest';
import { parseConfig, parseDeadLetterConfig, parseReplayConfig } from '../../../shared/config.ts';
import { intervalOf } from '../../../shared/schedule.ts';
import { type Manifests, readManifests } from '../../stack/manifests.ts';
import { renderExample, renderWith, variants } from '../support/kustomizations.ts';
import { environmentIn, type PodTemplate, podOf, podTemplatesIn } from '../support/pod-templates.ts';
import { stack } from '../support/stack.ts';

const rendered = new Map<string, Manifests['all']>();
for (const variant of variants) rendered.set(variant, (await readManifests(variant)).all);
rendered.set('event authentication', await renderWith('event-authentication'));
rendered.set(
  'AppRoles',
  await renderWith('approle', 'vault-ca', 'event-authentication', 'approle-event-authentication'),
);
rendered.set('monitoring', await renderWith('../monitoring'));

const pods = [...rendered].flatMap(([variant, manifests]) =>
  podTemplatesIn(manifests).map((template) => [`${template.name} of ${variant}`, template] as const),
);

test('there are five on Knative, and two without it', () => {
  expect(
    podTemplatesIn(rendered.get('knative') ?? [])
      .map(({ name }) => name)
      .toSorted(),
  ).toEqual(['admission', 'dead-letters', 'renewal', 'replay', 'revocation']);
  const without = podTemplatesIn(rendered.get('knative/overlays/without-knative') ?? []);
  expect(without.map(({ name }) => name).toSorted()).toEqual(['admission', 'renewal']);
});

const create = (pod: object) =>
  stack.kubernetes.ask('POST', '/api/v1/namespaces/vault-injector/pods?dryRun=All', pod);

describe.each(pods)('%s', (_, template) => {
  const [container] = template.spec.containers;

  test('is taken where Pod Security is "restricted"', async () => {
    const { status, body } = await create(podOf(template));
    expect(status, body).toBe(201);
  });

  test('is not taken without its security contexts', async () => {
    const pod = podOf(template);
    const containers = pod.spec.containers.map((one) => ({ ...one, securityContext: {} }));
    const spec = { ...pod.spec, securityContext: {}, containers };
    const { status, body } = await create({ ...pod, spec });
    expect([status, body]).toEqual([403, expect.stringContaining('violates PodSecurity')]);
  });

  test('writes nothing, raises no rights, and has its memory limited', () => {
    expect(container.securityContext).toMatchObject({
      readOnlyRootFilesystem: true,
      allowPrivilegeEscalation: false,
      capabilities: { drop: ['ALL'] },
    });
    expect(container.resources.limits.memory).toMatch(/^\d+Mi$/);
    expect(template.spec.enableServiceLinks).toBe(false);
    expect(container.image).toBe('vault-db-injector:3.0.0');
  });

  test('has a service account of its own', () => {
    expect(template.spec.serviceAccountName).toBe(`vault-db-injector-${template.name}`);
  });
});

const parsers: Readonly<Record<string, (file: string, environment: Record<string, string>) => unknown>> = {
  admission: (file, environment) => parseConfig({ file, environment, process: 'admission' }),
  revocation: (file, environment) => parseConfig({ file, environment, process: 'revocation' }),
  renewal: (file, environment) => parseConfig({ file, environment, process: 'renewal' }),
  approle: (file, environment) => parseConfig({ file, environment, process: 'approle' }),
  'dead-letters': (file, environment) => parseDeadLetterConfig({ file, environment }),
  replay: (file, environment) => parseReplayConfig({ file, environment }),
};

const Configuration = v.object({ data: v.object({ 'config.yaml': v.string() }) });
const fileIn = (manifests: Manifests) =>
  v.parse(Configuration, manifests.find('ConfigMap', 'configuration')).data['config.yaml'];

describe('the configuration', () => {
  const startAll = (file: string, templates: readonly PodTemplate[]) =>
    templates.map((template) => parsers[template.name]?.(file, { ...environmentIn(template) }));

  test.each([...rendered.keys()])('of %s is one that each of its processes starts with', async (variant) => {
    const file = fileIn(await readManifests(variant.startsWith('knative') ? variant : 'knative'));
    const started = startAll(file, podTemplatesIn(rendered.get(variant) ?? []));
    expect(started.filter((config) => config === undefined)).toEqual([]);
    expect(started.length).toBeGreaterThanOrEqual(2);
  });

  test('of the example is one that each of its processes starts with', async () => {
    const example = await renderExample({ current: '0'.repeat(64) });
    expect(startAll(fileIn(example), podTemplatesIn(example.all))).toHaveLength(5);
  });

  test('has figures read at a port of their own, and pushed by the job, where they are monitored', () => {
    const environments = podTemplatesIn(rendered.get('monitoring') ?? []).map(
      (template) => [template.name, environmentIn(template)] as const,
    );
    const having = (key: string) => environments.filter(([, env]) => key in env).map(([name]) => name);
    expect(having('INJECTOR_METRICS_PORT').toSorted()).toEqual(['admission', 'dead-letters', 'revocation']);
    expect(having('INJECTOR_METRICS_PUSH_URL')).toEqual(['renewal']);
  });

  test.each([
    ['event authentication', ['dead-letters', 'revocation']],
    ['AppRoles', ['approle', 'dead-letters', 'revocation']],
  ])('asks for the senders of events in all sinks of %s, where they are to be known', (variant, names) => {
    const sinks = podTemplatesIn(rendered.get(variant) ?? []).filter(({ name }) => names.includes(name));
    expect(sinks.map((sink) => [sink.name, environmentIn(sink)['INJECTOR_EVENT_AUDIENCE']])).toEqual(
      names.map((name) => [name, `vault-db-injector-${name}`]),
    );
  });

  test('has the authority of Vault’s certificate in the approle function too', () => {
    const found = podTemplatesIn(rendered.get('AppRoles') ?? []).find(({ name }) => name === 'approle');
    expect(found && environmentIn(found)['INJECTOR_VAULT_CA_FILE']).toMatch(/ca\.crt$/);
  });
});

describe('the schedule of the renewal job', () => {
  const withSchedule = (schedule: string) => (kustomization: string) =>
    `${kustomization}\npatches:\n  - target: { kind: CronJob, name: renewal }\n    patch: |\n      - { op: replace, path: /spec/schedule, value: '${schedule}' }\n`;
  const secrets = { current: '0'.repeat(64) };

  async function intervalIn(manifests: Manifests) {
    const { schedule, env } = manifests.cronJob('renewal');
    expect(env['INJECTOR_SWEEP_SCHEDULE']).toBe(schedule);
    const config = parseConfig({ file: fileIn(manifests), environment: env, process: 'renewal' });
    return intervalOf(config, new Date());
  }

  test.each(variants)('is known to it in %s, and agrees with the configuration', async (variant) => {
    expect(await intervalIn(await readManifests(variant))).toEqual({ seconds: 300, fault: undefined });
  });

  test('is known to it where an overlay changes it, and so cannot disagree with the configuration unnoticed', async () => {
    const changed = await renderExample(secrets, withSchedule('0 * * * *'));
    expect(await intervalIn(changed)).toEqual({
      seconds: 3600,
      fault: expect.stringContaining('make them agree'),
    });
  });
});
