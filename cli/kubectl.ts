/** The cluster, through kubectl: a person's login (plugins, SSO) works here, too. */
import { execa } from 'execa';
import { printable } from '../shared/secret.ts';
import { kubeconfigMustExist } from './cluster.ts';
import type { Caller, ClusterOptions } from './command.ts';
import { Refusal } from './refusal.ts';

interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Kubectl {
  /** Resolves whatever the exit code. @param input for `-f -`, so that no secret appears in a list of processes. */
  run(args: readonly string[], input?: string): Promise<Ran>;
  /**
   * Standard output.
   *
   * @throws Refusal with kubectl's message.
   */
  text(args: readonly string[], input?: string): Promise<string>;
  /** Parsed output of `-o json`; `undefined` if empty, as with `--ignore-not-found`. */
  json(args: readonly string[], input?: string): Promise<unknown>;
}

const MAX_SAID = 2_000;

/** kubectl, or the program that KUBECTL names. */
export function openKubectl(
  { context, kubeconfig }: ClusterOptions,
  { environment }: Pick<Caller, 'environment'>,
): Kubectl {
  kubeconfigMustExist({ kubeconfig }, environment);
  const program = environment['KUBECTL'] || 'kubectl';
  const common = [
    ...(context === undefined ? [] : [`--context=${context}`]),
    ...(kubeconfig === undefined ? [] : [`--kubeconfig=${kubeconfig}`]),
  ];

  async function run(args: readonly string[], input = ''): Promise<Ran> {
    const ran = await execa(program, [...common, ...args], {
      input,
      reject: false,
      stripFinalNewline: false,
    });
    const { exitCode = 1, stdout, stderr, code } = ran;
    if (code === 'ENOENT' || code === 'EACCES')
      throw new Refusal(`${program} cannot be run: install kubectl, or set KUBECTL to its path`);
    return { code: exitCode, stdout, stderr };
  }

  async function text(args: readonly string[], input?: string): Promise<string> {
    const { code, stdout, stderr } = await run(args, input);
    if (code === 0) return stdout;
    throw new Refusal(`kubectl ${args.slice(0, 2).join(' ')} failed: ${saidBy(stderr)}`);
  }

  return {
    run,
    text,
    async json(args, input) {
      const answer = await text([...args, '-o', 'json'], input);
      return answer.trim() === '' ? undefined : JSON.parse(answer);
    },
  };
}

// The API server's message contains the webhook's whole URL if it cannot reach it.
const PATH_SECRET = /(?<=\/)[\da-f]{64}\b/g;

/** Lines of kubectl's message. */
export function saidBy(stderr: string): string {
  const lines = stderr
    .split('\n')
    .map((line) => printable(line, MAX_SAID).replace(PATH_SECRET, '[redacted]'));
  return lines.filter((line) => line !== '').join('\n  ');
}
