import { createServer } from 'node:net';
import getPort, { portNumbers } from 'get-port';

// Below the range that the kernel gives to outgoing connections: one of those on a port that was free a moment ago
// keeps a part from listening.
const first = 20_000;
const last = 31_999;
const blockSize = 20;

type Block = { from: number; to: number };
let block: Promise<Block> | undefined;

/**
 * Whoever listens on a block's first port owns the block: the kernel lets only one process have it, and takes it back
 * however that process ends. So two stacks that look for ports at the same moment do not find the same ones.
 */
const claim = (from: number): Promise<boolean> =>
  new Promise((resolve) => {
    const holder = createServer().unref();
    holder.on('error', () => resolve(false));
    holder.listen(from, '127.0.0.1', () => resolve(true));
  });

const claimBlock = async (): Promise<Block> => {
  const blocks = Math.floor((last - first + 1) / blockSize);
  const start = process.pid % blocks;
  for (let attempt = 0; attempt < blocks; attempt += 1) {
    const from = first + ((start + attempt) % blocks) * blockSize;
    if (await claim(from)) return { from: from + 1, to: from + blockSize - 1 };
  }
  throw new Error(`every block of ports from ${first} to ${last} is taken`);
};

/** A port on 127.0.0.1 that is free and that no other stack will take. */
export const freePort = async (): Promise<number> => {
  block ??= claimBlock();
  const { from, to } = await block;
  const port = await getPort({ host: '127.0.0.1', port: portNumbers(from, to), reserve: true });
  if (port >= from && port <= to) return port;
  // The block is used up, and what came instead is from anywhere.
  block = claimBlock();
  return freePort();
};
