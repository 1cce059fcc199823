import { parseArgs } from 'node:util';
import { type PartName, partNames } from '../install/parts.ts';

export type UpOptions = {
  folder: string | undefined;
  tls: boolean;
  namespace: string | undefined;
};

export type Command =
  | ({ verb: 'up'; foreground: boolean } & UpOptions)
  | { verb: 'down' | 'status' | 'sweep'; folder: string | undefined }
  | { verb: 'install'; parts: readonly PartName[] };

export const usage = `usage: npm run stack -- up [--foreground] [--tls] [--namespace=NAME] [--folder=DIR]
       npm run stack -- down | status | sweep [--folder=DIR]
       npm run stack -- install [${partNames.join('|')}]...`;

const isPartName = (name: string): name is PartName => partNames.some((known) => known === name);

/** What the command line asks for, or undefined if it is not one that `usage` shows. */
export const parseCommand = (args: readonly string[]): Command | undefined => {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean', default: false } as const;
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: { folder: text, namespace: text, tls: flag, foreground: flag },
    });
    const [verb, ...rest] = positionals;
    const { folder, namespace, tls, foreground } = values;
    if (verb === 'install') {
      return rest.every(isPartName) ? { verb, parts: rest.length > 0 ? rest : partNames } : undefined;
    }
    if (rest.length > 0) return undefined;
    if (verb === 'up') return { verb, folder, namespace, tls, foreground };
    return verb === 'down' || verb === 'status' || verb === 'sweep' ? { verb, folder } : undefined;
  } catch {
    return undefined;
  }
};
