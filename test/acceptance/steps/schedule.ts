/** The renewal job as its CronJob runs it. */
import { setTimeout as sleep } from 'node:timers/promises';
import * as v from 'valibot';
import { NAMESPACE } from '../product.ts';
import type { Step } from '../step.ts';
import { kubectl, ownOf, type World, waitFor } from '../world.ts';
import { checkSteady } from './steady.ts';

const Job = v.object({
  metadata: v.object({ name: v.string(), uid: v.string() }),
  status: v.object({
    active: v.optional(v.number(), 0),
    conditions: v.optional(v.array(v.object({ type: v.string(), reason: v.optional(v.string(), '') })), []),
  }),
});
type Job = v.InferOutput<typeof Job>;
const Jobs = v.object({ items: v.array(Job) });

/** The CronJob's Jobs, which a person's are not. */
async function ofSchedule(world: World): Promise<Job[]> {
  const answer = await kubectl(world, 'get', 'jobs', NAMESPACE, '--output=json');
  const { items } = v.parse(Jobs, JSON.parse(answer));
  return items.filter(({ metadata }) => /^renewal-\d+$/.test(metadata.name));
}
const succeeded = ({ status }: Job) => status.conditions.some(({ type }) => type === 'Complete');
const hasEnded = (job: Job) => succeeded(job) || hasFailed(job);
const hasFailed = (job: Job) => failedWith(job) !== undefined;
const failedWith = ({ status }: Job) => status.conditions.find(({ type }) => type === 'Failed')?.reason;

async function nextJob(
  world: World,
  what: string,
  isIt: (job: Job) => boolean,
  onLook: () => Promise<void> = async () => {},
  withinMs = 200_000,
): Promise<Job> {
  const known = new Set((await ofSchedule(world)).filter(hasEnded).map(({ metadata }) => metadata.uid));
  const found: Job[] = [];
  const look = async () => {
    await onLook();
    found.push(...(await ofSchedule(world)).filter((job) => !known.has(job.metadata.uid) && isIt(job)));
    return found.length > 0;
  };
  await waitFor(what, look, withinMs);
  const [job] = found;
  if (!job) throw new Error(what);
  return job;
}

const suspend = (world: World, isSuspended: boolean) =>
  kubectl(
    world,
    'patch',
    'cronjob/renewal',
    NAMESPACE,
    '--type=merge',
    `--patch=${JSON.stringify({ spec: { suspend: isSuspended } })}`,
  );

const Secrets = v.object({
  items: v.array(
    v.object({
      metadata: v.object({
        ownerReferences: v.optional(v.array(v.object({ kind: v.string(), uid: v.string() })), []),
      }),
    }),
  ),
});

export const schedule: Step = {
  title: 'The CronJob keeps its own time: each run ends, Secrets get their pods as owners, finished Jobs go',
  isShort: false,
  async run(world) {
    await nextJob(world, 'a run of the schedule succeeds', succeeded);
    const uid = (
      await kubectl(
        world,
        'get',
        'pods',
        `--namespace=${world.id}`,
        '--selector=app=steady',
        '--output=jsonpath={.items[0].metadata.uid}',
      )
    ).trim();
    const selector = '--selector=vault-db-injector.numberly.io/credentials=true';
    const answer = await kubectl(
      world,
      'get',
      'secrets',
      `--namespace=${world.id}`,
      selector,
      '--output=json',
    );
    const owners = v
      .parse(Secrets, JSON.parse(answer))
      .items.flatMap(({ metadata }) => metadata.ownerReferences);
    if (!owners.some((owner) => owner.kind === 'Pod' && owner.uid === uid))
      throw new Error(`the Secret's owner: ${JSON.stringify(owners)}`);
    await nextJob(world, 'a second one succeeds', succeeded);
    await nextJob(world, 'a third one succeeds', succeeded);
    const kept = async () => (await ofSchedule(world)).filter(succeeded).length;
    await waitFor('one finished Job is kept', async () => (await kept()) === 1, 30_000);
    return { 'finished Jobs kept': String(await kept()), logins: String(await checkSteady(world)) };
  },
};

/** @returns the most that ran at once, and the Job that ended so. */
async function watchUntil(world: World, what: string, isIt: (job: Job) => boolean) {
  let most = 0;
  const job = await nextJob(
    world,
    what,
    isIt,
    async () => {
      const active = (await ofSchedule(world)).filter(({ status }) => status.active > 0).length;
      most = Math.max(most, active);
    },
    300_000,
  );
  return { most, job };
}

export const failedRun: Step = {
  title: 'A run without Vault fails by itself, and the next one makes up for it',
  isShort: false,
  needsOwnCluster: true,
  async run(world) {
    const own = ownOf(world);
    await own.halt('vault', 'SIGSTOP');
    let ended: Job;
    try {
      ended = await nextJob(world, 'a run without Vault fails', hasFailed);
    } finally {
      await own.halt('vault', 'SIGCONT');
    }
    await nextJob(world, 'the next one succeeds', succeeded);
    return { 'ended as': failedWith(ended) ?? '', logins: String(await checkSteady(world)) };
  },
};

export const hungRun: Step = {
  title: 'A run that hangs is ended by its deadline, and no other one begins beside it',
  isShort: false,
  needsOwnCluster: true,
  async run(world) {
    const own = ownOf(world);
    // While Vault does not answer, a run lives long enough to be met.
    await own.halt('vault', 'SIGSTOP');
    try {
      await waitFor('a run is there', () => own.halt('sweep', 'SIGSTOP'), 120_000);
    } finally {
      await own.halt('vault', 'SIGCONT');
    }
    const { most, job } = await watchUntil(world, 'the run that hangs is ended', hasFailed);
    if (most !== 1) throw new Error(`${most} runs at once`);
    await nextJob(world, 'the next one succeeds', succeeded);
    return { 'ended as': failedWith(job) ?? '', logins: String(await checkSteady(world)) };
  },
};

export const suspended: Step = {
  title: 'While the CronJob is suspended nothing runs, and nobody loses a credential',
  isShort: false,
  async run(world) {
    await suspend(world, true);
    const before = new Set((await ofSchedule(world)).map(({ metadata }) => metadata.uid));
    await sleep(130_000);
    const meanwhile = (await ofSchedule(world)).filter(({ metadata }) => !before.has(metadata.uid));
    await suspend(world, false);
    if (meanwhile.length > 0) throw new Error('a suspended CronJob has run');
    await nextJob(world, 'a run after the suspension succeeds', succeeded);
    return { logins: String(await checkSteady(world)) };
  },
};
