/** docs/setup-postgresql.md: its commands are understood, and every option is one. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { createProgram } from '../../../cli/program.ts';
import { appSettingsOf } from '../../../cli/setup/app-settings.ts';
import { settingsOf } from '../../../cli/setup/database-settings.ts';
import { commandsOf, understand } from '../cli/understood.ts';

const page = readFileSync('docs/setup-postgresql.md', 'utf8');
const commands = Array.from(page.matchAll(/^npx vault-db-injector (setup .+)$/gm), ([, rest = '']) =>
  rest.split(' '),
);

test('the commands say what the table says', async () => {
  const [database, app] = await Promise.all(commands.map(understand));
  expect(commands.map(([, part]) => part)).toEqual(['database', 'app']);
  const name = database?.words[0] ?? '';
  const { namespace, serviceAccount, role: appRole } = app?.options ?? {};
  const common = { mount: 'databases', authPath: 'kubernetes' };
  const settings = appSettingsOf({
    ...common,
    namespace: String(namespace),
    serviceAccount: String(serviceAccount),
    role: String(appRole),
  });
  const given = { mount: 'databases', ownership: 'trigger', defaultTtl: '1h', maxTtl: '0s' } as const;
  expect(database?.options).toMatchObject(given);
  const wishes = settingsOf(name, given, { PGSSLMODE: 'require' });
  const { group, administrator, connection, role } = wishes.engine('postgres.example.com:5432');
  for (const one of [
    `group \`${group}\``,
    `administrator \`${administrator}\``,
    `database \`${wishes.database.database}\``,
    `database role \`${role}\``,
    `auth role \`${settings.name}\``,
  ])
    expect(page).toContain(one);
  expect([connection, settings.role]).toEqual([role, role]);
});

test('every option that is spoken of is one', () => {
  const options = commandsOf(createProgram())
    .filter(({ name }) => name.startsWith('setup '))
    .flatMap(({ command }) => command.options.map(({ long }) => long));
  const spokenOf = Array.from(page.matchAll(/--[a-z][a-z-]+/g), ([option]) => option);
  expect(spokenOf.length).toBeGreaterThan(5);
  expect(spokenOf.filter((option) => !options.includes(option))).toEqual([]);
});
