/** `explain`: shows what would happen to the pods in a file. Nothing is created, in the cluster or in Vault. */
import * as v from 'valibot';
import type { Config } from '../../shared/config.ts';
import { keys } from '../../shared/config-keys.ts';
import type { Environment } from '../../shared/config-source.ts';
import { deadlineIn, monotonicClock } from '../../shared/deadline.ts';
import { InjectorError } from '../../shared/errors.ts';
import type { KubernetesClient } from '../../shared/kubernetes/api.ts';
import type { Authorization } from '../../shared/vault/authorization.ts';
import { connectTo } from '../cluster.ts';
import type { Caller } from '../command.ts';
import { formatted } from '../formatted.ts';
import { configFromFile } from '../installation.ts';
import { Misuse, Refusal } from '../refusal.ts';
import type { Terminal } from '../terminal.ts';
import { mustAnswer, openSession } from '../vault-session.ts';
import { type Access, accessOf } from './access.ts';
import type { ExplainOptions } from './command.ts';
import { type Explained, explain, leftOut, type PodOptions } from './explain.ts';
import { isLeftOut } from './left-out.ts';
import type { Manifests } from './manifests.ts';
import { linesOf, type Outlook, outlookOn, plainOf } from './report.ts';
import { readSources, type Source } from './sources.ts';

const ASK_WITHIN_MS = 5_000;

/** @returns the exit code. */
export async function explainFiles(
  files: readonly string[],
  options: ExplainOptions,
  { environment, terminal }: Caller,
): Promise<number> {
  const named = [...files, ...(options.filename ?? [])];
  if (named.length === 0) throw new Misuse('Say which file\nSee: npx vault-db-injector explain --help');
  const sources = await readSources(named, options.recursive === true, terminal);
  const explained = await look(sources, options, environment);
  if (options.output) terminal.say(formatted(options.output, plain(explained)));
  else for (const one of explained) show(one, terminal);
  const outlooks = explained.flatMap((one) => one.outlooks);
  const isAsked = options.offline || outlooks.every(({ access }) => access.every(isKnown));
  const isWell =
    outlooks.length > 0 &&
    explained.every(({ manifests }) => manifests.faults.length === 0) &&
    outlooks.every(({ outcome }) => outcome !== 'denied');
  return isWell && isAsked ? 0 : 1;
}

const isKnown = ({ verdict }: Access): boolean => verdict !== 'unknown';

interface ExplainedSource extends Source {
  readonly outlooks: readonly Outlook[];
}

async function look(
  sources: readonly Source[],
  options: ExplainOptions,
  environment: Environment,
): Promise<ExplainedSource[]> {
  const lookAll = (how: How) =>
    Promise.all(
      sources.map(async (source) => ({ ...source, outlooks: await lookAt(source.manifests, how) })),
    );
  if (options.offline) {
    const config = configFromFile(options, environment, 'admission');
    return lookAll({ ...(await settings(options, config)), whyNot: 'skipped (--offline)' });
  }
  const api = connectTo(options);
  try {
    return await openSession({ options, environment }, 'admission', async (session) => {
      const { authorization } = session.vault;
      const known = { ...(await settings(options, session.config, api)), api };
      const refused = await mustAnswer(session).then(() => undefined, asRefused);
      return lookAll(
        refused === undefined ? { ...known, authorization, whyNot: '' } : { ...known, whyNot: refused },
      );
    });
  } catch (error) {
    if (!(error instanceof InjectorError || error instanceof Refusal)) throw error;
    // The pod's own faults can be reported even without an installation.
    return lookAll({ ...(await settings(options, undefined, api)), whyNot: `not asked: ${error.message}` });
  }
}

function asRefused(error: unknown): string {
  if (error instanceof InjectorError) return `Vault could not be asked: ${error.message}`;
  throw error;
}

async function settings(
  { namespace }: ExplainOptions,
  known: Config | undefined,
  api?: KubernetesClient,
): Promise<PodOptions> {
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

interface How extends PodOptions {
  /** Absent if Vault is not asked: `whyNot` says why. */
  readonly authorization?: Authorization;
  readonly whyNot: string;
  readonly api?: KubernetesClient;
}

function lookAt({ pods }: Manifests, how: How): Promise<Outlook[]> {
  const { authorization, whyNot, api } = how;
  return Promise.all(
    pods.map(async (pod) => {
      const explained = explain(pod, how);
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

function show({ name, manifests, outlooks }: ExplainedSource, terminal: Terminal): void {
  const { faults, others } = manifests;
  for (const { line, message } of faults)
    terminal.say(`${terminal.paint('red', '✗')} ${name}:${line}: invalid YAML: ${message}`);
  for (const outlook of outlooks) for (const line of linesOf(name, outlook, terminal)) terminal.say(line);
  for (const { line, message } of others) terminal.say(`- ${name}:${line}: ${message}`);
  if (outlooks.length === 0 && faults.length === 0) terminal.say(`${name}: there is no pod in it`);
}

/** Everything names its file. */
function plain(explained: readonly ExplainedSource[]): object {
  const inFile = (pick: (one: ExplainedSource) => readonly object[]) =>
    explained.flatMap((one) => pick(one).map((found) => ({ file: one.name, ...found })));
  return {
    pods: inFile(({ outlooks }) => outlooks.map(plainOf)),
    others: inFile(({ manifests }) => manifests.others),
    faults: inFile(({ manifests }) => manifests.faults),
  };
}
