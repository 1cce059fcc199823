import { existsSync, globSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { expect, test } from 'vitest';

const product = globSync('{shared,functions,cronjobs,init,cli,knative,test}/**/*.ts').map((path) =>
  basename(path),
);

test('docs/architecture.md names files that exist', () => {
  const text = readFileSync('docs/architecture.md', 'utf8');
  const files = [...text.matchAll(/`([\w./-]+(?:\.ts|\/))`/g)].map(([, name = '']) => name);
  expect(files.length).toBeGreaterThan(30);
  const exists = (name: string) => (name.includes('/') ? existsSync(name) : product.includes(name));
  expect(files.filter((name) => !exists(name))).toEqual([]);
});
