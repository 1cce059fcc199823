/** The commands of cli/, run as people run them. */
import { join } from 'node:path';
import { execa } from 'execa';
import { nodeProgram, projectRoot } from '../../stack/paths.ts';
import { quick } from '../../stack/process/quick.ts';
import type { BareCluster } from './bare-cluster.ts';

const program = join(projectRoot, 'cli/main.ts');

export interface Said {
  readonly code: number;
  /** All that it printed. */
  readonly text: string;
}

/** @param env on top: another kubectl, for instance. */
export function commandsOn(
  { kubeconfig, kubectlProgram }: Pick<BareCluster, 'kubeconfig' | 'kubectlProgram'>,
  env: Readonly<Record<string, string>> = {},
) {
  const runs =
    (command: string) =>
    async (...args: readonly string[]): Promise<Said> => {
      const { exitCode = -1, all } = await execa(nodeProgram, [program, command, ...args], {
        env: { ...quick, KUBECONFIG: kubeconfig, KUBECTL: kubectlProgram, ...env },
        all: true,
        reject: false,
      });
      return { code: exitCode, text: all };
    };
  return {
    install: runs('install'),
    upgrade: runs('upgrade'),
    uninstall: runs('uninstall'),
    rotate: runs('rotate'),
    replay: runs('replay'),
    sweep: runs('sweep'),
  };
}

/** The options that a first installation cannot do without. */
export const askedFor = (vaultAddress: string, prefix: string): readonly string[] => [
  '--vault-address',
  vaultAddress,
  '--vault-auth-path',
  'k8s',
  '--prefix',
  prefix,
  '--image',
  'registry.example.com/injector:3.0.0',
];
