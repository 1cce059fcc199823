/** docs/walkthrough.md, in both languages: its commands are run, one after the other. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Application } from '../../stack/application.ts';
import { findOrInstall } from '../../stack/install/index.ts';
import { nodeProgram, projectRoot } from '../../stack/paths.ts';
import { authPath } from '../../stack/vault/names.ts';
import { podsOfDeployment, startApplication } from '../support/application.ts';
import { configurationFile } from '../support/command-line.ts';
import { kubectl } from '../support/kubectl.ts';
import type { StoredPod } from '../support/pods.ts';
import { asSuperuser, operator, superuser } from '../support/set-up.ts';
import { stack } from '../support/stack.ts';

const commandsIn = async (page: string): Promise<string[]> =>
  Array.from(
    (await readFile(page, 'utf8')).matchAll(/^```sh\n([\s\S]*?)\n```$/gm),
    ([, block = '']) => block,
  );
const english = await commandsIn('docs/walkthrough.md');
// What the reader has to say first is here the stack's.
const [told = '', ...commands] = english;

const programs = [nodeProgram, await findOrInstall('kubectl', () => {})].map(dirname);
const home = await mkdtemp(join(tmpdir(), 'walkthrough-'));
afterAll(() => rm(home, { recursive: true }));
const env = {
  PATH: [...programs, process.env['PATH']].join(delimiter),
  // npm and kubectl keep something there; npm also a link to this folder, in which the stack is.
  HOME: home,
  npm_config_update_notifier: 'false',
  KUBECONFIG: stack.description.kubernetes.kubeconfig,
  AUTH_PATH: authPath,
  // The running injector's Vault: the cluster's own has no address that is reachable from here.
  CONFIG_FILE: await configurationFile({}),
  ...operator,
  ...superuser,
};
async function run(command = 'false'): Promise<string> {
  const { stdout } = await execa('sh', ['-eu', '-c', command], { env, extendEnv: false, cwd: projectRoot });
  return stdout;
}

test('both languages have the same commands, and nothing is left to be said', async () => {
  expect(await commandsIn('docs/walkthrough.ja.md')).toEqual(english);
  const variables = Array.from(told.matchAll(/(\w+)=/g), ([, name]) => name);
  expect(variables.filter((name) => name === undefined || !(name in env))).toEqual([]);
});

describe('from nothing to the end', () => {
  let pods: StoredPod[];
  let applications: Application[];
  const users = async () =>
    asSuperuser(
      "SELECT FROM pg_auth_members WHERE roleid = 'workshop_grp'::regrole AND member::regrole::text ~ 'v-'",
    );

  test('a database, an application, a table', async () => {
    const [setUp, table] = commands;
    expect(await run(setUp)).toMatch(
      /tested: Vault created a temporary role[\s\S]*workshop\.auth-role: "workshop-notes"/,
    );
    await run(table);
  });

  test('two pods have a user each, and read the same', async () => {
    expect(await run(commands[2])).toMatch(/deployment.apps\/notes created/);
    pods = await podsOfDeployment('workshop', 'notes');
    applications = await Promise.all(pods.map(startApplication));
    const shown = await Promise.all(applications.map(({ show }) => show()));
    expect(shown.map(({ notes }) => notes)).toEqual([['made by hand'], ['made by hand']]);
    expect(new Set(shown.map(({ user }) => user)).size).toBe(2);
    expect(await users()).toHaveLength(2);
    // The page's sample is of the real form.
    const page = await readFile('docs/walkthrough.md', 'utf8');
    const [, sample = 'none'] = /"user":"(v-[\w-]+-)\w+…"/.exec(page) ?? [];
    expect(shown.filter(({ user }) => !user.startsWith(sample))).toEqual([]);
  });

  test('the list has both', async () => {
    const listed = await run(commands[3]);
    expect(listed.split('\n').map((line) => line.split('\t')[0])).toEqual(['workshop', 'workshop']);
  });

  test('when the pods go, so do their users and sessions; the table stays', async () => {
    await run(commands[4]);
    for (const { metadata } of pods)
      await stack.kubernetes.call('DELETE', `/api/v1/namespaces/workshop/pods/${metadata.name}`);
    await expect.poll(users, { timeout: 60_000 }).toEqual([]);
    await expect(applications[0]?.show()).rejects.toThrow();
    await Promise.all(applications.map(({ stop }) => stop()));
    expect(await run(commands[5])).toContain('made by hand');
    expect(commands).toHaveLength(6);
  });
});

describe('the other mode', () => {
  beforeAll(async () => {
    const { PGHOST, PGPORT, PGSSLMODE } = superuser;
    const manifest = (await readFile('examples/application/classic.yaml', 'utf8'))
      .replace('postgres.example.com', PGHOST)
      .replace('"5432"', `"${PGPORT}"`)
      .replace('require', PGSSLMODE);
    expect((await kubectl(['apply', '--filename=-'], manifest)).ok).toBe(true);
  });

  test('the same application, with a variable each', async () => {
    const [pod] = await podsOfDeployment('workshop', 'notes-classic');
    if (!pod) throw new Error('there are two');
    const application = await startApplication(pod);
    expect((await application.show()).notes).toEqual(['made by hand']);
    await application.stop();
  });
});
