import { describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import {
  type ConfigSource,
  parseConfig,
  parseDeadLetterConfig,
  parseReplayConfig,
} from '../../../shared/config.ts';
import { CONFIGURATION_KEYS, environmentName } from '../../../shared/config-keys.ts';
import { REQUIRED_KEYS } from '../../support/configuration-keys.ts';

/** The example in the reference document. */
const reference = {
  certFile: '/tls/tls.crt',
  keyFile: '/tls/tls.key',
  vaultAddress: 'https://vault1.tld:8200',
  vaultAuthPath: 'pgsql2-dv-kubernetes1-dv-par5',
  logLevel: 'info',
  kubeRole: 'all-rw',
  tokenTTL: '768h',
  vaultSecretName: 'vault-injector',
  vaultSecretPrefix: 'kubernetes1-dv-par5',
  mode: 'injector',
  sentry: true,
  sentryDsn: 'https://my-sentry-url@sentry.tld/660',
  injectorLabel: 'vault-db-injector',
  defaultEngine: 'databases',
};
const required = { ...REQUIRED_KEYS, webhookPathSecretFolder: '/webhook-path' };
/** The one thing that a file of the reference lacks. */
const withPathSecret = { INJECTOR_WEBHOOK_PATH_SECRET_FOLDER: '/webhook-path' };

function read(
  values: object,
  environment: ConfigSource['environment'] = {},
  process: ConfigSource['process'] = 'admission',
) {
  return parseConfig({ file: stringify(values), environment, process });
}

function faultsOf(source: Partial<ConfigSource>): string[] {
  try {
    parseConfig({ file: stringify(required), environment: {}, process: 'admission', ...source });
    return [];
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    const [headline, ...faults] = error.message.split('\n  ');
    expect(headline).toBe('the configuration is not valid:');
    return faults;
  }
}

const faultsIn = (values: object) => faultsOf({ file: stringify({ ...required, ...values }) });

describe("the reference's configuration", () => {
  test('is understood as it stands', () => {
    expect(read(reference, withPathSecret)).toMatchObject({
      vault: {
        address: 'https://vault1.tld:8200',
        authPath: 'pgsql2-dv-kubernetes1-dv-par5',
        kubeRole: 'all-rw',
        ledgerMount: 'vault-injector',
        ledgerPrefix: 'kubernetes1-dv-par5',
        defaultEngine: 'databases',
      },
      tokenPeriodSeconds: 768 * 3600,
      tls: { certFile: '/tls/tls.crt', keyFile: '/tls/tls.key' },
      sentry: { dsn: 'https://my-sentry-url@sentry.tld/660', sampleRate: 1 },
      injectorLabel: 'vault-db-injector',
      logLevel: 'info',
    });
  });

  test.each(['SyncTTLSecond', 'syncTTLSecond'])('has its sync interval under %s', (key) => {
    expect(read({ ...required, [key]: 60 }).syncIntervalSeconds).toBe(60);
  });

  test('does not have it under both', () => {
    expect(faultsIn({ SyncTTLSecond: 60, syncTTLSecond: 60 })).toEqual(['syncTTLSecond: is set twice']);
  });

  test('is for one process, as its mode says', () => {
    expect(faultsIn({ mode: 'renewer' })).toEqual([
      'mode: found "renewer", but this process is the admission function (mode: injector)',
    ]);
    expect(read({ ...required, mode: 'renewer' }, {}, 'renewal').port).toBe(8080);
    expect(read({ ...required, mode: 'all' }).port).toBe(8080);
  });
});

describe('the environment', () => {
  test.each([
    ['vaultAddress', 'INJECTOR_VAULT_ADDRESS'],
    ['syncTTLSecond', 'INJECTOR_SYNC_TTL_SECOND'],
    ['tokenTTL', 'INJECTOR_TOKEN_TTL'],
    ['vaultCaFile', 'INJECTOR_VAULT_CA_FILE'],
    ['sentryDsn', 'INJECTOR_SENTRY_DSN'],
    ['mode', 'INJECTOR_MODE'],
  ])('has %s as %s', (key, name) => expect(environmentName(key)).toBe(name));

  test('has a name for each key, and no name for two', () => {
    expect(new Set(CONFIGURATION_KEYS.map(environmentName)).size).toBe(CONFIGURATION_KEYS.length);
  });

  test('overrides the file, and can stand alone', () => {
    expect(read(required, { INJECTOR_VAULT_AUTH_PATH: 'k8s/eu' }).vault.authPath).toBe('k8s/eu');
    const environment = Object.fromEntries(
      Object.entries(required).map(([key, value]) => [environmentName(key), value]),
    );
    expect(parseConfig({ environment, process: 'admission' })).toEqual(read(required));
  });

  test('says numbers, flags and durations in words', () => {
    const environment = {
      INJECTOR_SYNC_TTL_SECOND: '60',
      INJECTOR_SENTRY: 'true',
      INJECTOR_SENTRY_DSN: 'https://x@s.tld/1',
      INJECTOR_TOKEN_TTL: '1h30m',
      PORT: '0',
    };
    expect(read(required, environment)).toMatchObject({
      syncIntervalSeconds: 60,
      sentry: { dsn: 'https://x@s.tld/1' },
      tokenPeriodSeconds: 5400,
      port: 0,
    });
  });

  test('that is empty says nothing', () => {
    expect(read(required, { INJECTOR_VAULT_ADDRESS: '', INJECTOR_TYPO: '' })).toEqual(read(required));
  });

  test('has variables of a Service called "injector", which are none of ours', () => {
    const links = {
      INJECTOR_SERVICE_HOST: '10.96.0.7',
      INJECTOR_SERVICE_PORT: '443',
      INJECTOR_SERVICE_PORT_HTTPS: '443',
      INJECTOR_PORT: 'tcp://10.96.0.7:443',
      INJECTOR_PORT_443_TCP: 'tcp://10.96.0.7:443',
      INJECTOR_PORT_443_TCP_ADDR: '10.96.0.7',
      INJECTOR_METRICS_SERVICE_HOST: '10.96.0.8',
      INJECTOR_METRICS_PORT: 'tcp://10.96.0.8:9464',
    };
    expect(read(required, links)).toEqual(read(required));
  });

  test('with a name that is none of ours is a fault', () => {
    const environment = { INJECTOR_VAULT_ADRESS: 'http://x', OTHER: 'x' };
    expect(faultsOf({ environment })).toEqual([
      'INJECTOR_VAULT_ADRESS: is not the name of a key in the environment',
    ]);
  });
});

describe('faults', () => {
  test('are all reported at once', () => {
    const file = stringify({
      vaultAdress: 'x',
      kubeRole: '',
      tokenTTL: '5',
      syncTTLSecond: 0,
      logLevel: 'loud',
      sentry: 'yes',
    });
    expect(faultsOf({ file, environment: { INJECTOR_FOO: 'x', PORT: 'http' } })).toEqual([
      'vaultAdress: is not a known key',
      'INJECTOR_FOO: is not the name of a key in the environment',
      'vaultAddress: is missing (or set INJECTOR_VAULT_ADDRESS)',
      'vaultAuthPath: is missing (or set INJECTOR_VAULT_AUTH_PATH)',
      'vaultSecretName: is missing (or set INJECTOR_VAULT_SECRET_NAME)',
      'vaultSecretPrefix: is missing (or set INJECTOR_VAULT_SECRET_PREFIX)',
      'kubeRole: is missing (or set INJECTOR_KUBE_ROLE)',
      'tokenTTL: expected a duration of at least a second, such as "768h" or "1h30m"',
      'syncTTLSecond: expected at least 1',
      'logLevel: expected debug, info, warn or error',
      'sentry: expected true or false',
      expect.stringMatching(/^webhookPathSecretFolder: is missing/),
      expect.stringMatching(/^PORT: expected a (port )?number/),
    ]);
  });

  test.each([
    ['another type', { vaultAddress: ['http://x'] }, 'vaultAddress: expected a string'],
    ['no URL', { vaultAddress: 'vault' }, 'vaultAddress: expected a URL'],
    ['another scheme', { vaultAddress: 'ftp://vault' }, 'vaultAddress: expected http:// or https://'],
    ['half a number', { syncTTLSecond: 1.5 }, 'syncTTLSecond: expected a whole number'],
    ['a number in words', { syncTTLSecond: 'five' }, 'syncTTLSecond: expected a whole number'],
    ['a path that leaves its place', { vaultSecretPrefix: '../x' }, 'vaultSecretPrefix: expected a path of'],
    ['a path that begins at the root', { vaultAuthPath: '/k8s' }, 'vaultAuthPath: expected a path of'],
    ['a host name to listen at', { listenAddress: 'localhost' }, 'listenAddress: expected an IP address'],
    ['Sentry without an address', { sentry: true }, 'sentryDsn: is missing, and sentry is true'],
    [
      'half of the pair for metrics',
      { metricsPort: 9464, metricsCertFile: '/tls.crt' },
      'metricsCertFile, metricsKeyFile: expected both or neither',
    ],
    [
      'a certificate for metrics that have no port',
      { metricsCertFile: '/tls.crt', metricsKeyFile: '/tls.key' },
      'metricsPort: is missing, and metricsCertFile is set',
    ],
    [
      'readers of metrics with certificates, in the clear',
      { metricsPort: 9464, metricsClientCaFile: '/ca.crt' },
      'metricsCertFile: is missing, and metricsClientCaFile is set',
    ],
    ['half of a key pair', { certFile: '/tls.crt' }, 'certFile, keyFile: expected both or neither'],
    ['a name that every object has', { constructor: 'x' }, 'constructor: is not a known key'],
    ['another such name', { toString: 'x' }, 'toString: is not a known key'],
    ['one more', JSON.parse('{"__proto__":"x"}'), '__proto__: is not a known key'],
  ])('%s', (_, values, fault) => {
    expect(faultsIn(values)).toEqual([expect.stringContaining(fault)]);
  });

  test.each([
    ['a list', '- vaultAddress'],
    ['a text', 'vaultAddress'],
    ['no YAML', 'vaultAddress: [http://x\nsentryDsn: https://secret@s.tld/1'],
    ['two of one key', 'kubeRole: a\nkubeRole: b'],
  ])('a file that is %s', (_, file) => {
    const [fault] = faultsOf({ file });
    expect(fault).toMatch(/^the file is not a YAML mapping: /);
    expect(fault).not.toContain('secret');
  });

  test.each(['-1', '65536', '80.5', 'http'])('a PORT of %s', (PORT) => {
    expect(faultsOf({ environment: { PORT } })).toEqual([expect.stringMatching(/^PORT: /)]);
  });
});

describe('the configuration', () => {
  function frozen(value: unknown): boolean {
    if (typeof value !== 'object' || value === null) return true;
    return Object.isFrozen(value) && Object.values(value).every(frozen);
  }

  test('cannot be changed, down to its leaves', () => {
    expect(frozen(read(reference, withPathSecret))).toBe(true);
  });

  test('of an empty file and an empty environment is all that is missing', () => {
    expect(faultsOf({ file: '' })).toHaveLength(Object.keys(required).length);
  });
});

describe('a process that never asks Vault', () => {
  const message = (work: () => unknown) => {
    try {
      return work();
    } catch (error) {
      return String(error);
    }
  };

  test('needs no key of Vault, and takes them where they are there', () => {
    const { host } = parseDeadLetterConfig({ file: 'listenAddress: 127.0.0.1', environment: {} });
    expect(host).toBe('127.0.0.1');
    expect(
      parseDeadLetterConfig({ file: stringify({ ...reference, mode: 'all' }), environment: {} }),
    ).toEqual(expect.not.objectContaining({ vault: expect.anything() }));
  });

  test('minds what is wrong all the same', () => {
    const source = { file: 'mode: injector\nlogLevel: loud\nvaultAddress: x\nnoKey: 1', environment: {} };
    expect(message(() => parseDeadLetterConfig(source))).toMatch(/noKey: is not.*vaultAddress:.*logLevel:/s);
    expect(message(() => parseDeadLetterConfig({ file: 'mode: injector', environment: {} }))).toContain(
      'mode: found "injector", but this process is the dead letter sink',
    );
  });

  test.each([
    ['a key of the file', 'replaySink: http://broker/a', {}],
    ['its variable', '', { INJECTOR_REPLAY_SINK: 'http://broker/a', K_SINK: 'http://other' }],
    ["Knative's variable", 'replaySink: http://other', { K_SINK: 'http://broker/a' }],
  ])('and is the replay job has its sink by %s', (_, file, environment) => {
    expect(parseReplayConfig({ file, environment }).sink.url).toBe('http://broker/a');
  });

  test('and is the replay job needs a sink', () => {
    expect(message(() => parseReplayConfig({ environment: {} }))).toContain(
      'replaySink: is missing (or set INJECTOR_REPLAY_SINK)',
    );
  });
});

test('a number has an upper bound, and the fault names it', () => {
  expect(
    faultsIn({
      syncTTLSecond: 1e9,
      gracePeriodSecond: '99999999999',
      sweepShards: 101,
      maxGrantsPerRole: 1e7,
      vaultRateLimit: 1e300,
      metricsPort: 65_536,
      tokenTTL: '99999999h',
    }),
  ).toEqual([
    'tokenTTL: expected a duration of at most ten years (87840h)',
    'syncTTLSecond: expected at most 31622400',
    'gracePeriodSecond: expected at most 31622400',
    'maxGrantsPerRole: expected at most 1000000',
    'sweepShards: expected at most 100',
    'vaultRateLimit: expected at most 1000000',
    'metricsPort: expected at most 65535',
  ]);
});
