/** One thing that is looked at, and what came of it. */

export type State = 'ok' | 'failed' | 'unknown' | 'skipped';

export interface Verdict {
  /** `unknown`: it could not be looked at. `skipped`: what it needs is not well. */
  readonly state: State;
  /** One line. */
  readonly detail: string;
  /** The command that mends it, or that lets it be looked at. */
  readonly mend?: string;
  /** Where it is `unknown` because whoever runs this may not look at it: what needs it is not to be seen either. */
  readonly notAllowed?: boolean;
}

export interface Check {
  readonly name: string;
  /** Names of checks; each has to be `ok` before this one is worth a look. */
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

/** In the order given; nothing that one of them throws ends the others. */
export async function runChecks(
  checks: readonly Check[],
  verdictOn: (error: unknown) => Verdict,
  onResult: (result: Result) => void,
  onBegin: (name: string) => void,
): Promise<Result[]> {
  const results: Result[] = [];
  for (const { name, needs, look } of checks) {
    const blockers = results.filter(({ check, state }) => needs.includes(check) && state !== 'ok');
    // What is not well hides more than what others may look at.
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
  const detail = `not looked at: it needs "${check}"`;
  return notAllowed ? { state: 'unknown', detail, notAllowed } : { state: 'skipped', detail };
}
