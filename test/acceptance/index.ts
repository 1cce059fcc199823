/**
 * `npm run acceptance`: the product in a real cluster, by what a user has. Against any cluster that has its requirements
 * (`--kubeconfig`, Vault and PostgreSQL by the environment), or the project's own. Exits with 0 only if all held.
 */
import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { environment } from '../cluster/up.ts';
import { cleanUp } from './clean-up.ts';
import { openOwnCluster } from './own-cluster.ts';
import type { Figures, Step } from './step.ts';
import { burst, deleted, oneApplication, prepareApplication } from './steps/application.ts';
import { approle } from './steps/approle.ts';
import { notPullable, rotate, upgrade } from './steps/change.ts';
import { pods, walkthrough } from './steps/examples.ts';
import { killed, kubeletRestarted, rebooted, sealed } from './steps/faults.ts';
import { image } from './steps/image.ts';
import { install, running, setUpVault, uninstall } from './steps/install.ts';
import { keep } from './steps/keep.ts';
import { byManifests, withoutKnative } from './steps/manifests.ts';
import { monitoring } from './steps/monitoring.ts';
import { policies } from './steps/policies.ts';
import { failedRun, hungRun, schedule, suspended } from './steps/schedule.ts';
import { steady } from './steps/steady.ts';
import { stuckBesideOthers } from './steps/stuck.ts';
import { features, projected } from './steps/variants.ts';
import { record, versionsOf } from './versions.ts';
import { newId, vaultIn, type World } from './world.ts';

/** An overlay for the project's own cluster, and what is tried with it. */
const BY_MANIFESTS: readonly Step[] = [
  byManifests,
  walkthrough,
  pods,
  approle,
  steady,
  monitoring,
  schedule,
  failedRun,
  hungRun,
  suspended,
  keep,
  withoutKnative,
];

const STEPS: readonly Step[] = [
  // Installed by command.
  image,
  setUpVault,
  install,
  running,
  prepareApplication,
  oneApplication,
  deleted,
  stuckBesideOthers,
  burst(30, true),
  burst(100, false),
  steady,
  notPullable,
  upgrade,
  rotate,
  policies,
  projected,
  features,
  sealed,
  killed,
  kubeletRestarted,
  rebooted,
  keep,
  ...BY_MANIFESTS.map((step) => ({ ...step, needsOwnCluster: true as const })),
  // Installed by command again.
  { ...install, isShort: false },
  steady,
  uninstall,
];

const { values } = parseArgs({
  options: {
    kubeconfig: { type: 'string' },
    keep: { type: 'boolean', default: false },
    short: { type: 'boolean', default: false },
    /** A file for the numbers of steps that held and did not, as a test runner names them. */
    report: { type: 'string' },
    /** Writes the versions to docs/compatibility.md, where the whole suite has held. */
    record: { type: 'boolean', default: false },
  },
});

async function openWorld(): Promise<World> {
  const own = values.kubeconfig === undefined ? await openOwnCluster() : undefined;
  const given = Object.fromEntries(
    Object.entries(process.env).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
  const env: Record<string, string> = own
    ? { ...given, ...(await environment()), PATH: own.path }
    : { ...given, KUBECONFIG: values.kubeconfig ?? '' };
  return {
    env,
    id: newId(),
    vault: vaultIn(env),
    image: env['IMAGE'] ?? '',
    clientImage: own?.clientImage ?? env['CLIENT_IMAGE'] ?? 'postgres:18-alpine',
    own,
    isInstalled: false,
    undo: [],
  };
}

function canRun({ title, needsOwnCluster }: Step, { own }: World): boolean {
  const can = own !== undefined || !needsOwnCluster;
  if (!can) console.log(`- ${title}: only on the project's own cluster`);
  return can;
}

interface Result {
  readonly title: string;
  readonly seconds: number;
  readonly figures: Figures;
  readonly failure: string | undefined;
}

function withCauses(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause === undefined ? error.message : `${error.message}\n${withCauses(error.cause)}`;
}

/** Ends a step at Ctrl-C, so that the clean-up still runs; a second Ctrl-C ends the process. */
const interrupted = new Promise<never>((_, reject) => {
  process.once('SIGINT', () => {
    console.error('Removing what was made; press Ctrl-C again to stop at once.');
    reject(new Error('interrupted'));
  });
});
interrupted.catch(() => {});

async function runStep(step: Step, world: World): Promise<Result> {
  const began = performance.now();
  const seconds = () => (performance.now() - began) / 1_000;
  try {
    const figures = await Promise.race([step.run(world), interrupted]);
    return { title: step.title, seconds: seconds(), figures, failure: undefined };
  } catch (error) {
    return { title: step.title, seconds: seconds(), figures: {}, failure: withCauses(error) };
  }
}

function tell({ title, seconds, figures, failure }: Result): void {
  const told = Object.entries(figures).map(([name, value]) => `${name} ${value}`);
  console.log(
    `${failure === undefined ? '✔' : '✘'} ${title.padEnd(84)} ${seconds.toFixed(1).padStart(6)} s  ${told.join(', ')}`,
  );
  if (failure !== undefined) console.log(failure.replace(/^/gm, '    '));
}

/** @returns how many of them held. */
async function runAll(steps: readonly Step[], world: World): Promise<number> {
  let held = 0;
  for (const step of steps) {
    const result = await runStep(step, world);
    tell(result);
    // What comes after needs what was before.
    if (result.failure !== undefined) break;
    held += 1;
  }
  return held;
}

async function main(): Promise<number> {
  if (values.record && (values.short || values.kubeconfig !== undefined))
    throw new Error('--record is for the whole suite on the project’s own cluster');
  const world = await openWorld();
  const versions = await versionsOf(world);
  const steps = STEPS.filter(({ isShort }) => isShort || !values.short).filter((step) => canRun(step, world));
  const began = performance.now();
  const held = await runAll(steps, world);
  const leftBehind = values.keep ? [] : await cleanUp(world);
  for (const what of leftBehind) console.error(`Not removed: ${what}`);
  const took = ((performance.now() - began) / 1_000).toFixed(0);
  console.log(`\n${held} of ${steps.length} steps held, ${took} s`);
  for (const [product, version] of Object.entries(versions)) console.log(`  ${product} ${version}`);
  if (values.report !== undefined) {
    const numbers = { numPassedTests: held, numFailedTests: steps.length - held };
    await writeFile(values.report, JSON.stringify(numbers));
  }
  if (held < steps.length || leftBehind.length > 0) return 1;
  if (values.record) await record(versions, held);
  return 0;
}

// Node ends with 0 where nothing is left to wait for, whatever was not done.
process.exitCode = 1;
main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    process.exit(1);
  },
);
