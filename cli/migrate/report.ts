/** The output of `migrate ledger`. It contains neither tokens nor accessors. */
import type { Terminal } from '../terminal.ts';
import type { Outcome, Survey } from './ledger.ts';

type Output = Pick<Terminal, 'say' | 'paint'>;

const records = (count: number) => (count === 1 ? '1 record' : `${count} records`);

export function tellSurvey({ withToken, withAccessor, foreign, unreadable }: Survey, { say }: Output): void {
  say(`${records(withToken.length)} with a token, ${withAccessor} with an accessor`);
  if (foreign > 0) say(`${records(foreign)} of other clusters: left alone`);
  for (const uuid of unreadable) say(`? ${uuid}: not a record, left alone`);
}

/**
 * @param rewritten the sentence for successful ones.
 * @returns the exit code.
 */
export function tellOutcomes(
  outcomes: ReadonlyMap<string, Outcome>,
  rewritten: string,
  { say, paint }: Output,
): 0 | 1 {
  const count = (wanted: Outcome) => [...outcomes.values()].filter((outcome) => outcome === wanted).length;
  let failed = 0;
  for (const [uuid, outcome] of outcomes) {
    if (outcome === 'dead')
      say(
        `? ${uuid}: its token is dead, so nobody can use it; the renewal job revokes the grant, or reports it`,
      );
    else if (outcome === 'refused')
      say(`? ${uuid}: its token is dead, or may not look itself up: the rewrite renews it to find out`);
    else if (typeof outcome === 'object') {
      failed += 1;
      say(`${paint('red', '✗')} ${uuid}: not rewritten: ${outcome.failed}`);
    }
  }
  say(`${paint('green', '✓')} ${records(count('rewritten'))} ${rewritten}`);
  if (count('ended') > 0) say(`${records(count('ended'))} ended meanwhile`);
  return failed === 0 ? 0 : 1;
}
