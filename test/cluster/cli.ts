/** `npm run cluster -- up | down | status`. */
import { parseArgs } from 'node:util';
import { withLock } from '../stack/process/lock.ts';
import { running, started } from './daemons.ts';
import { down } from './down.ts';
import { checkMachine, checkOwner, UnfitMachine } from './machine.ts';
import { paths } from './paths.ts';
import { kubectl } from './run.ts';
import { node, ports, registry } from './settings.ts';
import { up } from './up.ts';
import { vaultAddress } from './vault.ts';

const USAGE = `usage: npm run cluster -- up
       npm run cluster -- down [--keep]   --keep: its state stays for the next "up"
       npm run cluster -- status`;
const NOT_UP = 3;
const UNFIT = 4;

const seconds = (since: number) => ((performance.now() - since) / 1_000).toFixed(1);

async function runUp(): Promise<number> {
  const began = performance.now();
  let shown = '';
  let last = 0;
  await up((step, detail) => {
    const isNews = step !== shown || performance.now() - last > 10_000;
    if (!isNews) return;
    [shown, last] = [step, performance.now()];
    console.log(`${seconds(began).padStart(8)}  ${detail === undefined ? step : `${step}: ${detail}`}`);
  });
  console.log(`\nThe cluster is up after ${seconds(began)} s. To use it: source ${paths.environment}`);
  await runStatus();
  return 0;
}

async function runStatus(): Promise<number> {
  const names = await started();
  if (names.length === 0) {
    console.log('the cluster is not running');
    return NOT_UP;
  }
  let allRun = true;
  for (const name of names.toSorted()) {
    const found = await running(name);
    allRun &&= found !== undefined;
    console.log(`${name.padEnd(26)}${found ? String(found.pid) : `gone: see ${paths.logs}/${name}.log`}`);
  }
  console.log(`\nAPI server  https://${node.address}:${ports.apiServer} (kubeconfig ${paths.kubeconfig})`);
  console.log(`registry    ${registry.name}, http://${registry.address}`);
  console.log(`OpenBao     ${vaultAddress}`);
  console.log(`PostgreSQL  ${node.address}:${ports.postgres}`);
  if (allRun) console.log(`\n${await kubectl('get', 'nodes')}`);
  return allRun ? 0 : NOT_UP;
}

async function runDown(keep: boolean): Promise<number> {
  const began = performance.now();
  await down({ keep });
  console.log(`the cluster is down after ${seconds(began)} s`);
  return 0;
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { keep: { type: 'boolean', default: false } },
  });
  const [verb] = positionals;
  if (positionals.length !== 1) throw new Error(USAGE);
  if (verb === 'status') return runStatus();
  if (verb !== 'up' && verb !== 'down') throw new Error(USAGE);
  await checkMachine();
  await checkOwner();
  let code = 0;
  const work = async () => {
    code = await (verb === 'up' ? runUp() : runDown(values.keep));
  };
  await withLock(paths.lock, work, () => console.log('waiting for another command to end'));
  return code;
}

// Node ends with 0 where nothing is left to wait for, whatever was not done.
process.exitCode = 1;
main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    process.exit(error instanceof UnfitMachine ? UNFIT : 1);
  },
);
