/** `doctor`: prints a line per check and, for each failed one, the command that fixes it. */
import { createKubernetesApi } from '../../shared/kubernetes/api.ts';
import type { Command } from '../command.ts';
import { INSTALLATION_OPTIONS, INSTALLATION_USAGE } from '../installation.ts';
import { flagOption, readArguments } from '../options.ts';
import type { Terminal } from '../terminal.ts';
import { cleaningUp } from '../when-ended.ts';
import { type Result, runChecks, type State } from './check.ts';
import { checksOf } from './checks.ts';
import { createFacts } from './facts.ts';
import { verdictOn } from './verdict-on.ts';

const usage = `npx vault-db-injector doctor [options]

  --json               output for programs
${INSTALLATION_USAGE}

Nothing is changed. Exit code: 0 if no check failed; 1 if a check failed or was skipped; 2 if the command line is
not understood.
  ✓ ok   ✗ failed, with the fix   ? unknown: could not run, with the reason   - skipped: a prerequisite did not pass
With a VAULT_TOKEN that may read the roles of the database engines, these are checked, too.`;

const SYMBOLS: Readonly<Record<State, readonly [string, Parameters<Terminal['paint']>[0]]>> = {
  ok: ['✓', 'green'],
  failed: ['✗', 'red'],
  unknown: ['?', 'yellow'],
  skipped: ['-', 'gray'],
};

export const doctorCommand: Command = {
  usage,
  async run(args, environment, terminal) {
    const options = readArguments(
      'npx vault-db-injector doctor',
      { json: flagOption, ...INSTALLATION_OPTIONS },
      args,
    );
    const facts = createFacts(createKubernetesApi(undefined, options.context), options, environment);
    const show = options.json ? () => {} : (result: Result) => showResult(result, terminal);
    const begin = (name: string) => terminal.progress(`checking ${name} …`);
    const results = await cleaningUp(facts.close, () => runChecks(checksOf(facts), verdictOn, show, begin));
    // A skipped check may hide any fault.
    const isWell = results.every(({ state }) => state === 'ok' || state === 'unknown');
    terminal.say(options.json ? JSON.stringify({ ok: isWell, checks: results }, null, 2) : summary(results));
    return isWell ? 0 : 1;
  },
};

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
