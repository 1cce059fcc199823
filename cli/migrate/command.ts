/** `migrate ledger`: from `tokenReference: token` to `accessor`, for the grants that there are. */
import { deadlineIn, monotonicClock } from '../../shared/deadline.ts';
import { createKubernetesApi } from '../../shared/kubernetes/api.ts';
import { readClusterUid } from '../../shared/kubernetes/cluster.ts';
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

  --dry-run            say what would be done; nothing is written
  --yes                do not ask; where there is no terminal to ask at, it is refused without
  --go-injector-gone   that the Go injector does not run any more, where its grants are in the ledger
${INSTALLATION_USAGE}

After "tokenReference: accessor": the records of before get their tokens' accessors in the tokens' place, in all versions, so
that nothing in the ledger is accepted by Vault. Pods notice nothing. It may be ended anywhere, and run again; sweeps and
events go on meanwhile. The Go injector cannot use such records, and its renewer would take the accessors away.
Exit code: 0 no token that lives is left; 1 some are, or nothing was done. Asked as the renewal job, so by whoever may create
tokens of its service account.`;

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
      throw new Misuse(`Say what to migrate: ${NAME}\nWhat there is: npx vault-db-injector migrate --help`);
    const api = createKubernetesApi(undefined, options.context);
    return openSession({ api, options, environment }, 'renewal', async (session) => {
      const { vault, config } = session;
      await mustAnswer(vault);
      if (!options['dry-run']) await mustBeReady(session);
      const newDeadline = () => deadlineIn(WITHIN_MS, monotonicClock);
      const clusterId = config.clusterId ?? (await readClusterUid(api, newDeadline()).catch(() => undefined));
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

/** @throws Refusal where records with accessors could not be kept alive, or tokens would go on being written. */
async function mustBeReady({ vault, config }: VaultSession): Promise<void> {
  if (config.tokenReference !== 'accessor')
    throw new Refusal(
      'nothing was rewritten: the configuration says "tokenReference: token", so new grants would go on having their tokens in the ledger; set "tokenReference: accessor" first',
    );
  const needed = vaultNeeds('renewal', { ...config.vault, ...config });
  const deadline = deadlineIn(WITHIN_MS, monotonicClock);
  const held = await vault.inspection.capabilities(needed.map(examplePath), { deadline, vaultCalls: 0 });
  const missing = lacking(needed, held);
  if (missing.length > 0)
    throw new Refusal(
      `nothing was rewritten: Vault does not allow the renewal job ${missing.join('; ')}, which such records need; the command that writes its policies anew: npx vault-db-injector doctor`,
    );
}

/** @throws Refusal where the Go injector has left something by which it may still be there. */
function mustBeAlone({ ofGoInjector, strippedByGoInjector }: Survey): void {
  if (ofGoInjector + strippedByGoInjector === 0) return;
  throw new Refusal(
    `nothing was rewritten: the Go injector has made ${ofGoInjector} of these records and rewritten ${strippedByGoInjector}. If its injector, renewer and revoker do not run any more (docs/migrate.md, step 7), say so with --go-injector-gone; if they do, they need the tokens`,
  );
}

async function confirm({ withToken }: Survey, terminal: Terminal): Promise<void> {
  const answer = terminal.confirm(
    `Rewrite ${withToken.length === 1 ? 'this record' : `these ${withToken.length} records`}? No Go injector may read this ledger from then on.`,
  );
  if (answer === undefined)
    throw new Refusal('nothing was rewritten: there is no terminal to ask at; if this is meant, add --yes');
  if (!(await answer)) throw new Refusal('nothing was rewritten');
}
