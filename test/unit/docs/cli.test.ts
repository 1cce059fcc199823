/** docs/cli.md is what `--help` says, and its commands are understood. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { COMMANDS, USAGE } from '../../../cli/commands.ts';

const page = readFileSync('docs/cli.md', 'utf8');
const texts = Array.from(page.matchAll(/```text\n([\s\S]*?)\n```/g), ([, text = '']) => text);

test('it has the help of all, and no other', () => {
  expect(texts).toEqual([USAGE, ...Object.values(COMMANDS).map(({ usage }) => usage)]);
});

test('each command has a section, in that order', () => {
  const headings = Array.from(page.matchAll(/^## (.+)$/gm), ([, heading]) => heading);
  expect(headings).toEqual(Object.keys(COMMANDS));
});

test('every option that is spoken of is one', () => {
  const prose = page.replaceAll(/```[\s\S]*?```/g, '');
  const spokenOf = Array.from(prose.matchAll(/--[a-z][a-z-]+/g), ([option]) => option);
  expect(spokenOf.length).toBeGreaterThan(2);
  expect(spokenOf.filter((option) => !texts.some((text) => text.includes(option)))).toEqual([]);
});
