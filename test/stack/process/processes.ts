import { answering, launch, type Part, type ProcessSpec } from './launch.ts';

/** What ends first when the stack stops: functions still need Vault then, and Vault needs its database. */
type Layer = 'storage' | 'server' | 'function';
const layersFromTop: readonly Layer[] = ['function', 'server', 'storage'];

/** Breaks and mends the parts of a running stack, by their names as `status` shows them. */
export type PartControl = {
  /** Ends a part; it keeps its data. */
  stop(name: string): Promise<void>;
  /** Starts a part that was stopped, or is about to end, as it was; done when it answers. */
  start(name: string): Promise<void>;
  /** SIGSTOP halts a part, SIGCONT lets it go on. */
  signal(name: string, signal: NodeJS.Signals): Promise<void>;
};

/** Scales the functions that Knative would scale. */
export type ScaleControl = {
  /** Ends a function's instance, in order and in the background, as when nobody has asked for long. */
  scaleToZero(name: string): Promise<void>;
  /** Ends it, and lets no instance of it start: requests get 503. */
  suspend(name: string): Promise<void>;
  resume(name: string): Promise<void>;
  /** How often an instance of it was started. */
  starts(name: string): Promise<number>;
};
export type StackControl = PartControl & ScaleControl;

/** The processes of one stack. */
export type Processes = {
  start(layer: Layer, spec: ProcessSpec): Promise<Part>;
  running(): readonly Part[];
  control: PartControl;
  /** Ends all of them, top layer first. Whatever is being started meanwhile fails. */
  stop(): Promise<void>;
};

type Entry = { layer: Layer; spec: ProcessSpec; part: Part; ending?: Promise<void> };

export const createProcesses = (): Processes => {
  const entries = new Map<string, Entry>();
  let stopping = false;

  const start = async (layer: Layer, spec: ProcessSpec): Promise<Part> => {
    if (stopping) throw new Error(`${spec.name} is not started: the stack is being stopped`);
    const part = await launch(spec);
    if (stopping) await part.stop();
    entries.set(spec.name, { layer, spec, part });
    await answering(part, spec);
    return part;
  };

  const find = (name: string): Entry => {
    const entry = entries.get(name);
    if (entry === undefined) throw new Error(`no part ${name}: ${[...entries.keys()].join(', ')}`);
    return entry;
  };

  const control: PartControl = {
    stop: (name) => {
      const entry = find(name);
      entry.ending = entry.part.stop();
      return entry.ending;
    },
    start: async (name) => {
      const { layer, spec, part, ending } = find(name);
      await ending;
      if (!part.runs()) await start(layer, spec);
    },
    signal: async (name, signal) => find(name).part.kill(signal),
  };

  const stop = async (): Promise<void> => {
    stopping = true;
    for (const layer of layersFromTop) {
      const ofLayer = [...entries.values()].filter((entry) => entry.layer === layer);
      await Promise.all(ofLayer.map(({ part }) => part.stop()));
    }
  };

  const running = () => [...entries.values()].map(({ part }) => part).filter((part) => part.runs());
  return { start, running, control, stop };
};
