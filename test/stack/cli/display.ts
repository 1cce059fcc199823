import { Listr, type ListrTask } from 'listr2';
import { type OnProgress, type StepName, stepNames } from '../progress.ts';

/** Shows a start to people, step by step. */
export type Display = {
  onProgress: OnProgress;
  /** Called once the start has ended: nothing of it is shown after that. */
  end(outcome: 'up' | 'failed'): Promise<void>;
};

const seconds = (since: number): string => `${((performance.now() - since) / 1000).toFixed(1)} s`;

/** One line per event, and one per ten seconds of something that goes on for long: for logs. */
const createPlainDisplay = (): Display => {
  const start = performance.now();
  const lastDetail = new Map<StepName, number>();
  return {
    onProgress: ({ step, state, detail }) => {
      const now = performance.now();
      const quiet = now - (lastDetail.get(step) ?? Number.NEGATIVE_INFINITY) < 10_000;
      if (state === 'working' && (detail === undefined || quiet)) return;
      lastDetail.set(step, now);
      console.log(`${seconds(start).padStart(8)}  ${step}: ${detail ?? state}`);
    },
    end: async () => {},
  };
};

type Row = {
  work: (detail: string | undefined) => void;
  finish: () => void;
  giveUp: () => void;
  task: ListrTask;
};

const createRow = (name: StepName): Row => {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let began: number | undefined;
  let show: (detail: string) => void = () => {};
  const task: ListrTask = {
    title: name,
    task: (_, wrapper) => {
      show = (detail) => {
        wrapper.output = detail;
      };
      return promise.then(() => {
        wrapper.title = `${name} (${seconds(began ?? performance.now())})`;
      });
    },
  };
  const work = (detail: string | undefined): void => {
    began ??= performance.now();
    if (detail !== undefined) show(detail);
  };
  return { work, finish: resolve, giveUp: () => reject(new Error('not done')), task };
};

/** A list that redraws itself: for terminals. */
const createLiveDisplay = (): Display => {
  const rows = new Map(stepNames.map((name) => [name, createRow(name)]));
  const tasks = [...rows.values()].map((row) => row.task);
  const list = new Listr(tasks, {
    concurrent: true,
    exitOnError: false,
    registerSignalListeners: false,
    // A step that was not done keeps its name.
    rendererOptions: { showErrorMessage: false },
  });
  const shown = list.run();
  return {
    onProgress: ({ step, state, detail }) => {
      const row = rows.get(step);
      if (state === 'working') row?.work(detail);
      else row?.finish();
    },
    end: async () => {
      for (const row of rows.values()) row.giveUp();
      await shown;
    },
  };
};

export const createDisplay = (): Display =>
  process.stdout.isTTY ? createLiveDisplay() : createPlainDisplay();
