/**
 * The licences of all that is bundled: they go with it. Taken from what esbuild says is in the bundles, so that nothing is
 * named that is not there, and nothing forgotten that is.
 */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Metafile } from 'esbuild';

export interface License {
  readonly name: string;
  readonly version: string;
  /** By its SPDX identifier (https://spdx.org/licenses/). */
  readonly id: string;
  readonly text: string;
}

/** Licences that ask for no more than to be named beside what is shipped. Another one is for a person to look at. */
const ALLOWED: ReadonlySet<string> = new Set([
  '0BSD',
  'Apache-2.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'BlueOak-1.0.0',
  'ISC',
  'MIT',
]);
const IN_PACKAGE = /^(?:[\w-]+:)?(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//;
const LICENSE_FILE = /^(?:licen[cs]e|copying|notice)/i;
/** Of a README, for packages that have no file for it. */
const LICENSE_SECTION = /^#+ *licen[cs]e[\s\S]*/im;

/** Folders of the packages of which something is in an output. */
export function packagesIn(metafiles: readonly Pick<Metafile, 'outputs'>[]): string[] {
  const inputs = metafiles
    .flatMap(({ outputs }) => Object.values(outputs))
    .flatMap((output) => Object.entries(output.inputs));
  const folders = inputs.flatMap(([path, { bytesInOutput }]) =>
    bytesInOutput > 0 ? (IN_PACKAGE.exec(path)?.[1] ?? []) : [],
  );
  // One that is loaded late has an absolute path.
  return [...new Set(folders.map((folder) => folder.replace(`${process.cwd()}/`, '')))].toSorted();
}

/** @throws where a package does not say its licence, or has one that is not allowed. */
export async function licenseOf(folder: string): Promise<License> {
  const about: unknown = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'));
  const field = (name: string) =>
    String(Object.entries(about ?? {}).find(([key]) => key === name)?.[1] ?? '');
  const id = field('license');
  if (!ALLOWED.has(id))
    throw new Error(
      `${field('name')} would be shipped, under the licence "${id}": leave it out of the bundles (build.ts), or look at the licence and allow it (third-party-licenses.ts)`,
    );
  return { name: field('name'), version: field('version'), id, text: await textOf(folder) };
}

async function textOf(folder: string): Promise<string> {
  const names = (await readdir(folder)).toSorted();
  const files = names.filter((name) => LICENSE_FILE.test(name));
  if (files.length > 0) return (await Promise.all(files.map((name) => read(folder, name)))).join('\n\n');
  const readme = names.find((name) => /^readme/i.test(name));
  const section = readme ? LICENSE_SECTION.exec(await read(folder, readme)) : null;
  if (section) return section[0].trim();
  throw new Error(`${folder} has no text of its licence`);
}

const read = async (folder: string, name: string): Promise<string> =>
  (await readFile(join(folder, name), 'utf8')).trim();

const RULE = '-'.repeat(100);

export function noticeOf(licenses: readonly License[]): string {
  const one = ({ name, version, id, text }: License) =>
    `${RULE}\n${name} ${version} (${id})\n${RULE}\n\n${text}\n`;
  const head = `Vault DB injector is under the Apache License 2.0 (LICENSE). In its bundles are these ${licenses.length} packages of others.`;
  return [head, ...licenses.map(one)].join('\n\n');
}
