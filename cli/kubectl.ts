/** The cluster, through kubectl: a person's login (plugins, SSO) works here, too. */
import { spawn } from 'node:child_process';
import { printable } from '../shared/secret.ts';
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

export interface KubectlOptions {
  readonly program: string;
  /** Context of the kubeconfig; absent: the current one. */
  readonly context: string | undefined;
}

const MAX_SAID = 2_000;

export function createKubectl({ program, context }: KubectlOptions): Kubectl {
  const common = context === undefined ? [] : [`--context=${context}`];

  function run(args: readonly string[], input = ''): Promise<Ran> {
    const child = spawn(program, [...common, ...args], { stdio: ['pipe', 'pipe', 'pipe'] });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => err.push(chunk));
    // A kubectl that closes its input early exits with a code of its own.
    child.stdin.on('error', () => {});
    child.stdin.end(input);
    return new Promise((resolve, reject) => {
      child.on('error', () =>
        reject(new Refusal(`${program} cannot be run: install kubectl, or set KUBECTL to its path`)),
      );
      child.on('close', (code) =>
        resolve({
          code: code ?? 1,
          stdout: Buffer.concat(out).toString('utf8'),
          stderr: Buffer.concat(err).toString('utf8'),
        }),
      );
    });
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
