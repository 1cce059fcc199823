/** A database that hangs, and a mount that a policy has forgotten: deletions of other pods do not wait for them. */
import { setTimeout as sleep } from 'node:timers/promises';
import { inSeconds, type Step } from '../step.ts';
import { apply, kubectl, usersOf, type World, waitFor } from '../world.ts';
import { available, deployment, setUpRole } from './application.ts';
import { setUpProduct } from './install.ts';

/** Time from the deletion of five pods until the last one's user is dropped, including termination and event. */
const WITHIN_MS = 5_000;

async function prepare(world: World): Promise<number> {
  const { id, own } = world;
  if (!own) throw new Error('a database can be halted on the project’s own cluster only');
  const port = await own.startDatabase();
  const hung = `${id}-hung`;
  await setUpRole(world, hung, { port, database: ['--connection', hung] });
  // A mount that the revocation function's policy does not name.
  const forgotten = `${id}-forgotten`;
  await setUpRole(world, forgotten, {
    // An administrator of its own: setup would change the password of the other mount's.
    database: ['--connection', forgotten, '--administrator', `admin_${forgotten}`],
    mount: ['--mount', forgotten],
  });
  return port;
}

export const stuckBesideOthers: Step = {
  title: 'One database hangs, one mount is missing in the policy: other deletions do not wait',
  isShort: true,
  needsOwnCluster: true,
  async run(world) {
    const port = await prepare(world);
    const { id, own } = world;
    await apply(world, deployment(world, { name: 'hung', role: `${id}-hung`, replicas: 2, port }));
    await apply(
      world,
      deployment(world, { name: 'forgotten', role: `${id}-forgotten`, mount: `${id}-forgotten` }),
    );
    await apply(world, deployment(world, { name: 'good', role: id, replicas: 5 }));
    for (const name of ['hung', 'forgotten', 'good']) await available(world, name, 120);
    const remove = (name: string) =>
      kubectl(world, 'delete', `deployment/${name}`, `--namespace=${id}`, '--wait=false');
    if (!(await own?.halt('database', 'SIGSTOP'))) throw new Error('the second database is not there');
    try {
      await Promise.all([remove('hung'), remove('forgotten')]);
      await sleep(4_000);
      const before = (await usersOf(world)).length;
      const began = performance.now();
      await remove('good');
      await waitFor(
        'the others are dropped',
        async () => (await usersOf(world)).length <= before - 5,
        60_000,
      );
      const took = performance.now() - began;
      if (took > WITHIN_MS) throw new Error(`the others waited ${inSeconds(took)}`);
      return { 'others dropped': inSeconds(took) };
    } finally {
      await own?.halt('database', 'SIGCONT');
      // Does what an operator does after reading of it; the remaining user is revoked with the others.
      await setUpProduct(world, { mounts: ['databases', `${id}-forgotten`] });
      await own?.endDatabase();
    }
  },
};
