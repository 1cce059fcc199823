import { createHash } from 'node:crypto';
import { globSync } from 'node:fs';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** What something is made from, and what it is made into: patterns of files in a folder. */
export type Made = { folder: string; inputs: readonly string[]; outputs: string };

const stampOf = async ({ folder, inputs, outputs }: Made): Promise<string> => {
  const hash = createHash('sha256');
  for (const file of globSync([...inputs], { cwd: folder }).sort())
    hash.update(`${file}\n`).update(await readFile(join(folder, file)));
  const made = globSync(outputs, { cwd: folder }).sort();
  const times = await Promise.all(
    made.map(async (file) => `${file} ${(await stat(join(folder, file))).mtimeMs}`),
  );
  return [hash.digest('hex'), ...times].join('\n');
};

/** Makes it, unless it is as it was made before, from the same inputs. @param stampFile remembers that. */
export const makeOnce = async (
  made: Made,
  stampFile: string,
  make: () => Promise<unknown>,
): Promise<void> => {
  const before = await readFile(stampFile, 'utf8').catch(() => '');
  if (before === (await stampOf(made))) return;
  await make();
  await writeFile(stampFile, await stampOf(made));
};
