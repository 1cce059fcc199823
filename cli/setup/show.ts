/** Prints a plan for people: what exists, what will be done, and the statements. */
import type { Terminal } from '../terminal.ts';
import { type Planned, pathOf, type Step } from './steps.ts';

const SYMBOLS = { there: '✓', missing: '+', different: '~' } as const;
const STYLES = { there: 'green', missing: 'yellow', different: 'yellow' } as const;

/** @param superuser whether the user is one; if not, steps that need a superuser are marked. */
export function show(
  plan: readonly Planned[],
  superuser: boolean,
  terminal: Pick<Terminal, 'say' | 'paint'>,
): void {
  for (const { step, state } of plan) {
    const symbol = terminal.paint(STYLES[state], SYMBOLS[state]);
    const tried = step.kind === 'sql' && step.superuser && state !== 'there' && !superuser;
    terminal.say(
      `${symbol} ${step.title}${tried ? ' (you are not a superuser: tried, or printed for one)' : ''}`,
    );
    if (state === 'there') continue;
    for (const line of wordsOf(step)) terminal.say(terminal.paint('dim', `    ${line}`));
  }
}

function wordsOf(step: Step): string[] {
  if (step.kind === 'sql') return step.sql.split('\n');
  if (step.kind === 'password') return [`ALTER ROLE … PASSWORD '…';`];
  const body = Object.entries(step.body).flatMap(([key, value]) => {
    const [first = '', ...more] = (
      Array.isArray(value) ? value.join(key === 'allowed_roles' ? ',' : '\n') : String(value)
    ).split('\n');
    return [`  ${key}=${first}`, ...more.map((line) => `    ${line}`)];
  });
  return [`vault write ${pathOf(step)}`, ...body, ...(step.withPassword ? ['  password=…'] : [])];
}
