/** What doctor asks Vault for is what the policies of knative/vault allow: path by path, capability by capability. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { examplePath, lacking, vaultNeeds } from '../../../../cli/doctor/vault-needs.ts';
import { PROCESSES, type ProcessName } from '../../../../cli/processes.ts';
import { fillIn } from '../../../stack/vault/policies.ts';

const places = { authPath: 'k8s', ledgerMount: 'kv', ledgerPrefix: 'cluster' };

function inPolicy(process: ProcessName) {
  const text = fillIn(readFileSync(`knative/vault/${process}.hcl`, 'utf8').replaceAll(/^#.*$/gm, ''), {
    auth_path: places.authPath,
    ledger_mount: places.ledgerMount,
    ledger_prefix: places.ledgerPrefix,
    application_policies: '[]',
    leases: '[]',
  });
  const blocks = text.matchAll(/^path "(.*)" \{\n {2}capabilities = \[(.*)\]$/gm);
  return Array.from(blocks, ([, path = '', list = '']) => ({
    path,
    capabilities: list.split(', ').map((one) => one.replaceAll('"', '')),
  }));
}

const sorted = (needs: Iterable<{ readonly path: string; readonly capabilities: readonly string[] }>) =>
  Array.from(needs, ({ path, capabilities }) => `${path}: ${capabilities.toSorted().join(', ')}`).toSorted();

test.each(PROCESSES)('%s', (process) => {
  expect(sorted(vaultNeeds(process, places))).toEqual(sorted(inPolicy(process)));
});

describe('what is lacking', () => {
  const needs = [
    { path: 'auth/k8s/role/+', capabilities: ['read'] },
    { path: 'auth/token/create-orphan', capabilities: ['update', 'sudo'] },
  ];
  const granted = (...held: readonly (readonly string[])[]) =>
    new Map(needs.map((need, index) => [examplePath(need), held[index] ?? []]));

  test.each([
    ['nothing', [['read'], ['sudo', 'update']], []],
    ['nothing of root', [['root'], ['root']], []],
    ['one', [['read'], ['update']], ['sudo on auth/token/create-orphan']],
    ['all', [['deny']], ['read on auth/k8s/role/+', 'update, sudo on auth/token/create-orphan']],
  ])('%s', (_, held, expected) => {
    expect(lacking(needs, granted(...held))).toEqual(expected);
  });
});
