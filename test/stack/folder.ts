import { chmod, mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const marker = '.stack-data';

const contentOf = async (folder: string): Promise<readonly string[]> => {
  try {
    return await readdir(folder);
  } catch {
    return [];
  }
};

/** An empty folder for a stack's data. What an earlier stack left there goes; what is anybody else's stays. */
export const prepareFolder = async (folder: string): Promise<void> => {
  const content = await contentOf(folder);
  if (content.length > 0 && !content.includes(marker)) {
    throw new Error(`${folder} is not empty, and not a stack's: give the stack a folder of its own`);
  }
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, marker), '');
  // PostgreSQL runs as another user where this one is root: it may pass through, but not look around.
  await chmod(folder, 0o711);
};
