/** `migrate ledger`: from `tokenReference: token` to `accessor`, for existing grants. */
import { deadlineIn, monotonicClock } from '../../shared/deadline.ts';
import { clusterIdIfKnown } from '../../shared/kubernetes/cluster.ts';
import { beginWork } from '../../shared/vault/requests.ts';
import type { Caller } from '../command.ts';
import { examplePath, lacking, vaultNeeds } from '../doctor/vault-needs.ts';
import { Refusal } from '../refusal.ts';
import type { Terminal } from '../terminal.ts';
import { inVault, type VaultSession } from '../vault-session.ts';
import type { MigrateOptions } from './command.ts';
import { lookUpAll, type MigrationParts, rewriteAll, type Survey, surveyLedger } from './ledger.ts';
import { tellOutcomes, tellSurvey } from './report.ts';

const WITHIN_MS = 30_000;
/** @returns the exit code. */
export async function migrateLedger(
  options: MigrateOptions,
  { environment, terminal }: Caller,
): Promise<number> {
  return inVault({ options, environment }, 'renewal', async (session) => {
    const { vault, config, api } = session;
    if (!options.dryRun) await mustBeReady(session);
    const newDeadline = () => deadlineIn(WITHIN_MS, monotonicClock);
    const clusterId = await clusterIdIfKnown(config.clusterId, api, newDeadline());
    const parts = { ...vault, clusterId, newDeadline, onProgress: terminal.progress };
    return migrate(options, parts, terminal);
  });
}

async function migrate(answers: MigrateOptions, parts: MigrationParts, terminal: Terminal): Promise<number> {
  const survey = await surveyLedger(parts);
  tellSurvey(survey, terminal);
  const { withToken, unreadable } = survey;
  if (withToken.length === 0) return unreadable.length === 0 ? 0 : 1;
  if (answers.dryRun) return tellOutcomes(await lookUpAll(withToken, parts), 'would be rewritten', terminal);
  if (!answers.goInjectorGone) mustBeAlone(survey);
  if (!answers.yes) {
    const these = withToken.length === 1 ? 'this record' : `these ${withToken.length} records`;
    terminal.say('No Go injector may read this ledger from then on.');
    await terminal.mustConfirm(`Rewrite ${these}?`, 'nothing was rewritten');
  }
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
  const held = await vault.inspection.capabilities(needed.map(examplePath), beginWork(deadline));
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
