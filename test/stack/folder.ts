import { chmod, mkdir, readdir, rm, stat, writeFile } from 'node:fs/promises';
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
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await writeFile(join(folder, marker), '');
  await letThrough(folder);
};

/** PostgreSQL runs as another user where this one is root: it may pass through a folder, but not look around. */
export const letThrough = async (folder: string): Promise<void> => {
  if (process.getuid?.() === 0) await chmod(folder, (await stat(folder)).mode | 0o111);
};
