// Started by guard.ts, one for each process that starts parts. It reads which processes to look after from a pipe; when
// the pipe closes, the process at its other end is gone, however it ended, and what it left behind is ended here.

import { spawnSync } from 'node:child_process';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { isAlive } from './identity.ts';

// An API server whose etcd is gone does not end by itself, and nothing that a crash leaves behind needs to be tidy.
const graceMs = 1_500;

type Ward = { pid: number; startTime: string; signal: string };
const wards = new Map<number, Ward>();
const addresses = new Set<string>();

const signalGroup = ({ pid, startTime }: Ward, signal: string): void => {
  if (!isAlive({ pid, startTime })) return;
  try {
    process.kill(-pid, signal);
  } catch {
    // It ended in between.
  }
};

const allGoneWithin = async (milliseconds: number): Promise<boolean> => {
  const end = performance.now() + milliseconds;
  while ([...wards.values()].some(isAlive)) {
    if (performance.now() > end) return false;
    await delay(25);
  }
  return true;
};

// A terminal that goes away must not take the watchdog with it.
for (const signal of ['SIGHUP', 'SIGINT', 'SIGTERM']) process.on(signal, () => {});

for await (const line of createInterface({ input: process.stdin })) {
  const [verb, pid = '', startTime = '', signal = ''] = line.split(' ');
  if (verb === 'add') wards.set(Number(pid), { pid: Number(pid), startTime, signal });
  else if (verb === 'add-address') addresses.add(pid);
  else if (verb === 'remove-address') addresses.delete(pid);
  else wards.delete(Number(pid));
}

for (const address of addresses) spawnSync('ip', ['address', 'delete', `${address}/32`, 'dev', 'lo']);
for (const ward of wards.values()) signalGroup(ward, ward.signal);
if (!(await allGoneWithin(graceMs))) {
  for (const ward of wards.values()) signalGroup(ward, 'SIGKILL');
  await allGoneWithin(graceMs);
}
