import { mkdir, readlink, rm, symlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type Identity, isAlive, ownIdentity } from './identity.ts';

type Release = () => Promise<void>;

/** The live process that holds the lock, if one does. */
export const holderOf = async (file: string): Promise<Identity | undefined> => {
  let content: string;
  try {
    content = await readlink(file);
  } catch {
    return undefined;
  }
  const [pid = '', startTime = ''] = content.split(' ');
  const holder = { pid: Number(pid), startTime };
  return isAlive(holder) ? holder : undefined;
};

/** A symbolic link appears with all of its content or not at all: nobody ever reads a lock that is half written. */
const linkLock = async (file: string): Promise<boolean> => {
  const { pid, startTime } = ownIdentity();
  try {
    await symlink(`${pid} ${startTime}`, file);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
    throw error;
  }
};

/** Takes the lock unless a live process has it. One whose holder died is taken over. */
export const tryLock = async (file: string): Promise<Release | undefined> => {
  await mkdir(dirname(file), { recursive: true });
  if ((await holderOf(file)) !== undefined) return undefined;
  await rm(file, { force: true });
  return (await linkLock(file)) ? () => rm(file, { force: true }) : undefined;
};

/** Calls in this process, by the lock's file: a call that holds one lock may take another. */
const queues = new Map<string, Promise<unknown>>();

const locked = async <T>(file: string, work: () => Promise<T>, onWait: () => void): Promise<T> => {
  let release = await tryLock(file);
  while (release === undefined) {
    onWait();
    await delay(100);
    release = await tryLock(file);
  }
  try {
    return await work();
  } finally {
    await release();
  }
};

/** Runs `work` while no other process (and no other call in this one) does, so that two stacks share one build. */
export const withLock = <T>(file: string, work: () => Promise<T>, onWait: () => void): Promise<T> => {
  const turn = (queues.get(file) ?? Promise.resolve()).then(() => locked(file, work, onWait));
  queues.set(
    file,
    turn.catch(() => undefined),
  );
  return turn;
};
