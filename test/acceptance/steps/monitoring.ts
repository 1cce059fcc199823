/** The monitoring component with a Prometheus in the cluster, which the Prometheus Operator has made. */
import * as v from 'valibot';
import { queries } from '../../../knative/monitoring/dashboard/rows.ts';
import { withVariables } from '../../stack/monitoring/variables.ts';
import { sweep } from '../product.ts';
import type { Step } from '../step.ts';
import { kubectl, type World, waitFor } from '../world.ts';
import { comeAndGo } from './variants.ts';

const PROMETHEUS = '/api/v1/namespaces/monitoring/pods/prometheus-main-0:9090/proxy/api/v1';
const JOBS = ['vault_db_injector_admission', 'vault_db_injector_revocation', 'vault_db_injector_renewal_0'];

/** Places of what has not happened here: a denial, a failure, a dead letter, a lease that is due or ends for good. */
const MAY_BE_EMPTY = /denied|failed|cannot be extended|Dead letters|Leases renewed/i;

const Answer = v.object({
  data: v.object({ result: v.array(v.object({ metric: v.record(v.string(), v.string()) })) }),
});
const Rules = v.object({
  data: v.object({
    groups: v.array(
      v.object({
        rules: v.array(v.object({ name: v.string(), health: v.string(), lastError: v.optional(v.string()) })),
      }),
    ),
  }),
});

async function query(world: World, expression: string): Promise<Record<string, string>[]> {
  const path = `${PROMETHEUS}/query?query=${encodeURIComponent(expression)}`;
  const { data } = v.parse(Answer, JSON.parse(await kubectl(world, 'get', '--raw', path)));
  return data.result.map(({ metric }) => metric);
}

/** Queries that Prometheus does not take, or with nothing to show in the last ten minutes. */
async function unanswered(world: World): Promise<string[]> {
  const empty: string[] = [];
  for (const { expr, place } of queries) {
    const inTime = `last_over_time((${withVariables(expr, '10m')})[10m:15s])`;
    if ((await query(world, inTime)).length === 0) empty.push(place);
  }
  return empty;
}

async function checkRules(world: World): Promise<number> {
  const answer = await kubectl(world, 'get', '--raw', `${PROMETHEUS}/rules`);
  const rules = v
    .parse(Rules, JSON.parse(answer))
    .data.groups.flatMap((group) => group.rules)
    .filter(({ name }) => name.startsWith('VaultInjector') || name.startsWith('vault_injector'));
  const ill = rules.filter(({ health }) => health !== 'ok');
  if (rules.length === 0 || ill.length > 0)
    throw new Error(`rules: ${JSON.stringify(rules.length === 0 ? 'none' : ill)}`);
  return rules.length;
}

export const monitoring: Step = {
  title:
    'Prometheus scrapes the functions that its operator has found, takes the rules, and answers the dashboard',
  isShort: false,
  needsOwnCluster: true,
  async run(world) {
    await comeAndGo(world, 'watched');
    await sweep(world);
    for (const job of JOBS)
      await waitFor(
        `Prometheus has figures of ${job}`,
        async () =>
          (await query(world, `last_over_time({job="${job}",__name__=~"vault_injector_.*"}[10m])`)).length >
          0,
        120_000,
      );
    const targets = await query(world, 'up{job=~"vault_db_injector_.*"} == 1');
    if (targets.length === 0) throw new Error('no target of the PodMonitor is up');
    const rules = await checkRules(world);
    const empty = await unanswered(world);
    const missing = empty.filter((place) => !MAY_BE_EMPTY.test(place));
    if (missing.length > 0) throw new Error(`the dashboard has nothing to show: ${missing.join('; ')}`);
    return {
      targets: String(targets.length),
      rules: String(rules),
      'queries answered': `${queries.length - empty.length} of ${queries.length}`,
      ...(empty.length > 0 && { 'nothing to show': empty.join('; ') }),
    };
  },
};
