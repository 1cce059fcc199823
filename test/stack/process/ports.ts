import { createServer, type Server } from 'node:net';

// Ports below the kernel's range for outgoing connections: one of those on a port that was free a moment ago would
// keep a part from listening.
const first = 20_000;
const last = 31_999;
const blockSize = 20;

type Block = { next: number; to: number };
let block: Promise<Block> | undefined;

/** Listens on the port, if that can be done. */
const take = (port: number): Promise<Server | undefined> =>
  new Promise((resolve) => {
    const holder = createServer().unref();
    holder.on('error', () => resolve(undefined));
    holder.listen(port, '127.0.0.1', () => resolve(holder));
  });

const isFree = async (port: number): Promise<boolean> => {
  const holder = await take(port);
  if (holder === undefined) return false;
  await new Promise((resolve) => holder.close(resolve));
  return true;
};

/**
 * A process that listens on a block's first port owns the block: the kernel lets only one process have it, and takes
 * it back however that process ends. So two stacks that look for ports at the same moment do not find the same ones.
 */
const claimBlock = async (): Promise<Block> => {
  const blocks = Math.floor((last - first + 1) / blockSize);
  const start = process.pid % blocks;
  for (let attempt = 0; attempt < blocks; attempt += 1) {
    const from = first + ((start + attempt) % blocks) * blockSize;
    if ((await take(from)) !== undefined) return { next: from + 1, to: from + blockSize - 1 };
  }
  throw new Error(`every block of ports from ${first} to ${last} is taken`);
};

/**
 * A port on 127.0.0.1 that is free and that no other stack will take. Each is tried once and never again: a second try,
 * for a part that is started at the same time, would for a moment keep the first one's owner from listening.
 */
export const freePort = async (): Promise<number> => {
  block ??= claimBlock();
  const claimed = block;
  const current = await claimed;
  if (current.next > current.to) {
    if (block === claimed) block = undefined;
    return freePort();
  }
  const port = current.next;
  current.next += 1;
  return (await isFree(port)) ? port : freePort();
};
