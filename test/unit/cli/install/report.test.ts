/** What a person is told at the end of an installation. */
import { expect, test } from 'vitest';
import { whatNext } from '../../../../cli/install/report.ts';

type Arguments = Parameters<typeof whatNext>;
const plan = (kind: 'kourier' | 'istio'): Arguments[0] => ({
  configuration: { delivery: 'secret', vaultSecretName: 'vault-injector', vaultSecretPrefix: 'mine' },
  image: undefined,
  vaultCa: undefined,
  ingress: { kind },
  anotherWay: false,
  awaitsTrust: false,
  pathSecret: '0'.repeat(64),
  newPathSecret: false,
  broker: undefined,
  brokerAgain: undefined,
  suspended: false,
  components: [],
});
const cluster = (kourier: Readonly<Record<string, string>>): Arguments[1] => ({
  version: '1.30',
  kinds: [],
  takesFilters: false,
  deployments: new Set(),
  services: new Map(),
  settings: new Map([['knative-serving/config-kourier', kourier]]),
});
const OFF = { 'enable-service-access-logging': 'false' };

test.each([
  ['kourier', {}, true],
  ['kourier', OFF, false],
  ['istio', {}, false],
] as const)('%s, %o: whether its access log is told of', (kind, kourier, expected) => {
  const text = whatNext(plan(kind), cluster(kourier));
  expect(text.includes("Kourier's access log contains the path")).toBe(expected);
  expect(text.includes('patch configmap config-kourier --type=merge')).toBe(expected);
  expect(text).not.toContain('0'.repeat(64));
});
