/** One thing that is looked at, and what came of it. */

export type State = 'ok' | 'failed' | 'unknown' | 'skipped';

export interface Verdict {
  /** `unknown`: it could not be looked at. `skipped`: what it needs is not well. */
  readonly state: State;
  /** One line. */
  readonly detail: string;
  /** The command that mends it, or that lets it be looked at. */
  readonly mend?: string;
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
    const blocker = needs.find((needed) =>
      results.some(({ check, state }) => check === needed && state !== 'ok'),
    );
    onBegin(name);
    const verdict: Verdict =
      blocker === undefined
        ? await look().catch(verdictOn)
        : { state: 'skipped', detail: `not looked at: it needs "${blocker}"` };
    const result = { check: name, ...verdict };
    results.push(result);
    onResult(result);
  }
  return results;
}
