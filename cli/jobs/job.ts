/** Runs a CronJob's Job by hand. */
import { setTimeout as sleep } from 'node:timers/promises';
import * as v from 'valibot';
import { isMet, Reported } from '../conditions.ts';
import type { Kubectl } from '../kubectl.ts';
import { NAMESPACE } from '../objects.ts';
import { Refusal } from '../refusal.ts';

export interface JobOptions {
  readonly withinMs: number;
  /** Shows what is waited for. */
  readonly progress: (what: string) => void;
  /** Arguments appended to the CronJob's. */
  readonly args?: readonly string[];
  readonly activeDeadlineSeconds?: number;
  /** Environment variables added to the CronJob's. */
  readonly env?: Readonly<Record<string, string>>;
}

export interface FinishedJob {
  readonly name: string;
  readonly succeeded: boolean;
  /** The log; empty if the cluster no longer has it. */
  readonly log: string;
}

const Container = v.looseObject({
  args: v.optional(v.array(v.string()), []),
  env: v.optional(v.array(v.looseObject({ name: v.string() })), []),
});
const CronJob = v.object({
  spec: v.object({
    jobTemplate: v.object({
      spec: v.looseObject({
        template: v.looseObject({ spec: v.looseObject({ containers: v.tuple([Container]) }) }),
      }),
    }),
  }),
});
const POLL_MS = 1_000;
// Not counted in the CronJob's history.
const KEPT_SECONDS = 86_400;

/** @throws Refusal if it cannot be created, or has not ended in time. */
export async function runJobOf(cronJob: string, kubectl: Kubectl, options: JobOptions): Promise<FinishedJob> {
  const found = await kubectl.json(['get', 'cronjob', cronJob, `--namespace=${NAMESPACE}`]);
  const name = `${cronJob}-${Date.now().toString(36)}`;
  await kubectl.text(['create', '--filename=-'], JSON.stringify(jobOf(found, cronJob, name, options)));
  const succeeded = await untilFinished(name, kubectl, options);
  // The Job has ended: a missing pod will not appear any more.
  const logs = ['logs', `job/${name}`, `--namespace=${NAMESPACE}`, '--pod-running-timeout=1s'];
  const { stdout } = await kubectl.run(logs);
  return { name, succeeded, log: stdout.trimEnd() };
}

/** Left without an owner: the CronJob's controller warns (UnexpectedJob) about Jobs that it owns and did not create. */
function jobOf(found: unknown, cronJob: string, name: string, options: JobOptions): object {
  const { spec } = v.parse(CronJob, found).spec.jobTemplate;
  const [container] = spec.template.spec.containers;
  const given = Object.entries(options.env ?? {}).map(([key, value]) => ({ name: key, value }));
  const env = [...container.env.filter((one) => given.every((own) => own.name !== one.name)), ...given];
  const containers = [{ ...container, args: [...container.args, ...(options.args ?? [])], env }];
  const { activeDeadlineSeconds } = options;
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: {
      name,
      namespace: NAMESPACE,
      labels: { 'app.kubernetes.io/part-of': 'vault-db-injector' },
      annotations: {
        'cronjob.kubernetes.io/instantiate': 'manual',
        'vault-db-injector.numberly.io/from': cronJob,
      },
    },
    spec: {
      ttlSecondsAfterFinished: KEPT_SECONDS,
      ...spec,
      ...(activeDeadlineSeconds && { activeDeadlineSeconds }),
      template: { ...spec.template, spec: { ...spec.template.spec, containers } },
    },
  };
}

async function untilFinished(
  name: string,
  kubectl: Kubectl,
  { withinMs, progress }: JobOptions,
): Promise<boolean> {
  const began = performance.now();
  for (;;) {
    const job = v.parse(Reported, await kubectl.json(['get', 'job', name, `--namespace=${NAMESPACE}`]));
    if (isMet(job, 'Complete')) return true;
    if (isMet(job, 'Failed')) return false;
    const seconds = Math.round((performance.now() - began) / 1_000);
    progress(`waiting for the Job ${name}: ${seconds} s …`);
    if (performance.now() - began > withinMs) {
      throw new Refusal(
        `the Job ${name} has not ended after ${withinMs / 1_000} s. See: kubectl --namespace ${NAMESPACE} describe job ${name}`,
      );
    }
    await sleep(POLL_MS);
  }
}
