/** The files that a database's annotations ask for: `file-<name>`, with `format-<name>` or `content-<name>`. */
import { fault } from './annotation-reading.ts';
import { contentOf, FILE_FORMATS, type FileFormat, formatOfName, isFileFormat } from './file-formats.ts';
import type { DatabaseSettings } from './requested-variables.ts';
import { parseTemplate, type Template } from './template.ts';

export interface RequestedFile {
  /** Absolute, in each container that gets it. */
  readonly path: string;
  /** In the pod's Secret. No variable has such a name: it begins with a digit. */
  readonly key: string;
  readonly template: Template;
  /** Whether programs refuse it if anybody but its owner may read it. */
  readonly isPrivate: boolean;
}

export const FILE_KEYS = ['file-<name>', 'format-<name>', 'content-<name>'];
export const FILE_KEY = /^(?:file|format|content)-./;
const NAME = /^[\w-]{1,40}$/;
// No ":", which Kubernetes allows in no mount's path, and no "..", which it keeps for itself.
const PATH = /^(?:\/(?!\.{1,2}(?:\/|$)|\.\.)[^/:\p{C}\p{Z}]{1,255}){2,32}$/u;
const MAX_SEGMENT_BYTES = 255;
/** A volume there would hide what the image has, or what the runtime mounts. */
const TAKEN =
  /^\/(?:(?:bin|boot|dev|lib\w*|proc|sbin|sys|usr\/(?:s?bin|lib\w*|local\/(?:s?bin|lib))|etc\/(?:ssl|pki)|(?:var\/)?run\/secrets)(?:\/.*)?|etc|home|media|mnt|opt|root|run|srv|tmp|usr(?:\/[^/]+)?|var|var\/(?:lib|log|run|tmp))$/;

export const directoryOf = (path: string): string => path.slice(0, path.lastIndexOf('/'));
export const baseName = (path: string): string => path.slice(path.lastIndexOf('/') + 1);

export function readFiles(database: DatabaseSettings, databaseName: string): RequestedFile[] {
  const { settings, named, problems } = database;
  const names = new Set(
    [...settings.keys()].filter((key) => FILE_KEY.test(key)).map((key) => key.slice(key.indexOf('-') + 1)),
  );
  return [...names].flatMap((name) => {
    if (!NAME.test(name)) {
      problems.add(() => fault(named(`file-${name}`), name, 'a name of letters, digits, "-" and "_"'));
      return [];
    }
    const path = readPath(name, database);
    const content = readContent(name, path ?? '', database);
    if (path === undefined || !content) return [];
    return [{ path, key: `0.${databaseName || 'unnamed'}.${name}`, ...content }];
  });
}

function readPath(name: string, { settings, named, problems }: DatabaseSettings): string | undefined {
  const path = settings.get(`file-${name}`) ?? '';
  if (!isPath(path)) {
    problems.add(() =>
      fault(
        named(`file-${name}`),
        path,
        'the absolute path of a file in a directory, such as "/etc/app/creds.json"',
      ),
    );
    return undefined;
  }
  if (TAKEN.test(directoryOf(path))) {
    problems.add(() =>
      fault(
        named(`file-${name}`),
        path,
        'a directory of its own, such as "/etc/app": a volume hides everything else in it',
      ),
    );
    return undefined;
  }
  return path;
}

const isPath = (path: string): boolean =>
  PATH.test(path) && path.split('/').every((segment) => Buffer.byteLength(segment) <= MAX_SEGMENT_BYTES);

function readContent(
  name: string,
  path: string,
  { settings, named, problems }: DatabaseSettings,
): Pick<RequestedFile, 'template' | 'isPrivate'> | undefined {
  const text = settings.get(`content-${name}`);
  const chosen = settings.get(`format-${name}`);
  if (text !== undefined && chosen !== undefined) {
    problems.add(() => fault(named(`format-${name}`), chosen, `none beside "${named(`content-${name}`)}"`));
    return undefined;
  }
  if (text !== undefined) {
    const parsed = parseTemplate(text);
    if ('template' in parsed) return { template: parsed.template, isPrivate: false };
    problems.add(() => fault(named(`content-${name}`), '…', parsed.expected));
    return undefined;
  }
  const format = chosen ?? formatOfName(baseName(path));
  if (format !== undefined && isFileFormat(format)) return ofFormat(format);
  if (path !== '' || chosen !== undefined)
    problems.add(() => fault(named(`format-${name}`), chosen ?? '', `one of ${FILE_FORMATS.join(', ')}`));
  return undefined;
}

const ofFormat = (format: FileFormat) => ({ template: contentOf(format), isPrivate: format === 'pgpass' });

/** The folders that a file is in, the nearest first. */
function foldersOf(path: string): string[] {
  const folder = directoryOf(path);
  return folder === '' ? [] : [folder, ...foldersOf(folder)];
}

/** One sentence for each file that cannot stand beside another: at its path, or in it as if it were a folder. */
export function clashesOf(files: readonly RequestedFile[]): string[] {
  const paths = files.map(({ path }) => path);
  const all = new Set(paths);
  const seen = new Set<string>();
  return paths.flatMap((path) => {
    const other = seen.has(path) ? path : foldersOf(path).find((folder) => all.has(folder));
    seen.add(path);
    return other === undefined
      ? []
      : [`file "${other}" cannot be beside "${path}": expected different paths`];
  });
}
