import { statSync } from 'node:fs';

/** A fingerprint that changes whenever a file is rewritten or replaced; the file is not read. */
export function fileVersion(path: string): string {
  const { mtimeMs, size, ino } = statSync(path);
  return `${mtimeMs} ${size} ${ino}`;
}
