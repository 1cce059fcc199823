/** What the stack is doing at the moment; a step's last event is `done` or the start as a whole fails. */
export type ProgressEvent = { step: string; state: 'working' | 'done'; detail?: string };

export type OnProgress = (event: ProgressEvent) => void;
export type Report = (detail: string) => void;

/** Runs `work` as a step that people see begin, go on and end. */
export const step = async <T>(
  onProgress: OnProgress,
  name: string,
  work: (report: Report) => Promise<T>,
): Promise<T> => {
  onProgress({ step: name, state: 'working' });
  const result = await work((detail) => onProgress({ step: name, state: 'working', detail }));
  onProgress({ step: name, state: 'done' });
  return result;
};
