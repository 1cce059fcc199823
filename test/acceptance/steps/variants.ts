/** What an installation may have beside its defaults, by command. */
import { rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as v from 'valibot';
import { parse, stringify } from 'yaml';
import { NAMESPACE } from '../product.ts';
import { inSeconds, type Step } from '../step.ts';
import { apply, cli, kubectl, recordsIn, type World, waitFor } from '../world.ts';
import { available, deployment } from './application.ts';
import { setUpProduct } from './install.ts';
import { checkSteady } from './steady.ts';

/** Keys of the configuration on top of what is installed. */
async function configure(world: World, keys: Readonly<Record<string, unknown>>): Promise<void> {
  const file = join(tmpdir(), `${world.id}.yaml`);
  const map = await kubectl(world, 'get', 'configmap/configuration', NAMESPACE, '--output=json');
  const current: unknown = parse(v.parse(ConfigMap, JSON.parse(map)).data['config.yaml']);
  await writeFile(file, stringify({ ...v.parse(Keys, current), ...keys }));
  await cli(world, 'install', '--config', file).finally(() => rm(file));
}
const ConfigMap = v.object({ data: v.object({ 'config.yaml': v.string() }) });
const Keys = v.record(v.string(), v.unknown());

/** Two pods, until their users are there; then without them. @returns whom they logged in as. */
export async function comeAndGo(world: World, name: string): Promise<string[]> {
  const before = new Set(await recordsIn(world));
  await apply(world, deployment(world, { name, role: world.id, replicas: 2 }));
  await available(world, name, 120);
  const logs = await kubectl(world, 'logs', `--namespace=${world.id}`, `--selector=app=${name}`, '--tail=1');
  await kubectl(world, 'delete', `deployment/${name}`, `--namespace=${world.id}`, '--wait=false');
  const areGone = async () => (await recordsIn(world)).every((uuid) => before.has(uuid));
  await waitFor('the records of deleted pods are gone', areGone, 60_000);
  return logs.split('\n').filter((line) => line !== '');
}

/** Changes settings in Knative Eventing's ConfigMap of features. */
async function setFeatures(world: World, features: Readonly<Record<string, string>>): Promise<void> {
  const patch = `--patch=${JSON.stringify({ data: features })}`;
  await kubectl(
    world,
    'patch',
    'configmap/config-features',
    '--namespace=knative-eventing',
    '--type=merge',
    patch,
  );
}

export const projected: Step = {
  title: 'Vault is asked as the pods’ own service accounts (useProjectedSA), and no longer',
  isShort: false,
  async run(world) {
    const role = `auth/kubernetes/role/${world.id}`;
    const { data } = v.parse(Role, await world.vault.call('GET', role));
    await world.vault.call('POST', role, { ...data, token_period: 3_600 });
    await configure(world, { useProjectedSA: true });
    // Less than before: only once nobody needs the rest any more.
    await setUpProduct(world, { more: { USE_PROJECTED_SA: 'true' } });
    const users = await comeAndGo(world, 'projected');
    if (users.length !== 2 || users.some((user) => !user.startsWith('v-kubernet')))
      throw new Error(`users of logins by Kubernetes were expected: ${users.join(', ')}`);
    await setUpProduct(world);
    await configure(world, { useProjectedSA: false });
    await comeAndGo(world, 'as-before');
    return { logins: String(await checkSteady(world)) };
  },
};
const Role = v.object({ data: v.record(v.string(), v.unknown()) });

const FEATURES = ['authentication-oidc', 'new-apiserversource-filters'] as const;
const all = (value: string) => Object.fromEntries(FEATURES.map((name) => [name, value]));

export const features: Step = {
  title: 'Sender identity and source filters are used where they are switched on, and forged events refused',
  isShort: false,
  needsOwnCluster: true,
  async run(world) {
    await setFeatures(world, all('enabled'));
    try {
      const began = performance.now();
      const said = await cli(world, 'install');
      if (!/^Created: .*EventPolicy/m.test(said)) throw new Error(`sender identity is not used:\n${said}`);
      const took = performance.now() - began;
      const filters = await kubectl(
        world,
        'get',
        'apiserversources',
        'pods',
        NAMESPACE,
        '--output=jsonpath={.spec.filters}',
      );
      if (filters === '') throw new Error('the source has no filters');
      await comeAndGo(world, 'identified');
      return {
        installed: inSeconds(took),
        'forged event': await forgedEvent(world),
        logins: String(await checkSteady(world)),
      };
    } finally {
      await setFeatures(world, all('disabled'));
      await cli(world, 'install');
      await comeAndGo(world, 'unidentified');
    }
  },
};

/** A pod of an application says to the Broker that another one was deleted. @returns the Broker's answer. */
async function forgedEvent(world: World): Promise<string> {
  const broker = 'broker-ingress.knative-eventing.svc.cluster.local';
  const script = `exec 3<>/dev/tcp/${broker}/80
printf 'POST /vault-injector/pods HTTP/1.1\\r\\nHost: ${broker}\\r\\nce-specversion: 1.0\\r\\nce-type: dev.knative.apiserver.resource.delete\\r\\nce-source: x\\r\\nce-id: 1\\r\\ncontent-type: application/json\\r\\ncontent-length: 2\\r\\nconnection: close\\r\\n\\r\\n{}' >&3
head -n 1 <&3`;
  const answer = await kubectl(
    world,
    'exec',
    `--namespace=${world.id}`,
    'deployment/steady',
    '--',
    'bash',
    '-c',
    script,
  );
  if (!/ 40[13] /.test(answer)) throw new Error(`the Broker takes events of anybody: ${answer}`);
  return answer.trim();
}
