/** Who reads along at a terminal gets lines for people; a pipe gets JSON. */
import { execa } from 'execa';
import { describe, expect, test } from 'vitest';
import { nodeProgram, projectRoot } from '../../stack/paths.ts';
import { freePort } from '../../stack/process/ports.ts';
import { until } from '../../stack/wait.ts';

const START = [nodeProgram, 'functions/dead-letters/index.ts'];

/** What the dead letter sink, which asks nobody for anything, says until it has been told to end. */
async function saidBy(command: string, args: readonly string[]): Promise<string> {
  const port = await freePort();
  const child = execa(command, args, {
    cwd: projectRoot,
    env: { PORT: String(port), INJECTOR_LISTEN_ADDRESS: '127.0.0.1', TERM: 'xterm' },
    extendEnv: true,
    reject: false,
    forceKillAfterDelay: 5_000,
    detached: true,
  });
  let shown = '';
  child.stdout.on('data', (chunk: Buffer) => {
    shown += chunk.toString();
  });
  // Waits, since `script`, which goes with the group, has not yet passed on its input.
  await until('it says that it serves', () => shown.includes('serving'));
  // The group: `script` does not hand signals on.
  process.kill(-(child.pid ?? 0), 'SIGTERM');
  return (await child).stdout;
}

describe('the dead letter sink', () => {
  test('in a pipe: one JSON object a line', async () => {
    const [node = '', ...args] = START;
    const lines = (await saidBy(node, args)).trim().split('\n');
    expect(lines.map((line) => JSON.parse(line))).toEqual(
      ['serving', 'ending'].map((msg) =>
        expect.objectContaining({ level: 'info', name: 'dead-letters', msg }),
      ),
    );
  });

  test('on a terminal: for people', async () => {
    const said = await saidBy('script', ['--quiet', '--return', '--command', START.join(' '), '/dev/null']);
    expect(said).toMatch(/\[[\d:]+\].*INFO.*\(dead-letters\).*serving/);
    expect(said).not.toContain('{"level"');
  });
});
