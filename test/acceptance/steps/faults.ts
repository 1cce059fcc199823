/** What dies in a cluster by itself: Vault is sealed, the platform's pods and the node go away and come back. */
import { setTimeout as sleep } from 'node:timers/promises';
import { sweep } from '../product.ts';
import { type Figures, inSeconds, type Step } from '../step.ts';
import { apply, kubectl, ownOf, recordsIn, type World, waitFor } from '../world.ts';
import { available, deployment } from './application.ts';
import { admittedAgain } from './probe.ts';
import { checkSteady, startSteady, userOfSteady } from './steady.ts';

const SHORTLY = { name: 'shortly', replicas: 2 } as const;

/** Two pods that are deleted while something is away. */
async function startShortly(world: World): Promise<void> {
  await apply(world, deployment(world, { ...SHORTLY, role: world.id }));
  await available(world, SHORTLY.name, 120);
}

const deleteShortly = (world: World) =>
  kubectl(world, 'delete', `deployment/${SHORTLY.name}`, `--namespace=${world.id}`, '--wait=false');

/** Only the application that logs in all the time has credentials in the end. */
const onlySteadyIsLeft = (world: World, withinMs: number) =>
  waitFor(
    'the users of deleted pods are dropped',
    async () => (await recordsIn(world)).length === 1,
    withinMs,
  );

export const sealed: Step = {
  title: 'Vault is sealed for half a minute: running pods do not notice, and no deletion is lost',
  isShort: false,
  needsOwnCluster: true,
  async run(world) {
    await startShortly(world);
    await world.vault.call('PUT', 'sys/seal', {});
    try {
      await deleteShortly(world);
      const said = await sweep(world).then(
        () => {
          throw new Error('a sweep went well without Vault');
        },
        (error: unknown) => String(error),
      );
      if (!/vault_(?:unavailable|unreachable|timeout)/.test(said))
        throw new Error(`the sweep does not name Vault:\n${said}`);
      await sleep(20_000);
    } finally {
      await ownOf(world).unseal();
    }
    const again = await admittedAgain(world, 'unsealed', 120_000);
    const dropped = await onlySteadyIsLeft(world, 240_000);
    await sweep(world);
    return {
      'admission again': inSeconds(again),
      dropped: inSeconds(dropped),
      logins: String(await checkSteady(world)),
    };
  },
};

/** Labels in Knative's own manifests. */
const COMPONENTS = [
  { name: 'admission', namespace: 'vault-injector', selector: 'serving.knative.dev/service=admission' },
  { name: 'activator', namespace: 'knative-serving', selector: 'app=activator' },
  { name: 'autoscaler', namespace: 'knative-serving', selector: 'app=autoscaler' },
  { name: 'gateway', namespace: 'kourier-system', selector: 'app=3scale-kourier-gateway' },
  { name: 'serving webhook', namespace: 'knative-serving', selector: 'app=webhook' },
  { name: 'event source', namespace: 'vault-injector', selector: 'eventing.knative.dev/sourceName=pods' },
  {
    name: 'broker',
    namespace: 'knative-eventing',
    selector: 'eventing.knative.dev/brokerRole in (ingress,filter)',
  },
  { name: 'channel', namespace: 'knative-eventing', selector: 'messaging.knative.dev/role=dispatcher' },
  { name: 'eventing webhook', namespace: 'knative-eventing', selector: 'app=eventing-webhook' },
] as const;

const HOW = ['--force', '--grace-period=0', '--wait=false'];

export const killed: Step = {
  title:
    'Pods of the function, of Serving and of Eventing are killed: admissions come back, and no deletion is lost',
  isShort: false,
  needsOwnCluster: true,
  async run(world) {
    const figures: Record<string, string> = {};
    for (const { name, namespace, selector } of COMPONENTS) {
      await startShortly(world);
      const said = await kubectl(
        world,
        'delete',
        'pods',
        `--namespace=${namespace}`,
        `--selector=${selector}`,
        ...HOW,
      );
      if (name !== 'admission' && !said.includes('deleted')) throw new Error(`${name} has no pod to kill`);
      await deleteShortly(world);
      const again = await admittedAgain(world, 'killed', 120_000);
      const dropped = await onlySteadyIsLeft(world, 20_000).catch(() => undefined);
      // An event that nobody was there to send or to keep is the sweep's.
      if (dropped === undefined) {
        await waitForGrace();
        await sweep(world);
        await onlySteadyIsLeft(world, 10_000);
      }
      figures[name] =
        `${inSeconds(again)}, dropped ${dropped === undefined ? 'by the sweep' : `in ${inSeconds(dropped)}`}`;
    }
    return { ...figures, logins: String(await checkSteady(world)) };
  },
};

/** A record is an orphan after this (gracePeriodSecond). */
const waitForGrace = () => sleep(125_000);

async function away(world: World, what: () => Promise<void>): Promise<Figures> {
  const user = await userOfSteady(world);
  await startShortly(world);
  await what();
  const again = await admittedAgain(world, 'back');
  await deleteShortly(world);
  await onlySteadyIsLeft(world, 240_000);
  await available(world, 'steady', 120);
  const now = await userOfSteady(world);
  if (now !== user) throw new Error(`the application was ${user} before, and is ${now}`);
  await sweep(world);
  return { 'admission again': inSeconds(again) };
}

export const kubeletRestarted: Step = {
  title: 'The kubelet is started again: nobody notices',
  isShort: false,
  needsOwnCluster: true,
  async run(world) {
    const figures = await away(world, () => ownOf(world).restartKubelet());
    return { ...figures, logins: String(await checkSteady(world)) };
  },
};

export const rebooted: Step = {
  title: 'The node is rebooted: pods come back with the credentials that they had',
  isShort: false,
  needsOwnCluster: true,
  async run(world) {
    const figures = await away(world, () => ownOf(world).reboot());
    // Its containers were started again: what follows counts from here.
    await kubectl(world, 'delete', 'deployment/steady', `--namespace=${world.id}`);
    await startSteady(world);
    return figures;
  },
};
