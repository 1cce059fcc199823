import { readdir, readFile } from 'node:fs/promises';

interface Process {
  readonly pid: number;
  readonly parent: number;
  readonly command: string;
}

async function readProcess(pid: number): Promise<Process> {
  const [stat, command] = await Promise.all(
    ['stat', 'cmdline'].map((name) => readFile(`/proc/${pid}/${name}`, 'utf8').catch(() => '')),
  );
  const [, parent = ''] = (stat ?? '').slice((stat ?? '').lastIndexOf(')') + 2).split(' ');
  return { pid, parent: Number(parent), command: (command ?? '').replaceAll('\0', ' ') };
}

/** Processes of this machine, as they are now. */
export const allProcesses = async (): Promise<Process[]> =>
  Promise.all(
    (await readdir('/proc'))
      .filter((name) => /^\d+$/.test(name))
      .map(Number)
      .map(readProcess),
  );

/** Pids of these processes and of all that descend from them. */
export async function familyOf(...pids: readonly number[]): Promise<number[]> {
  const all = await allProcesses();
  const family = [...pids];
  for (const member of family)
    family.push(...all.filter(({ parent }) => parent === member).map(({ pid }) => pid));
  return family;
}
