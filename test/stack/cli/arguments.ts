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
  | { verb: 'install'; parts: readonly PartName[] }
  | { verb: 'install-lowest' };

export const usage = `usage: npm run stack -- up [--foreground] [--tls] [--namespace=NAME] [--folder=DIR]
       npm run stack -- down | status | sweep [--folder=DIR]
       npm run stack -- install [${partNames.join('|')}]...
       npm run stack -- install --lowest`;

const isPartName = (name: string): name is PartName => partNames.some((known) => known === name);

const installation = (names: readonly string[], lowest: boolean): Command | undefined => {
  if (lowest) return names.length === 0 ? { verb: 'install-lowest' } : undefined;
  return names.every(isPartName)
    ? { verb: 'install', parts: names.length > 0 ? names : partNames }
    : undefined;
};

/** What the command line asks for, or undefined if it is not one that `usage` shows. */
export const parseCommand = (args: readonly string[]): Command | undefined => {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean', default: false } as const;
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: { folder: text, namespace: text, tls: flag, foreground: flag, lowest: flag },
    });
    const [verb, ...rest] = positionals;
    const { folder, namespace, tls, foreground, lowest } = values;
    if (verb === 'install') return installation(rest, lowest);
    if (rest.length > 0 || lowest) return undefined;
    if (verb === 'up') return { verb, folder, namespace, tls, foreground };
    return verb === 'down' || verb === 'status' || verb === 'sweep' ? { verb, folder } : undefined;
  } catch {
    return undefined;
  }
};
