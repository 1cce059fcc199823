/** PostgreSQL over TLS, with an authority that nobody else trusts: every sslmode means what it means to psql. */
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { openServer } from '../../../cli/setup/postgres.ts';
import { startApplication } from '../../stack/application.ts';
import { createAuthority } from '../../stack/certificates.ts';
import { stackRoot } from '../../stack/paths.ts';
import { query, startPostgres } from '../../stack/postgres.ts';
import { createProcesses } from '../../stack/process/processes.ts';
import { setUpAs, superuser } from '../support/set-up.ts';

const folder = join(stackRoot, `e2e-tls-${process.pid}`);
const processes = createProcesses();
afterAll(async () => {
  await processes.stop();
  await rm(folder, { recursive: true, force: true });
});

const authority = await createAuthority('of PostgreSQL');
const server = await startPostgres(processes, folder, await authority.issue({ commonName: 'postgres' }));
const ca = join(folder, 'ca.crt');
await writeFile(ca, authority.certificate);
const other = join(folder, 'other.crt');
await writeFile(other, (await createAuthority('another')).certificate);
const login = {
  ...superuser,
  PGPORT: String(server.port),
  PGPASSWORD: server.password,
};

/** Whether TLS is spoken, as the server sees it; also in another database. */
async function isSecured(parameters: string, environment: Readonly<Record<string, string>> = {}) {
  const url = `${server.url}${parameters && `?${parameters}`}`;
  const opened = await openServer(url, { HOME: '/nowhere', ...environment });
  const condition = '(SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid())';
  try {
    return [await opened.holds(condition), await opened.holds(condition, 'template1')];
  } finally {
    await opened.close();
  }
}

test.each([
  ['', true],
  ['sslmode=disable', false],
  ['sslmode=allow', false],
  ['sslmode=prefer', true],
  ['sslmode=require', true],
  [`sslmode=require&sslrootcert=${ca}`, true],
  [`sslmode=verify-ca&sslrootcert=${ca}`, true],
  [`sslmode=verify-full&sslrootcert=${ca}`, true],
])('"%s" is understood: TLS %s', async (parameters, secured) => {
  expect(await isSecured(parameters)).toEqual([secured, secured]);
});

describe('it is refused, and said what is missing:', () => {
  test.each([
    ['sslmode=verify-full', /not trusted \(\w+\): its authority's PEM is expected in PGSSLROOTCERT=FILE/],
    [`sslmode=require&sslrootcert=${other}`, /is not trusted .*PGSSLROOTCERT/],
    [`sslmode=verify-ca&sslrootcert=${other}`, /is not trusted .*PGSSLROOTCERT/],
    ['sslmode=verify-ca', /verify-ca needs the CA certificate: PGSSLROOTCERT=FILE/],
    ['sslmode=verify-full&sslrootcert=/nowhere', /^PGSSLROOTCERT: \/nowhere cannot be read$/],
    ['sslmode=sometimes', /^PGSSLMODE: expected disable, .*found "sometimes"/],
  ])('%s', async (parameters, message) => {
    await expect(isSecured(parameters)).rejects.toThrow(message);
  });

  test('TLS of a server that has none', async () => {
    const without = `postgres://${superuser.PGUSER}:${superuser.PGPASSWORD}@${superuser.PGHOST}:${superuser.PGPORT}/postgres`;
    await expect(openServer(`${without}?sslmode=require`, {})).rejects.toThrow(/^PostgreSQL has no TLS/);
  });
});

test.each(['require', 'verify-ca', 'verify-full'])(
  'by the variables that psql knows, and nothing else is said: %s',
  async (sslmode) => {
    const setUp = setUpAs({ ...login, PGSSLMODE: sslmode, PGSSLROOTCERT: ca });
    const { code, out, err } = await setUp('database', 'secured', '--connection', 'secured', '--dry-run');
    expect([code, err, out]).toEqual([0, '', expect.stringContaining(`sslmode=${sslmode}`)]);
  },
);

test('the example application goes by the same sslmode', async () => {
  await query(
    server.url,
    "CREATE TABLE notes (id serial, what text); INSERT INTO notes (what) VALUES ('tea')",
  );
  for (const [sslmode, file] of [
    ['require', ''],
    ['verify-full', ca],
  ]) {
    const environment = { DATABASE_URL: `${server.url}?sslmode=${sslmode}`, PGSSLROOTCERT: file ?? '' };
    const application = await startApplication('web-1', environment);
    expect(await application.show().finally(application.stop)).toMatchObject({ notes: ['tea'] });
  }
});

test('a database that is called as the user is, and is not there: which one to ask in has to be said', async () => {
  await query(server.url, "CREATE ROLE lonely LOGIN PASSWORD 'lonely'");
  const { PGDATABASE: _, ...unnamed } = { ...login, PGUSER: 'lonely', PGPASSWORD: 'lonely' };
  const { code, err } = await setUpAs(unnamed)('database', 'any', '--dry-run');
  expect([code, err]).toEqual([
    1,
    'PostgreSQL says: database "lonely" does not exist: name another one to connect to, for instance PGDATABASE=postgres',
  ]);
});
