/** Removal that keeps what lives. */
import { sweep } from '../product.ts';
import { inSeconds, type Step } from '../step.ts';
import { cli, kubectl, recordsIn, type World } from '../world.ts';
import { checkSteady, endSteady } from './steady.ts';

const remove = (world: World) => cli(world, 'uninstall', '--credentials', 'keep', '--settle', '5');

const KINDS =
  'namespaces,mutatingwebhookconfigurations,validatingadmissionpolicies,validatingadmissionpolicybindings,clusterroles,clusterrolebindings';

/** @throws where anything of the product is still there. */
export async function nothingIsLeft(world: World): Promise<void> {
  const selector = '--selector=app.kubernetes.io/part-of=vault-db-injector';
  const left = await kubectl(world, 'get', KINDS, selector, '--output=name');
  if (left.trim() !== '') throw new Error(`these are left: ${left}`);
}

export const keep: Step = {
  title:
    'It is removed, and what a live pod has is kept: renewed, revoked with the pod, and then all is gone',
  isShort: false,
  async run(world) {
    await remove(world);
    const webhooks = await kubectl(world, 'get', 'mutatingwebhookconfigurations', '--output=name');
    if (webhooks.includes('vault-db-injector')) throw new Error('the webhook is still there');
    await sweep(world);
    const logins = await checkSteady(world);
    const dropped = await endSteady(world);
    await remove(world);
    world.isInstalled = false;
    await nothingIsLeft(world);
    const records = await recordsIn(world);
    if (records.length > 0) throw new Error(`${records.length} records are left`);
    return { logins: String(logins), dropped: inSeconds(dropped) };
  },
};
