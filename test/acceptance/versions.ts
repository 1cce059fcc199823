/** What the product was tried with: told at the end of a run and, with `--record`, written to docs/compatibility.md. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as v from 'valibot';
import { projectRoot } from '../stack/paths.ts';
import { kubectl, sql, type World } from './world.ts';

const FILE = join(projectRoot, 'docs/compatibility.md');
const TABLE = /(<!-- written by npm run acceptance -- --record -->\n)([\s\S]*?)(<!-- end -->)/;

const Server = v.object({ serverVersion: v.object({ gitVersion: v.string() }) });
const Health = v.object({ version: v.string() });
const Rows = v.tuple([v.object({ server_version: v.string() })]);

/** As the definition of one of its kinds says. */
async function releaseOf(world: World, kind: string): Promise<string> {
  const label = '--output=jsonpath={.metadata.labels.app\\.kubernetes\\.io/version}';
  return (await kubectl(world, 'get', 'crd', kind, label)).replace(/^v/, '') || '?';
}

/** Products and their versions, as the cluster, Vault and the database themselves say. */
export async function versionsOf(world: World): Promise<Record<string, string>> {
  const { serverVersion } = v.parse(Server, JSON.parse(await kubectl(world, 'version', '--output=json')));
  const { version } = v.parse(Health, await world.vault.call('GET', 'sys/health'));
  const [{ server_version: postgres }] = v.parse(Rows, await sql(world, 'SHOW server_version'));
  return {
    Kubernetes: serverVersion.gitVersion.replace(/^v/, ''),
    'Knative Serving': await releaseOf(world, 'services.serving.knative.dev'),
    'Knative Eventing': await releaseOf(world, 'brokers.eventing.knative.dev'),
    'cert-manager': await releaseOf(world, 'certificates.cert-manager.io'),
    // OpenBao's versions began with 2.
    [version.startsWith('1.') ? 'Vault' : 'OpenBao']: version,
    PostgreSQL: postgres.split(' ')[0] ?? postgres,
  };
}

const row = (cells: readonly string[]) => `| ${cells.join(' | ')} |\n`;

/** Adds a row for these versions, or renews the one that is there. @param steps that held, all of them. */
export async function record(versions: Readonly<Record<string, string>>, steps: number): Promise<void> {
  const text = await readFile(FILE, 'utf8');
  const [, before = '', table = '', after = ''] = TABLE.exec(text) ?? [];
  if (before === '') throw new Error(`${FILE} has no place for the table`);
  const tried = Object.entries(versions).map(([product, version]) => `${product} ${version}`);
  const cells = [tried.join(', '), `${steps} of ${steps}`];
  const others = table
    .split('\n')
    .slice(2)
    .filter((line) => line !== '' && !line.startsWith(`| ${cells[0]} |`));
  const head = row(['tried with', 'steps that held']) + row(['---', '---']);
  await writeFile(
    FILE,
    text.replace(TABLE, `${before}${head}${row(cells)}${others.map((line) => `${line}\n`).join('')}${after}`),
  );
}
