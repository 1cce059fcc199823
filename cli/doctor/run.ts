/** `doctor`: prints a line per check and, for each failed one, the command that fixes it. */
import { connectTo } from '../cluster.ts';
import type { Caller } from '../command.ts';
import { formatted } from '../formatted.ts';
import { cleaningUp } from '../when-ended.ts';
import { runChecks } from './check.ts';
import { checksOf } from './checks.ts';
import type { DoctorOptions } from './command.ts';
import { createFacts } from './facts.ts';
import { createReport } from './report.ts';
import { verdictOn } from './verdict-on.ts';

/** @returns the exit code. */
export async function doctor(options: DoctorOptions, { environment, terminal }: Caller): Promise<number> {
  const facts = createFacts(connectTo(options), options, environment);
  const { output } = options;
  const report = createReport(terminal);
  const show = output ? () => {} : report.show;
  const begin = (name: string) => terminal.progress(`checking ${name} …`);
  const results = await cleaningUp(facts.close, () => runChecks(checksOf(facts), verdictOn, show, begin));
  // A skipped check may hide any fault.
  const isWell = results.every(({ state }) => state === 'ok' || state === 'unknown');
  if (output) terminal.say(formatted(output, { ok: isWell, checks: results }));
  else report.end(results);
  return isWell ? 0 : 1;
}
