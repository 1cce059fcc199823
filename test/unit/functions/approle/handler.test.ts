import { describe, expect, test } from 'vitest';
import { createJudge } from '../../../../functions/approle/due.ts';
import { createPush } from '../../../../functions/approle/handler.ts';
import { deadlineIn } from '../../../../shared/deadline.ts';
import { InjectorError } from '../../../../shared/errors.ts';
import type { RunningPod } from '../../../../shared/kubernetes/init-containers.ts';
import { Secret } from '../../../../shared/secret.ts';
import { createMetrics } from '../../../../shared/telemetry/metrics.ts';
import type { SecretIdRequest } from '../../../../shared/vault/secret-ids.ts';
import { createKeptLog } from '../../../support/kept-log.ts';

const running = (wishes: Partial<RunningPod> = {}): RunningPod => ({
  namespace: 'shop',
  name: 'web-0',
  uid: 'uid',
  annotations: {
    'pod.boostport.com/vault-approle': 'orders',
    'pod.boostport.com/vault-init-container': 'install',
  },
  serviceAccount: 'web',
  address: '10.0.0.7',
  onHostNetwork: false,
  initContainers: new Map([['install', { state: 'running', run: 'first' }]]),
  ...wishes,
});
const inState = (state: 'waiting' | 'running' | 'ended', run = 'first') =>
  running({ initContainers: new Map([['install', { state, run }]]) });

interface World {
  /** What the API server says, one reading after the other; the last one from then on. */
  readonly pods: readonly (RunningPod | undefined)[];
  /** What the init container answers. */
  readonly statuses?: readonly (number | Error)[];
  readonly unreachable?: boolean;
}

function start({ pods, statuses = [200], unreachable = false }: World) {
  const readings = [...pods];
  const answers = [...statuses];
  const asked: SecretIdRequest[] = [];
  const posts: unknown[] = [];
  let open = 0;
  const { log, lines } = createKeptLog();
  const metrics = createMetrics({ process: 'approle', uuidLabel: false });
  const push = createPush({
    judge: createJudge({
      readPod: async () => (readings.length > 1 ? readings.shift() : readings[0]),
      checkAddress: ({ address }) => (address === '127.0.0.1' ? 'it is ours' : undefined),
      rules: { namespaces: undefined, roles: undefined },
      log,
    }),
    connect: async (address) => {
      if (unreachable) throw new InjectorError('init_container_unavailable', 'cannot be reached');
      expect(address).toBe('10.0.0.7');
      open += 1;
      return {
        post: async (body) => {
          posts.push(JSON.parse(body));
          const answer = answers.shift();
          if (answer === undefined) throw new Error('nobody expected another post');
          if (answer instanceof Error) throw answer;
          return answer;
        },
        close: () => {
          open -= 1;
        },
      };
    },
    secretIds: {
      wrap: async (request) => {
        asked.push(request);
        return { token: new Secret('s.wrapped'), creationTime: '2026-01-01T00:00:00Z', ttlSeconds: 60 };
      },
    },
    wrapTtlSeconds: 60,
    bindAddress: true,
    vault: { address: 'https://vault:8200', namespace: undefined },
    readVaultCa: () => 'PEM',
    metrics,
    log,
  });
  return {
    asked,
    posts,
    lines,
    metrics,
    openLines: () => open,
    push: async () => {
      using deadline = deadlineIn(1_000, () => 0);
      return await push({ namespace: 'shop', name: 'web-0' }, { deadline, vaultCalls: 0 });
    },
  };
}

describe('an init container that runs', () => {
  test('is sent one wrapped secret_id, bound to its address and named after its pod', async () => {
    const world = start({ pods: [running()] });
    expect(await world.push()).toBe('pushed');
    expect(world.asked).toEqual([
      {
        role: 'orders',
        metadata: { pod: 'web-0', namespace: 'shop' },
        address: '10.0.0.7',
        wrapTtlSeconds: 60,
      },
    ]);
    expect(world.posts).toEqual([
      {
        token: 's.wrapped',
        creationTime: '2026-01-01T00:00:00Z',
        ttl: 60,
        vaultAddr: 'https://vault:8200',
        vaultCAs: Buffer.from('PEM').toString('base64'),
      },
    ]);
    expect([await world.push(), world.asked.length, world.openLines()]).toEqual(['repeated', 1, 0]);
  });

  test('is sent one where events come at the same moment', async () => {
    const world = start({ pods: [running()] });
    expect(await Promise.all([world.push(), world.push(), world.push()])).toEqual(Array(3).fill('pushed'));
    expect(world.posts).toHaveLength(1);
  });

  test('is sent another one in its next run', async () => {
    const world = start({
      pods: [inState('running'), inState('running'), inState('running', 'second')],
      statuses: [200, 200],
    });
    expect([await world.push(), await world.push(), world.posts.length]).toEqual(['pushed', 'pushed', 2]);
  });

  test('that has one from another instance is left alone', async () => {
    const world = start({ pods: [running()], statuses: [409] });
    expect([await world.push(), await world.push(), world.posts.length]).toEqual(['repeated', 'repeated', 1]);
  });

  test.each([[500], [400], [new Error('broken off')]])('that answers %s is tried again', async (answer) => {
    const world = start({ pods: [running()], statuses: [answer, 200] });
    await expect(world.push()).rejects.toThrow('pod shop/web-0 has no secret_id yet');
    expect([await world.push(), world.openLines()]).toEqual(['pushed', 0]);
    const { text } = await world.metrics.expose();
    expect(text).toContain('kubernetesvault_server_secret_push_failures_total{approle="orders"} 1');
    expect(text).toContain('kubernetesvault_server_secret_pushes_total{approle="orders"} 1');
  });

  test('that cannot be reached has Vault asked for nothing', async () => {
    const world = start({ pods: [running()], unreachable: true });
    const subject = { namespace: 'shop', pod: 'web-0' };
    await expect(world.push()).rejects.toMatchObject({ code: 'init_container_unavailable', subject });
    expect(world.asked).toEqual([]);
  });
});

describe('nothing is asked for and nothing sent', () => {
  test.each([
    ['to a pod that is not there', undefined, 'ignored'],
    ['to a pod that does not ask', running({ annotations: {} }), 'ignored'],
    ['to a container that does not run yet', inState('waiting'), 'waiting'],
    ['to a container that has ended', inState('ended'), 'ended'],
    ['to a pod without an address', { ...running(), address: undefined }, 'waiting'],
    ['to an address that is no pod’s', running({ address: '127.0.0.1' }), 'refused'],
    ['to a container that is no init container', running({ initContainers: new Map() }), 'refused'],
  ])('%s', async (_, pod, outcome) => {
    const world = start({ pods: [pod], statuses: [] });
    expect([await world.push(), world.asked, world.openLines()]).toEqual([outcome, [], 0]);
  });

  test.each([
    ['has gone', undefined, 'ignored'],
    ['has ended', inState('ended'), 'ended'],
    ['runs anew', inState('running', 'second'), 'waiting'],
    ['has another address', running({ address: '10.0.0.8' }), 'waiting'],
  ])(
    'where the pod, once the connection stands, %s: it may be another pod that answers',
    async (_, pod, outcome) => {
      const world = start({ pods: [running(), pod], statuses: [] });
      expect([await world.push(), world.asked, world.openLines()]).toEqual([outcome, [], 0]);
    },
  );
});

test('why a pod is refused is said once', async () => {
  const world = start({ pods: [running({ address: '127.0.0.1' })] });
  await world.push();
  await world.push();
  expect(world.lines).toEqual([
    {
      level: 'warn',
      message: 'security: a pod gets no secret_id: it is ours',
      namespace: 'shop',
      pod: 'web-0',
      serviceAccount: 'web',
      role: 'orders',
    },
  ]);
});
