/** A check and its result. */

export type State = 'ok' | 'failed' | 'unknown' | 'skipped';

export interface Verdict {
  /** `unknown`: it could not run. `skipped`: a prerequisite did not pass. */
  readonly state: State;
  /** One line. */
  readonly detail: string;
  /** The command that fixes it, or that lets the check run. */
  readonly mend?: string;
  /** Set if the result is `unknown` for lack of rights: checks that need this one are then unknown, too. */
  readonly notAllowed?: boolean;
}

export interface Check {
  readonly name: string;
  /** Names of prerequisite checks; each has to be `ok` before this one runs. */
  readonly needs: readonly string[];
  look(): Promise<Verdict>;
}

export interface Result extends Verdict {
  readonly check: string;
}

export const ok = (detail: string): Verdict => ({ state: 'ok', detail });
export const failed = (detail: string, mend: string): Verdict => ({ state: 'failed', detail, mend });
export const unknown = (detail: string, mend?: string): Verdict => ({
  state: 'unknown',
  detail,
  ...(mend !== undefined && { mend }),
});

/** Runs checks in the order given; an exception in one does not stop the others. */
export async function runChecks(
  checks: readonly Check[],
  verdictOn: (error: unknown) => Verdict,
  onResult: (result: Result) => void,
  onBegin: (name: string) => void,
): Promise<Result[]> {
  const results: Result[] = [];
  for (const { name, needs, look } of checks) {
    const blockers = results.filter(({ check, state }) => needs.includes(check) && state !== 'ok');
    // A failed check hides more than a missing right does.
    const blocker = blockers.find(({ notAllowed }) => !notAllowed) ?? blockers[0];
    onBegin(name);
    const verdict = blocker === undefined ? await look().catch(verdictOn) : notLookedAt(blocker);
    const result = { check: name, ...verdict };
    results.push(result);
    onResult(result);
  }
  return results;
}

function notLookedAt({ check, notAllowed }: Result): Verdict {
  const detail = `skipped: needs "${check}"`;
  return notAllowed ? { state: 'unknown', detail, notAllowed } : { state: 'skipped', detail };
}
