/** The manifests that were named: files, folders, or standard input. */
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Refusal } from '../refusal.ts';
import type { Terminal } from '../terminal.ts';
import { type Manifests, readManifests } from './manifests.ts';

export interface Source {
  /** The file's name, as far as it was given. */
  readonly name: string;
  readonly manifests: Manifests;
}

/** The files that kubectl reads in a folder. */
const IS_MANIFEST = /\.(?:ya?ml|json)$/;

/** @throws Refusal for a file that cannot be read, or a folder without manifests. */
export async function readSources(
  named: readonly string[],
  recursive: boolean,
  terminal: Pick<Terminal, 'readInput'>,
): Promise<Source[]> {
  const sources: Source[] = [];
  for (const name of named) {
    if (name === '-') {
      sources.push({ name: 'stdin', manifests: readManifests(await terminal.readInput()) });
      continue;
    }
    for (const file of await filesIn(name, recursive))
      sources.push({ name: file, manifests: readManifests(await orRefuse(file, readFile(file, 'utf8'))) });
  }
  return sources;
}

async function filesIn(name: string, recursive: boolean): Promise<string[]> {
  if (!(await orRefuse(name, stat(name))).isDirectory()) return [name];
  const found = await orRefuse(name, readdir(name, { recursive }));
  const files = found.filter((file) => IS_MANIFEST.test(file)).toSorted();
  if (files.length === 0) throw new Refusal(`the folder ${name} has no .yaml, .yml or .json file`);
  return files.map((file) => join(name, file));
}

async function orRefuse<T>(file: string, reading: Promise<T>): Promise<T> {
  try {
    return await reading;
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
    throw new Refusal(`the file ${file} cannot be read (${code})`);
  }
}
