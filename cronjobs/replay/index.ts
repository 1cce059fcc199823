/** The replay job's process: sends every dead letter once, prints one line of report, and exits with a code. */
import { parseArgs } from 'node:util';
import { parseReplayConfig } from '../../shared/config.ts';
import { deadlineIn } from '../../shared/deadline.ts';
import { DEAD_LETTER_LABEL } from '../../shared/events/dead-letter.ts';
import { createKubernetesApi } from '../../shared/kubernetes/api.ts';
import { createConfigMaps } from '../../shared/kubernetes/config-maps.ts';
import { createRuntime, readConfigFile, refuseToStart } from '../../shared/runtime.ts';
import { listenForTermination } from '../../shared/termination.ts';
import { exitCodeOf, replay } from './replay.ts';
import { createSend } from './send.ts';

// Less than the Job's own limit.
const WITHIN_MS = 10 * 60_000;

async function main(args: string[], environment: NodeJS.ProcessEnv): Promise<void> {
  const end = listenForTermination();
  const { values } = parseArgs({ args, options: { config: { type: 'string' } } });
  const file = readConfigFile(values.config ?? environment['CONFIG_FILE']);
  const runtime = createRuntime('replay', parseReplayConfig({ file, environment }));
  const { config, clock, log, reports } = runtime;
  using deadline = deadlineIn(WITHIN_MS, clock, end.signal);
  const configMaps = createConfigMaps(createKubernetesApi(), DEAD_LETTER_LABEL);
  const report = await replay({ configMaps, send: createSend(config.sink), log }, deadline).catch((error) => {
    log.error('the dead letters could not be listed', error);
  });
  if (report) log.sweep('replay ended', { ...report });
  await reports.flush();
  process.exit(report ? exitCodeOf(report) : 1);
}

main(process.argv.slice(2), process.env).catch(refuseToStart);
