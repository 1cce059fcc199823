import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';

/**
 * When a process was started, as an opaque string without spaces, or undefined if it is gone. With it a pid names one process for good:
 * the number alone may belong to somebody else by the time that it is signalled.
 */
export const startTimeOf = (pid: number): string | undefined =>
  existsSync('/proc/self/stat') ? startTimeFromProc(pid) : startTimeFromPs(pid);

const startTimeFromProc = (pid: number): string | undefined => {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The command's name, in parentheses, may itself hold spaces and parentheses: count from the last one (proc(5)).
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const [state, startTime] = [fields[0], fields[19]];
    // A zombie some of whose threads are still ending holds its ports.
    const isGone = state === 'X' || (state === 'Z' && readdirSync(`/proc/${pid}/task`).length <= 1);
    return isGone ? undefined : startTime;
  } catch {
    return undefined;
  }
};

const startTimeFromPs = (pid: number): string | undefined => {
  try {
    const answer = execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' });
    return answer.trim().replaceAll(/\s+/g, '-') || undefined;
  } catch {
    return undefined;
  }
};

export type Identity = { pid: number; startTime: string };

export const isAlive = ({ pid, startTime }: Identity): boolean => startTimeOf(pid) === startTime;

/** This very process. */
export const ownIdentity = (): Identity => ({ pid: process.pid, startTime: startTimeOf(process.pid) ?? '' });
