import { readDescription } from '../description.ts';
import { stackFiles } from '../paths.ts';
import { runSweep } from '../sweep.ts';

const notUp = 3;

/** Runs the renewal job once: its log on standard error, its report as one line of JSON at the end; its exit code. */
export const sweep = async (folder: string | undefined): Promise<number> => {
  const description = await readDescription(stackFiles(folder).data);
  if (description === undefined) {
    console.error('the stack is not running: npm run stack -- up');
    return notUp;
  }
  const { code, report, log } = await runSweep(description.functions);
  process.stderr.write(log);
  console.log(JSON.stringify(report));
  return code ?? 1;
};
