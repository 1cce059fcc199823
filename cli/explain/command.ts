/** `explain`: shows what would happen to the pods in a file. Nothing is created, in the cluster or in Vault. */
import { readFile } from 'node:fs/promises';
import * as v from 'valibot';
import type { Config } from '../../shared/config.ts';
import { keys } from '../../shared/config-keys.ts';
import type { Environment } from '../../shared/config-source.ts';
import { deadlineIn, monotonicClock } from '../../shared/deadline.ts';
import { InjectorError } from '../../shared/errors.ts';
import { createKubernetesApi, type KubernetesClient } from '../../shared/kubernetes/api.ts';
import type { Authorization } from '../../shared/vault/authorization.ts';
import type { Command } from '../command.ts';
import { configFromFile, INSTALLATION_OPTIONS, INSTALLATION_USAGE } from '../installation.ts';
import { flagOption, readCommandLine, textOption } from '../options.ts';
import { Misuse, Refusal } from '../refusal.ts';
import type { Terminal } from '../terminal.ts';
import { mustAnswer, openSession } from '../vault-session.ts';
import { accessOf } from './access.ts';
import { type Explained, type ExplainOptions, explain, leftOut } from './explain.ts';
import { isLeftOut } from './left-out.ts';
import { type Manifests, readManifests } from './manifests.ts';
import { linesOf, type Outlook, outlookOn, plainOf } from './report.ts';

const NAME = 'npx vault-db-injector explain';
const usage = `${NAME} FILE [options]

  FILE                 manifests of pods or workloads (Deployment, StatefulSet, DaemonSet, ReplicaSet, Job, CronJob,
                       Knative Service); may contain several documents; - reads standard input
  --namespace NS       namespace of pods that name none (default: that of the kubeconfig's context)
  --offline            ask neither cluster nor Vault
  --json               output for programs
${INSTALLATION_USAGE}

Nothing is changed. Exit code: 0 if no pod would be denied, as far as could be checked; 1 if one would; 2 if the command line
is invalid. Queries Vault as the admission function; you need \`create\` on \`serviceaccounts/token\`.`;

const ENTRIES = { namespace: textOption, offline: flagOption, json: flagOption, ...INSTALLATION_OPTIONS };
const ASK_WITHIN_MS = 5_000;
type Options = ReturnType<typeof readCommandLine<typeof ENTRIES>>['options'];

export const explainCommand: Command = {
  usage,
  async run(args, environment, terminal) {
    const { options, words } = readCommandLine(NAME, ENTRIES, args, 1);
    const [file] = words;
    if (file === undefined) throw new Misuse(`Say which file: ${NAME} FILE\nSee: ${NAME} --help`);
    const manifests = readManifests(file === '-' ? await terminal.readInput() : await readText(file));
    const outlooks = await look(manifests, options, environment);
    if (options.json) showPlain(manifests, outlooks, terminal);
    else show(file === '-' ? 'stdin' : file, manifests, outlooks, terminal);
    const isWell =
      outlooks.length > 0 &&
      manifests.faults.length === 0 &&
      outlooks.every(({ outcome }) => outcome !== 'denied');
    return isWell ? 0 : 1;
  },
};

async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
    throw new Refusal(`the file ${file} cannot be read (${code})`);
  }
}

async function look(manifests: Manifests, options: Options, environment: Environment): Promise<Outlook[]> {
  if (options.offline) {
    const config = configFromFile(options, environment, 'admission');
    return lookAt(manifests, await settings(options, config), undefined, 'skipped (--offline)');
  }
  const api = createKubernetesApi(undefined, options.context);
  try {
    return await openSession({ api, options, environment }, 'admission', async ({ vault, config }) => {
      const { authorization } = vault;
      const known = await settings(options, config, api);
      const refused = await mustAnswer(vault).then(() => undefined, asRefused);
      return lookAt(manifests, known, refused === undefined ? authorization : undefined, refused ?? '', api);
    });
  } catch (error) {
    if (!(error instanceof InjectorError || error instanceof Refusal)) throw error;
    // The pod's own faults can be reported even without an installation.
    return lookAt(
      manifests,
      await settings(options, undefined, api),
      undefined,
      `not asked: ${error.message}`,
    );
  }
}

function asRefused(error: unknown): string {
  if (error instanceof InjectorError) return `Vault could not be asked: ${error.message}`;
  throw error;
}

async function settings(
  { namespace }: Options,
  known: Config | undefined,
  api?: KubernetesClient,
): Promise<ExplainOptions> {
  const own = async () => api?.namespace().catch(() => undefined);
  return {
    injectorLabel: known?.injectorLabel ?? v.getDefault(keys.injectorLabel),
    podDefaults: known?.podDefaults ?? {
      engine: v.getDefault(keys.defaultEngine),
      delivery: v.getDefault(keys.delivery),
      podsMayChooseDelivery: v.getDefault(keys.podsMayChooseDelivery),
    },
    namespace: namespace ?? (await own()) ?? 'default',
  };
}

function lookAt(
  { pods }: Manifests,
  options: ExplainOptions,
  authorization: Authorization | undefined,
  whyNot: string,
  api?: KubernetesClient,
): Promise<Outlook[]> {
  return Promise.all(
    pods.map(async (pod) => {
      const explained = explain(pod, options);
      const asked = explained.isOurs && api ? await whereItIsAsked(explained, api) : explained;
      return outlookOn(asked, await accessOf(asked, authorization, whyNot));
    }),
  );
}

async function whereItIsAsked(explained: Explained, api: KubernetesClient): Promise<Explained> {
  using deadline = deadlineIn(ASK_WITHIN_MS, monotonicClock);
  const isOut = await isLeftOut(explained.namespace, api, deadline);
  return isOut ? leftOut(explained) : explained;
}

function show(
  file: string,
  { faults, others }: Manifests,
  outlooks: readonly Outlook[],
  terminal: Terminal,
): void {
  for (const { line, message } of faults)
    terminal.say(`${terminal.paint('red', '✗')} ${file}:${line}: invalid YAML: ${message}`);
  for (const outlook of outlooks) for (const line of linesOf(file, outlook, terminal)) terminal.say(line);
  for (const { line, message } of others) terminal.say(`- ${file}:${line}: ${message}`);
  if (outlooks.length === 0 && faults.length === 0) terminal.say(`${file}: there is no pod in it`);
}

function showPlain({ faults, others }: Manifests, outlooks: readonly Outlook[], { say }: Terminal): void {
  say(JSON.stringify({ pods: outlooks.map(plainOf), others, faults }, null, 2));
}
