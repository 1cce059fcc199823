import { expect, test } from 'vitest';
import { createRecent } from '../../../../functions/approle/recent.ts';
import { createRoleLabels } from '../../../../functions/approle/role-labels.ts';

test('after so many AppRoles the rest are one series', () => {
  const labelOf = createRoleLabels(2);
  expect(['a', 'b', 'c', 'a', 'd'].map(labelOf)).toEqual(['a', 'b', 'other', 'a', 'other']);
});

test('of what is remembered the oldest goes first', () => {
  const recent = createRecent(2);
  for (const one of ['a', 'b', 'c']) recent.add(one);
  expect(['a', 'b', 'c'].map(recent.has)).toEqual([false, true, true]);
});
