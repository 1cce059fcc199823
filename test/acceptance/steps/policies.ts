/** NetworkPolicies as they are enforced: what may not be reached, tried from where it may not be. */

import { NAMESPACE } from '../product.ts';
import type { Step } from '../step.ts';
import { kubectl, type World } from '../world.ts';
import { admitted } from './probe.ts';

const FUNCTION = 'serving.knative.dev/service=admission';
const PORTS = { 'queue-proxy': 8012, function: 8080, metrics: 9464 } as const;

/** By Node's own means, from inside of the function's container. */
const connectFrom = (host: string, port: number) =>
  `const s=require('net').connect(${port},'${host}');const end=(w)=>{console.log(w);process.exit()};s.on('connect',()=>end('open'));s.on('error',()=>end('closed'));setTimeout(()=>end('closed'),3000)`;

async function fromFunction(world: World, pod: string, host: string, port: number): Promise<string> {
  const node = ['/nodejs/bin/node', '-e', connectFrom(host, port)];
  return (await kubectl(world, 'exec', NAMESPACE, pod, '--container=admission', '--', ...node)).trim();
}

/** From an application's pod, which has psql: a port that answers at all answers something. */
async function fromApplication(world: World, host: string, port: number): Promise<'open' | 'closed'> {
  const psql = `psql "host=${host} port=${port} user=x dbname=x sslmode=disable connect_timeout=3" --command='' 2>&1 || true`;
  const said = await kubectl(
    world,
    'exec',
    `--namespace=${world.id}`,
    'deployment/steady',
    '--',
    'sh',
    '-c',
    psql,
  );
  return /timeout expired|refused|No route|unreachable/.test(said) ? 'closed' : 'open';
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
