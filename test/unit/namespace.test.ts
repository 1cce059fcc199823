/** What an ordinary user's `npm test` runs in. As root it is tried the same way: there is no other user for it here. */
import { execa } from 'execa';
import { test as any, expect } from 'vitest';
import { inNamespace } from '../namespace.ts';
import { nodeProgram, projectRoot } from '../stack/paths.ts';

const test = any.runIf(process.platform === 'linux');

const shell = (...lines: string[]): readonly string[] => ['sh', '-c', lines.join(' && ')];

async function run([command = '', ...args]: readonly string[]) {
  const { all, exitCode } = await execa(command, args, { cwd: projectRoot, all: true, reject: false });
  return { all, exitCode };
}

const isRoot = process.getuid?.() === 0;
const other = ['--map-user=1000', '--map-group=1000'];
/** The same user; root as another one, whom vitest's start takes for an ordinary user. */
const ordinary = ([command = '', ...args]: readonly string[]): readonly string[] => [
  command,
  ...args.flatMap((word) => (isRoot && word === '--map-current-user' ? other : [word])),
];

test('the user is the same, and has addresses, ports and networks of its own', async () => {
  const user = String(process.getuid?.());
  const address = 'ip address add 10.96.1.1/32 dev lo';
  const listen = `"${nodeProgram}" -e 'require("net").createServer().listen(443, "10.96.1.1", () => process.exit(7))'`;
  expect(await run(inNamespace(shell('id -u', 'unshare --net true', address, listen)))).toEqual({
    all: user,
    exitCode: 7,
  });
});

test('npm test runs there, with the options that it was given', async () => {
  expect(await run(ordinary(inNamespace([nodeProgram, 'test/run.ts', '--help'])))).toEqual({
    all: expect.stringMatching(/^vitest\/\d[\s\S]*Usage:/),
    exitCode: 0,
  });
});

test('where there are none, npm test says in one line what is lacking', async () => {
  const none = 'echo 0 > /proc/sys/user/max_user_namespaces';
  const started = ordinary(inNamespace(shell(none, `"${nodeProgram}" test/run.ts --help`)));
  expect(await run(started)).toEqual({
    all: 'npm test needs root, or user and network namespaces, which this user cannot make here (unshare: unshare failed: No space left on device; forbidden by sysctl user.max_user_namespaces=0).',
    exitCode: 1,
  });
});
