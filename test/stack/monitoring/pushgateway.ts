import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { request } from '../http.ts';
import { findOrInstall } from '../install/index.ts';
import { freePort } from '../process/ports.ts';
import type { Processes } from '../process/processes.ts';

type Pushgateway = { url: string; stop(): Promise<void> };

/** A real Pushgateway. What is pushed to it is gone when it ends. */
export const startPushgateway = async (processes: Processes, folder: string): Promise<Pushgateway> => {
  await mkdir(folder, { recursive: true });
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const part = await processes.start('server', {
    name: 'pushgateway',
    command: await findOrInstall('prometheus-pushgateway', () => {}),
    args: [`--web.listen-address=127.0.0.1:${port}`],
    address: url,
    logFile: join(folder, 'pushgateway.log'),
    ready: async () => (await request(`${url}/-/ready`)).status === 200,
  });
  return { url, stop: part.stop };
};
