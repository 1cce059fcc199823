/** `migrate ledger`: from `tokenReference: token` to `accessor`, for existing grants. */
import { deadlineIn, monotonicClock } from '../../shared/deadline.ts';
import { createKubernetesApi } from '../../shared/kubernetes/api.ts';
import { clusterIdIfKnown } from '../../shared/kubernetes/cluster.ts';
import type { Command } from '../command.ts';
import { examplePath, lacking, vaultNeeds } from '../doctor/vault-needs.ts';
import { INSTALLATION_OPTIONS, INSTALLATION_USAGE } from '../installation.ts';
import { flagOption, readCommandLine } from '../options.ts';
import { Misuse, Refusal } from '../refusal.ts';
import type { Terminal } from '../terminal.ts';
import { mustAnswer, openSession, type VaultSession } from '../vault-session.ts';
import { lookUpAll, type MigrationParts, rewriteAll, type Survey, surveyLedger } from './ledger.ts';
import { tellOutcomes, tellSurvey } from './report.ts';

const NAME = 'npx vault-db-injector migrate ledger';
const usage = `${NAME} [options]

  --dry-run            print what would be done; nothing is written
  --yes                do not ask for confirmation; required without a terminal
  --go-injector-gone   confirm that the Go injector no longer runs, if its grants are in the ledger
${INSTALLATION_USAGE}

Run it after setting "tokenReference: accessor": in existing records, accessors replace the tokens, in all versions, so
that the ledger contains no usable credential. Pods are not affected. It can be interrupted and run again; sweeps and
events continue meanwhile. The Go injector cannot use such records, and its renewer would remove the accessors.
Exit code: 0 if no live token is left; 1 if some are, or nothing was done. Runs as the renewal job; you need \`create\` on
\`serviceaccounts/token\`.`;

const WITHIN_MS = 30_000;
const ENTRIES = {
  'dry-run': flagOption,
  yes: flagOption,
  'go-injector-gone': flagOption,
  ...INSTALLATION_OPTIONS,
};

export const migrateCommand: Command = {
  usage,
  async run(args, environment, terminal) {
    const { options, words } = readCommandLine(NAME, ENTRIES, args, 1);
    if (words[0] !== 'ledger')
      throw new Misuse(`Name what to migrate: ${NAME}\nSee: npx vault-db-injector migrate --help`);
    const api = createKubernetesApi(undefined, options.context);
    return openSession({ api, options, environment }, 'renewal', async (session) => {
      const { vault, config } = session;
      await mustAnswer(vault);
      if (!options['dry-run']) await mustBeReady(session);
      const newDeadline = () => deadlineIn(WITHIN_MS, monotonicClock);
      const clusterId = await clusterIdIfKnown(config.clusterId, api, newDeadline());
      const parts = { ...vault, clusterId, newDeadline, onProgress: terminal.progress };
      return migrate(options, parts, terminal);
    });
  },
};

interface Answers {
  readonly 'dry-run': boolean;
  readonly yes: boolean;
  readonly 'go-injector-gone': boolean;
}

async function migrate(answers: Answers, parts: MigrationParts, terminal: Terminal): Promise<number> {
  const survey = await surveyLedger(parts);
  tellSurvey(survey, terminal);
  const { withToken, unreadable } = survey;
  if (withToken.length === 0) return unreadable.length === 0 ? 0 : 1;
  if (answers['dry-run'])
    return tellOutcomes(await lookUpAll(withToken, parts), 'would be rewritten', terminal);
  if (!answers['go-injector-gone']) mustBeAlone(survey);
  if (!answers.yes) await confirm(survey, terminal);
  const code = tellOutcomes(await rewriteAll(withToken, parts), 'rewritten', terminal);
  return unreadable.length === 0 ? code : 1;
}

/** @throws Refusal if records with accessors could not be renewed, or tokens would still be written. */
async function mustBeReady({ vault, config }: VaultSession): Promise<void> {
  if (config.tokenReference !== 'accessor')
    throw new Refusal(
      'nothing was rewritten: the configuration says "tokenReference: token", so new grants would still store their tokens in the ledger; set "tokenReference: accessor" first',
    );
  const needed = vaultNeeds('renewal', { ...config.vault, ...config });
  const deadline = deadlineIn(WITHIN_MS, monotonicClock);
  const held = await vault.inspection.capabilities(needed.map(examplePath), { deadline, vaultCalls: 0 });
  const missing = lacking(needed, held);
  if (missing.length > 0)
    throw new Refusal(
      `nothing was rewritten: Vault does not allow the renewal job ${missing.join('; ')}, which such records need; for the command that updates its policies, run npx vault-db-injector doctor`,
    );
}

/** @throws Refusal if there are traces of a Go injector that may still be running. */
function mustBeAlone({ ofGoInjector, strippedByGoInjector }: Survey): void {
  if (ofGoInjector + strippedByGoInjector === 0) return;
  throw new Refusal(
    `nothing was rewritten: the Go injector has made ${ofGoInjector} of these records and rewritten ${strippedByGoInjector}. If its injector, renewer and revoker no longer run (docs/migrate.md, step 7), confirm with --go-injector-gone; if they do, they need the tokens`,
  );
}

async function confirm({ withToken }: Survey, terminal: Terminal): Promise<void> {
  const answer = terminal.confirm(
    `Rewrite ${withToken.length === 1 ? 'this record' : `these ${withToken.length} records`}? No Go injector may read this ledger from then on.`,
  );
  if (answer === undefined)
    throw new Refusal('nothing was rewritten: there is no terminal to ask on; to confirm, add --yes');
  if (!(await answer)) throw new Refusal('nothing was rewritten');
}
