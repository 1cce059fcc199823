/** `npx vault-db-injector` as people and programs run it. */
import { mkdtemp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { execa } from 'execa';
import { stringify } from 'yaml';
import { configurationOf, containerOf, environmentIn } from '../../stack/function.ts';
import { nodeProgram, projectRoot } from '../../stack/paths.ts';
import { quick } from '../../stack/process/quick.ts';
import type { Keys } from './fleet.ts';
import { stack } from './stack.ts';

export interface Output {
  readonly code: number;
  /** What a program reads. */
  readonly out: string;
  readonly err: string;
}

export interface Wishes {
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string;
}

const program = join(projectRoot, 'cli/vault-db-injector.js');
const bundle = join(projectRoot, 'dist/vault-db-injector.cjs');
// Leaves out the environment of the person who runs the tests, and sets NO_COLOR, so that output can be compared.
const surroundings = {
  PATH: process.env['PATH'] ?? '',
  HOME: join(stack.description.folder, 'home'),
  NO_COLOR: '1',
  ...quick,
};

/** Runs in a pipe. Without a configuration it uses the cluster's. */
export const run = (args: readonly string[], { env, ...wishes }: Wishes = {}): Promise<Output> =>
  start(program, args, { ...wishes, env: { KUBECONFIG: stack.description.kubernetes.kubeconfig, ...env } });

/** Runs as in the image, in a pod of the renewal job. */
export async function runInPod(args: readonly string[], keys: Keys): Promise<Output> {
  const container = containerOf(stack.description.functions, 'renewal');
  const env = {
    ...environmentIn(container, { ...keys }),
    KUBECONFIG: container.kubeconfig,
    CONFIG_FILE: await configurationFile({ ...keys, serviceAccountTokenFile: container.tokenFile }),
  };
  return start(nodeProgram, [bundle, ...args], { env });
}

async function start(
  file: string,
  args: readonly string[],
  { env = {}, input = '' }: Wishes,
): Promise<Output> {
  const {
    exitCode = -1,
    stdout,
    stderr,
  } = await execa(file, args, {
    env: { ...surroundings, ...env },
    extendEnv: false,
    input,
    reject: false,
  });
  return { code: exitCode, out: stdout, err: stderr };
}

export interface Seen {
  readonly code: number;
  /** What a person still sees at the end. */
  readonly out: string;
  /** All that was ever written, with what colours it and moves the cursor. */
  readonly raw: string;
}

/** Runs at a terminal, where a person types. */
export async function runAtTerminal(
  args: readonly string[],
  typed = '',
  env: Readonly<Record<string, string>> = {},
): Promise<Seen> {
  const command = [program, ...args].map((word) => `'${word}'`).join(' ');
  const { exitCode = -1, stdout } = await execa(
    'script',
    ['--quiet', '--return', '--echo', 'never', '--command', command, '/dev/null'],
    {
      env: {
        ...surroundings,
        KUBECONFIG: stack.description.kubernetes.kubeconfig,
        SHELL: '/bin/sh',
        TERM: 'xterm-256color',
        ...env,
      },
      extendEnv: false,
      input: typed,
      reject: false,
    },
  );
  return { code: exitCode, out: stdout.split('\r\n').map(visible).join('\n'), raw: stdout };
}

/** What is left of a line once all has been written over it. */
const visible = (line: string): string => stripVTControlCharacters(line.slice(line.lastIndexOf('\r') + 1));

/** A file with the stack's configuration, and these keys on top. */
export async function configurationFile(keys: Keys): Promise<string> {
  const { folder, configuration } = stack.description.functions;
  const file = join(await mkdtemp(join(folder, 'cli-')), 'config.yaml');
  await writeFile(file, stringify(configurationOf(configuration, keys)), { mode: 0o600 });
  return file;
}

const VARYING: readonly (readonly [RegExp, string])[] = [
  [/[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}/g, 'UUID'],
  [/127\.0\.0\.1:\d+/g, 'ADDRESS'],
  [/\b(?:strict|fleet|doctor)-[\da-f]{8}/g, 'PREFIX'],
  [/\bpod-\d+-\d+/g, 'POD'],
  [/\b(\w+-rw)-\d{10}-\w+/g, '$1-USER'],
  [/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'TIME'],
  [/\d{4}-\d\d-\d\d/g, 'DATE'],
  [/(?:in )?\b\d+[dhms]\b(?: ago)?(?=\s)/g, 'SPAN'],
  [/\b\d+ s ago/g, 'N s ago'],
  [/version \d[\w.+-]+/g, 'version V'],
  [/\/\S+\/cli-\w+\/config\.yaml/g, 'config.yaml'],
];

/** Removes what differs from one run to the next. */
export const normalised = (text: string): string =>
  `${VARYING.reduce((all, [pattern, name]) => all.replaceAll(pattern, name), text)}\n`;
