/** Plain words: how comments begin, and the riddles that occur nowhere in code, manifests and docs. */
import { globSync, readFileSync } from 'node:fs';
import { parseSync, Visitor } from 'oxc-parser';
import { expect, test } from 'vitest';

const PRODUCT = ['shared', 'functions', 'cronjobs', 'cli', 'knative', 'init'];
const FOLDERS = [...PRODUCT, 'test'];
// SQL that is compared with what an earlier run stored in PostgreSQL and Vault: a new word would be a new version of it.
const STORED_SQL = /^\s*-- Whoever (?:may not give anything|reconnected meanwhile).*$/gm;

const PREPOSITIONS = new Set(
  `about above across after against along among around as at before behind below beneath beside besides between
  beyond by despite down during except for from in inside into like of off on onto out outside over past per
  since than through throughout to toward towards under underneath until unto up upon via with within without`
    .trim()
    .split(/\s+/),
);
const LIMIT = 0.02;

const RIDDLES = /\b(whoever|anew|is none|of before|asked as)\b/gi;

interface Piece {
  readonly place: string;
  readonly text: string;
}

/** Comments of one source. Lines of `//` that follow one another are one comment. */
function piecesOf(file: string, source: string) {
  const { program, comments, errors } = parseSync(file, source);
  expect(errors).toEqual([]);
  const found: (Piece & { readonly end: number; readonly type: string })[] = [];
  for (const { type, value, start, end } of comments) {
    const last = found.at(-1);
    const continues =
      type === 'Line' && last?.type === 'Line' && /^\r?\n[ \t]*$/.test(source.slice(last.end, start));
    const text = type === 'Line' ? value.trim() : value.replaceAll(/^\s*\*+ ?/gm, '').trim();
    const place = `${file}:${source.slice(0, start).split('\n').length}`;
    if (continues) found[found.length - 1] = { ...last, text: `${last.text} ${text}`, end };
    else found.push({ place, text, end, type });
  }
  const strings: Piece[] = [];
  const keep = (text: string, start: number) =>
    strings.push({ place: `${file}:${source.slice(0, start).split('\n').length}`, text });
  new Visitor({
    Literal(node) {
      if (typeof node.value === 'string') keep(node.value, node.start);
    },
    TemplateElement({ value, start }) {
      keep(value.raw, start);
    },
  }).visit(program);
  return { comments: found, strings };
}

const read = (file: string): Piece => ({ place: file, text: readFileSync(file, 'utf8') });
const sources = (folders: readonly string[]) =>
  globSync([...folders.map((folder) => `${folder}/**/*.ts`), '*.ts'])
    .map(read)
    .map(({ place, text }) => piecesOf(place, text));

const firstWord = (text: string) => /^[^\p{L}]*([\p{L}'-]+)/u.exec(text)?.[1]?.toLowerCase() ?? '';
const opensByPreposition = ({ text }: Piece) => PREPOSITIONS.has(firstWord(text));
const riddles = ({ place, text }: Piece) =>
  [...text.replaceAll(STORED_SQL, '').replaceAll(/\s+/g, ' ').matchAll(RIDDLES)].map(
    ([word]) => `${place}: ${word}`,
  );

test('the search itself works', () => {
  const { comments, strings } = piecesOf(
    'one.ts',
    '// Of whoever\n// logs in.\n/** Asked\n * as it. */\nconst a = `is none`;\n',
  );
  expect(comments.map(({ text }) => text)).toEqual(['Of whoever logs in.', 'Asked\nas it.']);
  expect(comments.filter(opensByPreposition)).toHaveLength(1);
  expect([...comments, ...strings].flatMap(riddles)).toEqual([
    'one.ts:1: whoever',
    'one.ts:3: Asked as',
    'one.ts:5: is none',
  ]);
});

test('a comment begins with a noun or a verb', () => {
  const comments = sources(FOLDERS).flatMap((one) => one.comments);
  expect(comments.length).toBeGreaterThan(500);
  const opened = comments
    .filter(opensByPreposition)
    .map(({ place, text }) => `${place}: ${text.slice(0, 60)}`);
  expect(opened.length / comments.length, opened.join('\n')).toBeLessThanOrEqual(LIMIT);
});

test('no riddle stands in a comment, in a text of the product, in its manifests or docs', () => {
  const comments = sources(FOLDERS).flatMap((one) => one.comments);
  const strings = sources(PRODUCT).flatMap((one) => one.strings);
  const manifests = globSync('{knative,examples}/**/*.{yaml,yml,tf,hcl,sh,json}');
  const english = globSync(['README.md', 'docs/**/*.md']).filter((file) => !file.endsWith('.ja.md'));
  const texts = [...english, ...manifests].map(read);
  expect([...comments, ...strings, ...texts].flatMap(riddles)).toEqual([]);
});
