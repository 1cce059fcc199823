import { rm } from 'node:fs/promises';
import type { Authority } from './certificates.ts';
import { remoteControl, serveControl } from './control.ts';
import { describe } from './describe.ts';
import { descriptionFile, readDescription, type StackDescription } from './description.ts';
import { prepareFolder } from './folder.ts';
import type { Activator } from './knative/activator.ts';
import type { Knative } from './knative/index.ts';
import type { ControlPlane } from './kubernetes/control-plane.ts';
import { defaultFolder } from './paths.ts';
import type { Postgres } from './postgres.ts';
import type { Part } from './process/launch.ts';
import {
  createProcesses,
  type Processes,
  type ScaleControl,
  type StackControl,
} from './process/processes.ts';
import { replaceFile } from './replace-file.ts';
import { type StartOptions, startParts } from './start.ts';
import { createTools, type StackTools } from './tools.ts';
import type { VaultServer } from './vault/server.ts';

export type StackOptions = Partial<StartOptions> & {
  /** Ends a start that is under way. */
  signal?: AbortSignal;
};

/** A stack that this process started. */
export type Stack = StackTools & {
  description: StackDescription;
  postgres: Postgres;
  vaultServer: VaultServer;
  cluster: ControlPlane;
  /** Signs what the API server and the functions show. */
  authority: Authority;
  knative: Knative | undefined;
  /** All processes that run now. */
  parts(): readonly Part[];
  /** Ends all of them, and resolves when they are gone. */
  stop(): Promise<void>;
};

/** A stack that another process started. What is started through it ends by `stop`; the stack itself goes on. */
export type AttachedStack = StackTools & { description: StackDescription; stop(): Promise<void> };

const scaleControl = (knative: Knative | undefined): ScaleControl => {
  const find = (name: string): Activator => {
    const found = Object.entries(knative?.activators ?? {}).find(([one]) => one === name);
    if (found === undefined) throw new Error(`no function ${name}`);
    return found[1];
  };
  return {
    scaleToZero: async (name) => find(name).scaleToZero(),
    suspend: async (name) => find(name).suspend(),
    resume: async (name) => find(name).resume(),
    starts: async (name) => find(name).starts(),
  };
};

const start = async (processes: Processes, options: StartOptions): Promise<Stack> => {
  await prepareFolder(options.folder);
  const parts = await startParts(processes, options);
  const write = async (controlUrl: string): Promise<StackDescription> => {
    const description = describe(options, parts, processes.running(), controlUrl);
    await replaceFile(descriptionFile(options.folder), JSON.stringify(description, null, 2));
    return description;
  };
  const control: StackControl = {
    ...processes.control,
    ...scaleControl(parts.knative),
    start: async (name) => {
      await processes.control.start(name);
      // It has another pid now.
      await write(controlUrl);
    },
  };
  const controlUrl = await serveControl(control);
  const description = await write(controlUrl);
  return {
    ...parts,
    ...(await createTools(description, processes, control)),
    description,
    parts: processes.running,
    stop: async () => {
      await rm(descriptionFile(options.folder), { force: true });
      await processes.stop();
      parts.knative?.release();
    },
  };
};

const aborted = (signal: AbortSignal | undefined): Promise<never> =>
  new Promise((_, reject) => {
    const abort = () => reject(new Error('the start was ended before the stack was up'));
    if (signal?.aborted) abort();
    signal?.addEventListener('abort', abort, { once: true });
  });

/** Starts the real parts beside one another. Either all of them answer in the end, or none is left and it throws. */
export const startStack = async (options: StackOptions = {}): Promise<Stack> => {
  const { signal, ...given } = options;
  const processes = createProcesses();
  const defaults = {
    folder: defaultFolder,
    onProgress: () => {},
    vault: {},
    functions: true,
    eventSource: true,
    idleMs: 60_000,
    build: true,
  };
  try {
    return await Promise.race([start(processes, { ...defaults, ...given }), aborted(signal)]);
  } catch (error) {
    await processes.stop();
    throw error;
  }
};

/** Makes use of the stack that runs with its data in `folder`. */
export const attachStack = async (folder = defaultFolder): Promise<AttachedStack> => {
  const description = await readDescription(folder);
  if (description === undefined) throw new Error(`no stack runs in ${folder}: npm run stack -- up`);
  const processes = createProcesses();
  const control = remoteControl(description.controlUrl);
  return { ...(await createTools(description, processes, control)), description, stop: processes.stop };
};
