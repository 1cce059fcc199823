/** docs/compatibility.md: its versions are those that the stack is built of. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { lowestParts, parts, type Recipe } from '../../stack/install/parts.ts';
import { tableIn } from './markdown-table.ts';

const page = readFileSync('docs/compatibility.md', 'utf8');
const rows = tableIn(page, ['component', 'lowest tried', 'newest tried', 'how the lowest was tried']);

/** Of the module that the part is built of, or of its package. */
function versionOf(recipe: Recipe, goModule = ''): string {
  if (recipe.kind === 'pip') return recipe.requirement.split('==')[1] ?? '';
  if (recipe.kind !== 'go') throw new Error('a part of another kind has no version');
  const text = readFileSync(`${recipe.module}/go.mod`, 'utf8');
  return text.match(new RegExp(`^\\s*(?:require )?${goModule} v(\\S+)`, 'm'))?.[1] ?? '';
}

/** Knative's module 0.x is its release 1.(x - 27). */
const released = (version: string): string =>
  version.replace(/^0\.(\d+)\./, (_, minor: string) => `1.${Number(minor) - 27}.`);

const eventing = 'knative.dev/eventing';
test.each([
  ['Kubernetes', 'kube-apiserver', 'k8s.io/kubernetes'],
  ['OpenBao', 'bao', ''],
  ['Knative Eventing', 'channel-dispatcher', eventing],
  ['Knative Eventing', 'broker-ingress', eventing],
] as const)('%s is tried as %s is built', (component, part, goModule) => {
  const [, lowest, newest] = rows.find(([name]) => name === component) ?? [];
  expect([lowest, newest]).toEqual([
    released(versionOf(lowestParts[part], goModule)),
    released(versionOf(parts[part], goModule)),
  ]);
});

test('every part of the lowest is one of the stack', () => {
  expect(Object.keys(lowestParts).filter((name) => !(name in parts))).toEqual([]);
});

test('the place that the acceptance suite writes to is there', () => {
  expect(page).toMatch(/<!-- written by npm run acceptance -- --record -->\n[\s\S]*<!-- end -->/);
});
