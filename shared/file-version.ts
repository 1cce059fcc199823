import { statSync } from 'node:fs';

/** What differs as soon as a file was written again or another one took its place, without reading it. */
export function fileVersion(path: string): string {
  const { mtimeMs, size, ino } = statSync(path);
  return `${mtimeMs} ${size} ${ino}`;
}
