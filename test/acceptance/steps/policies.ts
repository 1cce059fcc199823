/** NetworkPolicies as they are enforced: what may not be reached, tried from where it may not be. */

import { NAMESPACE } from '../product.ts';
import type { Step } from '../step.ts';
import { kubectl, type World } from '../world.ts';
import { admitted } from './probe.ts';

const FUNCTION = 'serving.knative.dev/service=admission';
const PORTS = { 'queue-proxy': 8012, function: 8080, metrics: 9464 } as const;

/** Uses Node's own means, inside the function's container. */
const connectFrom = (host: string, port: number) =>
  `const s=require('net').connect(${port},'${host}');const end=(w)=>{console.log(w);process.exit()};s.on('connect',()=>end('open'));s.on('error',()=>end('closed'));setTimeout(()=>end('closed'),3000)`;

async function fromFunction(world: World, pod: string, host: string, port: number): Promise<string> {
  const node = ['/nodejs/bin/node', '-e', connectFrom(host, port)];
  return (await kubectl(world, 'exec', NAMESPACE, pod, '--container=admission', '--', ...node)).trim();
}

/** Connects from an application's pod. What is connected may say nothing: only the connection counts. */
async function fromApplication(world: World, host: string, port: number): Promise<string> {
  const script = `timeout 3 bash -c 'exec 3<>/dev/tcp/${host}/${port}' 2>/dev/null && echo open || echo closed`;
  const pod = [`--namespace=${world.id}`, 'deployment/steady'];
  return (await kubectl(world, 'exec', ...pod, '--', 'bash', '-c', script)).trim();
}

async function expectThat(what: string, answer: Promise<string>, expected: 'open' | 'closed'): Promise<void> {
  const found = await answer;
  if (found !== expected) throw new Error(`${what} is ${found}, should be ${expected}`);
}

export const policies: Step = {
  title:
    'NetworkPolicies are enforced: nobody reaches the function but Knative, and it reaches Vault and the API server only',
  isShort: false,
  needsOwnCluster: true,
  async run(world) {
    await admitted(world, 'wakes-the-function');
    const [pod = '', address = ''] = (
      await kubectl(
        world,
        'get',
        'pods',
        NAMESPACE,
        `--selector=${FUNCTION}`,
        '--output=jsonpath={.items[0].metadata.name} {.items[0].status.podIP}',
      )
    ).split(' ');
    const listening: [string, number][] = [];
    for (const [name, port] of Object.entries(PORTS))
      if ((await fromFunction(world, pod, address, port)) === 'open') listening.push([name, port]);
    // Where nobody listens, "closed" would prove nothing.
    if (!listening.some(([name]) => name === 'queue-proxy')) throw new Error('queue-proxy does not listen');
    for (const [name, port] of listening)
      await expectThat(
        `${name} (port ${port}), for an application`,
        fromApplication(world, address, port),
        'closed',
      );
    const { PGHOST = '', PGPORT = '', VAULT_ADDR = '' } = world.env;
    // What the probe itself can reach: without this, "closed" would prove nothing.
    await expectThat(
      'the database, for an application',
      fromApplication(world, PGHOST, Number(PGPORT)),
      'open',
    );
    const vault = new URL(VAULT_ADDR);
    await expectThat(
      'Vault, for the function',
      fromFunction(world, pod, vault.hostname, Number(vault.port)),
      'open',
    );
    await expectThat(
      'the API server, for the function',
      fromFunction(world, pod, 'kubernetes.default.svc', 443),
      'open',
    );
    await expectThat(
      'the database, for the function',
      fromFunction(world, pod, PGHOST, Number(PGPORT)),
      'closed',
    );
    return { 'ports closed to applications': listening.map(([name]) => name).join(' and ') };
  },
};
