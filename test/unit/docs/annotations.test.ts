import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { ANNOTATION_PREFIX, parseAnnotations } from '../../../shared/annotations.ts';

const text = readFileSync('docs/annotations.md', 'utf8');
const defaults = { engine: 'databases', delivery: 'env', podsMayChooseDelivery: true } as const;
const parse = (annotations: Readonly<Record<string, string>>) =>
  parseAnnotations(
    Object.fromEntries(
      Object.entries(annotations).map(([key, value]) => [`${ANNOTATION_PREFIX}${key}`, value]),
    ),
    defaults,
  );

/** First cells of the tables' rows below a heading, without their backticks. */
const cells = (heading: string) => {
  const [, part = ''] = text.split(`\n${heading}\n`);
  const [section = ''] = part.split(/\n##? /);
  return [...section.matchAll(/^\| `([^`]+)`/gm)].map(([, cell = '']) => cell);
};
/** The names that a message lists behind a word. */
const listedAfter = (message: string, word: string) =>
  message.slice(message.indexOf(word) + word.length).split(', ');

describe('docs/annotations.md has every', () => {
  test('annotation of a pod', () => {
    const [warning = ''] = parse({ role: 'a', nonsense: 'x' }).warnings;
    expect(cells('## Of the whole pod').toSorted()).toEqual(listedAfter(warning, 'known: ').toSorted());
  });

  test('annotation of a database', () => {
    const [warning = ''] = parse({ 'a.role': 'a', 'a.nonsense': 'x' }).warnings;
    expect(cells('## Of a database').toSorted()).toEqual(listedAfter(warning, 'known: ').toSorted());
  });

  test('placeholder', () => {
    const [problem = ''] = parse({ 'a.role': 'a', 'a.template-X': '{{nonsense}}' }).problems;
    const [, section = ''] = text.split('## Templates');
    const [table = ''] = section.split('| escape |');
    const documented = [...table.matchAll(/`(\{\{\w+\}\})`/g)].map(([, name]) => name);
    expect(new Set(documented)).toEqual(new Set(listedAfter(problem, 'expected one of ')));
  });

  test('escape', () => {
    const [problem = ''] = parse({ 'a.role': 'a', 'a.template-X': '{{user|nonsense}}' }).problems;
    const names = listedAfter(problem.replace(/ after .*/, ''), 'one of the escapes ');
    for (const name of names) expect(text).toMatch(new RegExp(`^\\| \`${name}\` \\| `, 'm'));
  });

  test('format', () => {
    const [problem = ''] = parse({ 'a.role': 'a', 'a.file-x': '/a/b/c', 'a.format-x': 'nonsense' }).problems;
    expect(cells('## Files')).toEqual(listedAfter(problem, 'expected one of '));
  });
});

test('its templates are taken', () => {
  const templates = [...text.matchAll(/^\| [^|`]+ \| `(.+\{\{.+)` \|$/gm)].map(([, one = '']) =>
    one.replaceAll('\\|', '|'),
  );
  expect(templates).toHaveLength(6);
  for (const template of templates) {
    const { problems, requests } = parse({ 'a.role': 'a', 'a.template-X': template });
    expect([template, problems, requests.length]).toEqual([template, [], 1]);
  }
});
