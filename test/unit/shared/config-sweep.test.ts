/** The keys that the renewal job and the revocation function have beyond the reference's. */
import { describe, expect, test } from 'vitest';
import { type Config, parseConfig } from '../../../shared/config.ts';

const required = {
  INJECTOR_VAULT_ADDRESS: 'https://vault.example:8200',
  INJECTOR_VAULT_AUTH_PATH: 'kubernetes',
  INJECTOR_VAULT_SECRET_NAME: 'vault-injector',
  INJECTOR_VAULT_SECRET_PREFIX: 'cluster',
  INJECTOR_KUBE_ROLE: 'all-rw',
};
const parse = (environment: Readonly<Record<string, string>>, file?: string): Config =>
  parseConfig({ file, environment: { ...required, ...environment }, process: 'renewal' });

test('have defaults', () => {
  expect(parse({})).toMatchObject({
    syncIntervalSeconds: 300,
    clusterId: undefined,
    gracePeriodSeconds: 120,
    maxRevokeFraction: 0.5,
    onMaxTtl: 'report',
    onLost: 'report',
    shard: 0,
    shards: 1,
    metrics: { uuidLabel: false, pushUrl: undefined, port: undefined, tls: undefined },
    vault: { rateLimit: undefined, clusterId: undefined },
  });
});

describe('are read from file and environment', () => {
  test.each<[string, string, string, object]>([
    ['clusterId: par5', 'INJECTOR_CLUSTER_ID', 'par5', { clusterId: 'par5', vault: { clusterId: 'par5' } }],
    ['gracePeriodSecond: 60', 'INJECTOR_GRACE_PERIOD_SECOND', '60', { gracePeriodSeconds: 60 }],
    ['maxRevokeFraction: 1', 'INJECTOR_MAX_REVOKE_FRACTION', '1', { maxRevokeFraction: 1 }],
    ['onMaxTtl: evict', 'INJECTOR_ON_MAX_TTL', 'evict', { onMaxTtl: 'evict' }],
    ['onLost: evict', 'INJECTOR_ON_LOST', 'evict', { onLost: 'evict' }],
    ['vaultRateLimit: 50', 'INJECTOR_VAULT_RATE_LIMIT', '50', { vault: { rateLimit: 50 } }],
    ['metricsUuidLabel: true', 'INJECTOR_METRICS_UUID_LABEL', 'true', { metrics: { uuidLabel: true } }],
    ['metricsPort: 9464', 'INJECTOR_METRICS_PORT', '9464', { metrics: { port: 9464 } }],
    [
      'metricsPushUrl: http://push:9091',
      'INJECTOR_METRICS_PUSH_URL',
      'http://push:9091',
      { metrics: { pushUrl: 'http://push:9091' } },
    ],
  ])('%s', (line, name, value, expected) => {
    expect(parse({}, line)).toMatchObject(expected);
    expect(parse({ [name]: value })).toMatchObject(expected);
  });

  test('METRICS_PUSH_URL, which INJECTOR_METRICS_PUSH_URL overrides', () => {
    expect(parse({ METRICS_PUSH_URL: 'http://a' }).metrics.pushUrl).toBe('http://a');
    const both = { METRICS_PUSH_URL: 'http://a', INJECTOR_METRICS_PUSH_URL: 'http://b' };
    expect(parse(both).metrics.pushUrl).toBe('http://b');
  });

  test('JOB_COMPLETION_INDEX, which Kubernetes sets', () => {
    expect(parse({ JOB_COMPLETION_INDEX: '3', INJECTOR_SWEEP_SHARDS: '4' })).toMatchObject({
      shard: 3,
      shards: 4,
    });
  });
});

describe('are refused', () => {
  test.each([
    ['INJECTOR_GRACE_PERIOD_SECOND', '0', 'gracePeriodSecond: expected at least 1'],
    [
      'INJECTOR_GRACE_PERIOD_SECOND',
      '59',
      'gracePeriodSecond: expected at least 60: a pod may be in admission',
    ],
    ['INJECTOR_MAX_REVOKE_FRACTION', '1.5', 'maxRevokeFraction: expected a number between 0 and 1'],
    ['INJECTOR_MAX_REVOKE_FRACTION', '-1', 'maxRevokeFraction: expected a number between 0 and 1'],
    ['INJECTOR_ON_LOST', 'delete', 'onLost: expected report or evict'],
    ['INJECTOR_ON_MAX_TTL', 'Evict', 'onMaxTtl: expected report or evict'],
    ['INJECTOR_SWEEP_SHARDS', '0', 'sweepShards: expected at least 1'],
    ['INJECTOR_VAULT_RATE_LIMIT', 'fast', 'vaultRateLimit: expected a whole number'],
    ['INJECTOR_CLUSTER_ID', 'a/b', 'clusterId: expected letters, digits, "_", "-" and "."'],
    ['INJECTOR_METRICS_PUSH_URL', 'push:9091', 'metricsPushUrl: expected http:// or https://'],
    ['JOB_COMPLETION_INDEX', '1', 'JOB_COMPLETION_INDEX: expected a number up to 0'],
    ['JOB_COMPLETION_INDEX', 'first', 'JOB_COMPLETION_INDEX: expected a number up to 0'],
  ])('%s: %s', (name, value, fault) => {
    expect(() => parse({ [name]: value })).toThrow(fault);
  });

  test('with shards and no index: a Job that is not Indexed would look after one share only', () => {
    const index =
      'JOB_COMPLETION_INDEX: is missing, and sweepShards is more than 1: the Job has to be Indexed';
    expect(() => parse({ INJECTOR_SWEEP_SHARDS: '4' })).toThrow(index);
    expect(() => parse({}, 'sweepShards: 4')).toThrow(index);
    const indexed = { INJECTOR_SWEEP_SHARDS: '4', JOB_COMPLETION_INDEX: '3' };
    expect(parse(indexed)).toMatchObject({ shards: 4, shard: 3 });
  });

  test('with the mode of another process', () => {
    expect(() => parse({ INJECTOR_MODE: 'revoker' })).toThrow(
      'mode: found "revoker", but this process is the renewal job (mode: renewer)',
    );
  });
});
