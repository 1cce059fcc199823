import { printable } from './secret.ts';

/** A list of findings for a person: the first ones in words, the rest as a count. */
export interface Findings {
  /** Counts all findings, including those without a sentence. */
  readonly count: number;
  /** @param sentence called only if it will be printed. */
  add(sentence: () => string): void;
  /** Ends with "… and 980 more" if there are more. */
  sentences(): string[];
}

const MOST_SENTENCES = 20;
const MOST_CHARACTERS = 3_000;
const MAX_NAME = 63;

export function createFindings(): Findings {
  const findings: string[] = [];
  let count = 0;
  let characters = 0;
  return {
    get count() {
      return count;
    },
    add(sentence) {
      count += 1;
      if (findings.length < count - 1 || findings.length >= MOST_SENTENCES || characters > MOST_CHARACTERS)
        return;
      const made = sentence();
      characters += made.length;
      findings.push(made);
    },
    sentences: () =>
      count > findings.length ? [...findings, `… and ${count - findings.length} more`] : [...findings],
  };
}

/** "a, b, c and 980 more" */
export function listed(names: Iterable<string>, most = 10): string {
  const all = [...names];
  const shown = all
    .slice(0, most)
    .map((name) => printable(name, MAX_NAME))
    .join(', ');
  return all.length > most ? `${shown} and ${all.length - most} more` : shown;
}
