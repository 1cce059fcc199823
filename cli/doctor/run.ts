/** `doctor`: prints a line per check and, for each failed one, the command that fixes it. */
import { createKubernetesApi } from '../../shared/kubernetes/api.ts';
import type { Caller } from '../command.ts';
import { formatted } from '../formatted.ts';
import type { Terminal } from '../terminal.ts';
import { cleaningUp } from '../when-ended.ts';
import { type Result, runChecks, type State } from './check.ts';
import { checksOf } from './checks.ts';
import type { DoctorOptions } from './command.ts';
import { createFacts } from './facts.ts';
import { verdictOn } from './verdict-on.ts';

const SYMBOLS: Readonly<Record<State, readonly [string, Parameters<Terminal['paint']>[0]]>> = {
  ok: ['✓', 'green'],
  failed: ['✗', 'red'],
  unknown: ['?', 'yellow'],
  skipped: ['-', 'gray'],
};

/** @returns the exit code. */
export async function doctor(options: DoctorOptions, { environment, terminal }: Caller): Promise<number> {
  const api = createKubernetesApi(options.kubeconfig, options.context);
  const facts = createFacts(api, options, environment);
  const { output } = options;
  const show = output ? () => {} : (result: Result) => showResult(result, terminal);
  const begin = (name: string) => terminal.progress(`checking ${name} …`);
  const results = await cleaningUp(facts.close, () => runChecks(checksOf(facts), verdictOn, show, begin));
  // A skipped check may hide any fault.
  const isWell = results.every(({ state }) => state === 'ok' || state === 'unknown');
  terminal.say(output ? formatted(output, { ok: isWell, checks: results }) : summary(results));
  return isWell ? 0 : 1;
}

function showResult({ check, state, detail, mend }: Result, { say, paint }: Terminal): void {
  const [symbol, style] = SYMBOLS[state];
  say(`${paint(style, symbol)} ${check}: ${detail}`);
  if (mend !== undefined) say(`    ${paint('bold', mend)}`);
}

function summary(results: readonly Result[]): string {
  const count = (wanted: State) => results.filter(({ state }) => state === wanted).length;
  const rest: [State, string][] = [
    ['failed', 'failed'],
    ['unknown', 'unknown'],
    ['skipped', 'skipped'],
  ];
  const parts = rest.filter(([state]) => count(state) > 0).map(([state, text]) => `${count(state)} ${text}`);
  return [`${count('ok')} of ${results.length} ok`, ...parts].join(', ');
}
