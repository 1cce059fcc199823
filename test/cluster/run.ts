/** Commands of the cluster's own programs. */
import { readFile } from 'node:fs/promises';
import { execa, type Options } from 'execa';
import { until } from '../stack/wait.ts';
import { paths, programPath } from './paths.ts';

const environment = (): Record<string, string> => ({
  PATH: programPath(),
  KUBECONFIG: paths.kubeconfig,
  CONTAINER_RUNTIME_ENDPOINT: `unix://${paths.containerd}`,
  CONTAINERD_ADDRESS: paths.containerd,
});

/** @throws with the end of its output. */
export async function command(
  name: string,
  args: readonly string[],
  options: Pick<Options, 'cwd' | 'input' | 'env' | 'timeout'> = {},
): Promise<string> {
  const { stdout, all, exitCode } = await execa(name, args, {
    ...options,
    env: { ...environment(), ...options.env },
    all: true,
    reject: false,
  });
  if (exitCode === 0) return String(stdout);
  const end = String(all).trimEnd().split('\n').slice(-15).join('\n');
  throw new Error(`${[name, ...args].join(' ').slice(0, 200)} failed:\n${end}`);
}

export const kubectl = (...args: readonly string[]): Promise<string> => command('kubectl', args);

const KNOWN_WITHIN_MS = 120_000;
const ASK_EVERY_MS = 4_000;

/** Server-side, as the platform's own; again for two minutes, since kinds and webhooks take a moment to be known. */
export async function apply(manifests: string): Promise<void> {
  const args = ['apply', '--server-side', '--force-conflicts', '--field-manager=platform', '--filename=-'];
  const applied = async () => (await command('kubectl', args, { input: manifests })) !== undefined;
  await until('the API server takes the manifests', applied, KNOWN_WITHIN_MS, ASK_EVERY_MS);
}

/** Takes away what is mounted at places that begin so: containers that were killed have left it. */
export async function unmount(prefixes: readonly string[]): Promise<void> {
  const mounted = (await readFile('/proc/mounts', 'utf8'))
    .split('\n')
    .map((line) => line.split(' ')[1] ?? '')
    .filter((place) => prefixes.some((prefix) => place.startsWith(prefix)))
    .toSorted()
    .toReversed();
  for (const place of mounted) await command('umount', [place]).catch(() => '');
}
