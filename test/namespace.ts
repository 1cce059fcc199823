/**
 * What an ordinary user has in place of root: a user namespace, in which the user stays the same and may make network
 * namespaces, with a network of its own, of which any address and port may be had.
 */
import { readFile } from 'node:fs/promises';
import { execa } from 'execa';

/** The command that runs another one there. */
export const inNamespace = (command: readonly string[]): readonly string[] => [
  'unshare',
  '--user',
  '--map-current-user',
  '--keep-caps',
  '--net',
  '--',
  'sh',
  '-c',
  'ip link set lo up && exec "$@"',
  'sh',
  ...command,
];

/** Settings of the kernel that keep ordinary users from it, and what they are then. */
const FORBIDDING = [
  ['user.max_user_namespaces', '0'],
  ['user.max_net_namespaces', '0'],
  ['kernel.unprivileged_userns_clone', '0'],
  ['kernel.apparmor_restrict_unprivileged_userns', '1'],
] as const;

/** One line that says what keeps this user from a namespace; undefined where nothing does. */
export const whatIsLacking = async (): Promise<string | undefined> => {
  const [command = '', ...args] = inNamespace(['true']);
  const { exitCode, stderr, code } = await execa(command, args, { reject: false });
  if (exitCode === 0) return undefined;
  const said = code === 'ENOENT' ? `there is no ${command} (util-linux) on PATH` : lineOf(stderr);
  const settings = await forbidding();
  const mended = settings.length === 0 ? '' : `; forbidden by ${settings.join(', ')}`;
  return `needs root, or user and network namespaces, which this user cannot make here (${said}${mended})`;
};

const lineOf = (text: string): string => text.trim().replaceAll(/\s*\n\s*/g, ', ');

const forbidding = async (): Promise<string[]> => {
  const found = await Promise.all(
    FORBIDDING.map(async ([name, value]) => {
      const file = `/proc/sys/${name.replace('.', '/')}`;
      const is = await readFile(file, 'utf8').catch(() => '');
      return is.trim() === value ? [`sysctl ${name}=${value}`] : [];
    }),
  );
  return found.flat();
};
