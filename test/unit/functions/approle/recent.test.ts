import { expect, test } from 'vitest';
import { createRecent } from '../../../../functions/approle/recent.ts';

test('of what is remembered the oldest goes first', () => {
  const recent = createRecent(2);
  for (const one of ['a', 'b', 'c']) recent.add(one);
  expect(['a', 'b', 'c'].map(recent.has)).toEqual([false, true, true]);
});
