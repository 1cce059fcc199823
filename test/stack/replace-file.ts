import { rename, writeFile } from 'node:fs/promises';

/** Replaces a file atomically, so that a reader gets all of the old or all of the new. */
export const replaceFile = async (file: string, content: string): Promise<void> => {
  await writeFile(`${file}.new`, content, { mode: 0o600 });
  await rename(`${file}.new`, file);
};
