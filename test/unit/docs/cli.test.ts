/** docs/cli.md is what `--help` says, and its commands are understood. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { createProgram } from '../../../cli/program.ts';
import { commandsOf, helpOf } from '../cli/understood.ts';

const page = readFileSync('docs/cli.md', 'utf8');
const texts = Array.from(page.matchAll(/```text\n([\s\S]*?)\n```/g), ([, text = '']) => text);
const program = createProgram();
const all = commandsOf(program);
// Groups have nothing of their own to say.
const described = all.filter(({ command }) => command.commands.length === 0);

test('it has the help of all, and no other', () => {
  expect(texts).toEqual([program, ...described.map(({ command }) => command)].map(helpOf));
});

test('each command has a section, in that order', () => {
  const headings = Array.from(page.matchAll(/^## (.+)$/gm), ([, heading]) => heading);
  expect(headings).toEqual(all.map(({ name }) => name).filter((name) => !name.includes(' ')));
});

test('every option that is spoken of is one', () => {
  const prose = page.replaceAll(/```[\s\S]*?```/g, '');
  const spokenOf = Array.from(prose.matchAll(/--[a-z][a-z-]+/g), ([option]) => option);
  expect(spokenOf.length).toBeGreaterThan(2);
  expect(spokenOf.filter((option) => !texts.some((text) => text.includes(option)))).toEqual([]);
});
