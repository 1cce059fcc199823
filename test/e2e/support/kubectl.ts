/** kubectl on the stack's API server, as an operator uses it. */
import { execa } from 'execa';
import { findOrInstall } from '../../stack/install/index.ts';
import { stack } from './stack.ts';

const program = await findOrInstall('kubectl', () => {});

export interface Kubectl {
  readonly ok: boolean;
  /** Both streams. */
  readonly output: string;
}

/** @param input of its standard input. */
export async function kubectl(args: readonly string[], input = ''): Promise<Kubectl> {
  const { exitCode, all } = await execa(
    program,
    [`--kubeconfig=${stack.description.kubernetes.kubeconfig}`, ...args],
    { input, all: true, reject: false },
  );
  return { ok: exitCode === 0, output: all };
}

/** Whether the API server would take it, every field of it; nothing is stored. */
export function wouldApply(manifests: readonly object[]): Promise<Kubectl> {
  const flags = ['--server-side', '--validate=strict', '--dry-run=server', '--force-conflicts'];
  const list = { apiVersion: 'v1', kind: 'List', items: manifests };
  return kubectl(['apply', ...flags, '--field-manager=test', '--filename=-'], JSON.stringify(list));
}
