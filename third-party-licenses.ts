/**
 * The licences of everything that is bundled, shipped with it. Read from esbuild's list of what is in the bundles, so
 * that the list is exact.
 */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Metafile } from 'esbuild';

export interface License {
  readonly name: string;
  readonly version: string;
  /** SPDX identifier (https://spdx.org/licenses/). */
  readonly id: string;
  readonly text: string;
}

/** Licences that only require attribution. A person has to look at any other. */
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
/** Licence text from a README, for packages without a licence file. */
const LICENSE_SECTION = /^#+ *licen[cs]e[\s\S]*/im;

/** Folders of packages that are part of an output. */
export function packagesIn(metafiles: readonly Pick<Metafile, 'outputs'>[]): string[] {
  const inputs = metafiles
    .flatMap(({ outputs }) => Object.values(outputs))
    .flatMap((output) => Object.entries(output.inputs));
  const folders = inputs.flatMap(([path, { bytesInOutput }]) =>
    bytesInOutput > 0 ? (IN_PACKAGE.exec(path)?.[1] ?? []) : [],
  );
  // A lazily loaded module has an absolute path.
  return [...new Set(folders.map((folder) => folder.replace(`${process.cwd()}/`, '')))].toSorted();
}

/** @throws if a package names no licence, or one that is not allowed. */
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
