/** Results for a person, as they come. A right that is missing for several checks is told once. */
import type { Terminal } from '../terminal.ts';
import type { Result, State } from './check.ts';

const SYMBOLS: Readonly<Record<State, readonly [string, Parameters<Terminal['paint']>[0]]>> = {
  ok: ['✓', 'green'],
  failed: ['✗', 'red'],
  unknown: ['?', 'yellow'],
  skipped: ['-', 'gray'],
};

export interface Report {
  show(result: Result): void;
  /** What was held back, and how many of each there are. */
  end(results: readonly Result[]): void;
}

export function createReport({ say, paint }: Pick<Terminal, 'say' | 'paint'>): Report {
  const held = new Map<string, string[]>();
  return {
    show(result) {
      const { check, state, detail, mend } = result;
      const right = missingRight(result);
      const others = right === undefined ? undefined : held.get(right);
      if (others) {
        others.push(check);
        return;
      }
      const [symbol, style] = SYMBOLS[state];
      say(`${paint(style, symbol)} ${check}: ${detail}`);
      if (mend !== undefined) say(`    ${paint('bold', mend)}`);
      if (right !== undefined) held.set(right, []);
    },
    end(results) {
      const [symbol, style] = SYMBOLS.unknown;
      for (const [right, checks] of held)
        if (checks.length > 0) say(`${paint(style, symbol)} ${right}, too: ${checks.join(', ')}`);
      say(summary(results));
    },
  };
}

/** @returns what is said of further checks; `undefined` if each is shown. */
function missingRight({ notAllowed, detail }: Result): string | undefined {
  if (!notAllowed) return undefined;
  const [, verb, resource] = /cannot (\w+) resource "([^"]+)"/.exec(detail) ?? [];
  if (verb !== undefined) return `could not be checked without the right to ${verb} ${resource}`;
  return detail.startsWith('skipped') ? 'skipped for want of such a right' : detail;
}

function summary(results: readonly Result[]): string {
  const count = (wanted: State) => results.filter(({ state }) => state === wanted).length;
  const rest = (['failed', 'unknown', 'skipped'] as const).filter((state) => count(state) > 0);
  const parts = rest.map((state) => `${count(state)} ${state}`);
  return [`${count('ok')} of ${results.length} ok`, ...parts].join(', ');
}
