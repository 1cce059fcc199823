/** docs/setup-postgresql.md: its commands are understood, and every option is one. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { readAppWishes } from '../../../cli/setup/app-options.ts';
import { setupCommand } from '../../../cli/setup/command.ts';
import { readDatabaseWishes } from '../../../cli/setup/database-options.ts';

const page = readFileSync('docs/setup-postgresql.md', 'utf8');
const commands = Array.from(
  page.matchAll(/^npx vault-db-injector setup (\w+) (.+)$/gm),
  ([, part, rest = '']) => ({
    part,
    args: rest.split(' '),
  }),
);

test('the commands say what the table says', () => {
  const [database, app] = commands;
  expect(commands.map(({ part }) => part)).toEqual(['database', 'app']);
  const wishes = readDatabaseWishes(database?.args ?? [], { PGSSLMODE: 'require' });
  const { settings } = readAppWishes(app?.args ?? []);
  const { group, administrator, connection, role } = wishes.engine('postgres.example.com:5432');
  for (const name of [
    `group \`${group}\``,
    `administrator \`${administrator}\``,
    `database \`${wishes.database.database}\``,
    `database role \`${role}\``,
    `auth role \`${settings.name}\``,
  ])
    expect(page).toContain(name);
  expect([connection, settings.role]).toEqual([role, role]);
});

test('every option that is spoken of is one', () => {
  const spokenOf = Array.from(page.matchAll(/--[a-z][a-z-]+/g), ([option]) => option);
  expect(spokenOf.length).toBeGreaterThan(5);
  expect(spokenOf.filter((option) => !setupCommand.usage.includes(option))).toEqual([]);
});
