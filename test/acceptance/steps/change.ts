/** Changes of a running installation: none of them may cost an application a login, or a pod its admission. */
import { setTimeout as sleep } from 'node:timers/promises';
import { imagesOf, sweep } from '../product.ts';
import { inSeconds, type Step } from '../step.ts';
import { cli, type World } from '../world.ts';
import { admitted } from './probe.ts';
import { checkSteady } from './steady.ts';

async function imagesAreAll(world: World, image: string): Promise<void> {
  const others = [...(await imagesOf(world))].filter(([, its]) => its !== image);
  if (others.length > 0)
    throw new Error(`${image} was expected: ${others.map(([part, its]) => `${part} has ${its}`).join(', ')}`);
}

export const notPullable: Step = {
  title: 'An image that cannot be pulled is refused, and renewals go on with the old one',
  isShort: false,
  async run(world) {
    const began = performance.now();
    const bad = `${world.image.replace(/(?:@.*|:[^:/]+)$/, '')}:not-there`;
    const said = await cli(world, 'install', '--image', bad, '--timeout', '120').then(
      () => {
        throw new Error('an image that is not there was installed');
      },
      (error: unknown) => (error instanceof Error ? error.message : String(error)),
    );
    // The command itself contains it and is left out.
    if (
      !said
        .split('\n')
        .slice(1)
        .some((line) => line.includes('not-there'))
    )
      throw new Error(`its message does not name the image:\n${said}`);
    const refused = performance.now() - began;
    const jobs = [...(await imagesOf(world))].filter(([part]) => part.startsWith('CronJob/'));
    if (jobs.length === 0 || jobs.some(([, image]) => image !== world.image))
      throw new Error(`jobs have it already: ${JSON.stringify(jobs)}`);
    await sweep(world);
    // The previous revision keeps admitting pods.
    await admitted(world, 'beside-a-bad-image');
    await cli(world, 'install', '--image', world.image);
    await imagesAreAll(world, world.image);
    return { 'refused after': inSeconds(refused), logins: String(await checkSteady(world)) };
  },
};

export const upgrade: Step = {
  title: 'It is upgraded to another image, without a login that fails',
  isShort: false,
  async run(world) {
    if (!world.own) throw new Error('a second image is built on the project’s own cluster only');
    const next = await world.own.buildImage('3.0.1');
    const began = performance.now();
    await cli(world, 'upgrade', '--image', next);
    const took = performance.now() - began;
    world.image = next;
    await imagesAreAll(world, next);
    await sweep(world);
    await admitted(world, 'after-an-upgrade');
    return { upgraded: inSeconds(took), logins: String(await checkSteady(world)) };
  },
  needsOwnCluster: true,
};

export const rotate: Step = {
  title: 'The webhook’s path is changed while pods are created: none is refused',
  isShort: false,
  async run(world) {
    let isRotating = true;
    const rotation = cli(world, 'rotate', '--settle', '20').finally(() => {
      isRotating = false;
    });
    // Awaited below; without this a failure meanwhile would end the process.
    rotation.catch(() => {});
    const began = performance.now();
    let created = 0;
    while (isRotating) {
      await admitted(world, `rotating-${created}`);
      created += 1;
      await sleep(250);
    }
    await rotation;
    await admitted(world, 'after-the-rotation');
    return {
      rotated: inSeconds(performance.now() - began),
      admitted: String(created + 1),
      logins: String(await checkSteady(world)),
    };
  },
};
