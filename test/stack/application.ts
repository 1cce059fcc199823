/** examples/application, run as a kubelet would: a process with the environment that its pod has. */
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { execa } from 'execa';
import * as v from 'valibot';
import { request } from './http.ts';
import { nodeProgram, projectRoot } from './paths.ts';

const Shown = v.object({ pod: v.string(), user: v.string(), notes: v.array(v.string()) });

export type Application = {
  /** What it shows: its pod, its database user, and what it reads. */
  show(): Promise<v.InferOutput<typeof Shown>>;
  stop(): Promise<void>;
};

export const startApplication = async (
  podName: string,
  environment: Readonly<Record<string, string>>,
): Promise<Application> => {
  const process = execa(nodeProgram, [join(projectRoot, 'examples/application/server.mjs')], {
    env: { ...environment, HOSTNAME: podName, PORT: '0' },
    extendEnv: false,
    reject: false,
  });
  const url = await listeningAt(process);
  return {
    show: async () => v.parse(Shown, JSON.parse((await request(url)).body)),
    async stop() {
      process.kill();
      await process;
    },
  };
};

const listeningAt = ({ stdout }: { readonly stdout: Readable }): Promise<string> =>
  new Promise((resolve, reject) => {
    let said = '';
    stdout.on('data', (chunk: Buffer) => {
      said += String(chunk);
      const [, port] = /^listening on port (\d+)$/m.exec(said) ?? [];
      if (port !== undefined) resolve(`http://127.0.0.1:${port}`);
    });
    stdout.on('end', () => reject(new Error('the application ended before it listened')));
  });
