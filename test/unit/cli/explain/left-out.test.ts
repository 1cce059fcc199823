import { expect, test } from 'vitest';
import { selects } from '../../../../cli/explain/left-out.ts';

const labels = { 'kubernetes.io/metadata.name': 'team', stage: 'production' };
const expression = (
  key: string,
  operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist',
  ...values: string[]
) => ({
  matchExpressions: [{ key, operator, values }],
});

const rows: readonly (readonly [string, Parameters<typeof selects>[0], boolean])[] = [
  ['nothing is asked for', {}, true],
  ['a label', { matchLabels: { stage: 'production' } }, true],
  ['another value', { matchLabels: { stage: 'test' } }, false],
  ['a label that is not there', { matchLabels: { other: 'x' } }, false],
  ['among', expression('stage', 'In', 'test', 'production'), true],
  ['among others', expression('stage', 'In', 'test'), false],
  ['not among', expression('kubernetes.io/metadata.name', 'NotIn', 'kube-system'), true],
  ['not among, and it is', expression('kubernetes.io/metadata.name', 'NotIn', 'team'), false],
  ['not among, without the label', expression('other', 'NotIn', 'x'), true],
  ['in, without the label', expression('other', 'In', 'x'), false],
  ['there', expression('stage', 'Exists'), true],
  ['there, and it is not', expression('other', 'Exists'), false],
  ['not there', expression('other', 'DoesNotExist'), true],
  ['not there, and it is', expression('stage', 'DoesNotExist'), false],
  ['all of them', { matchLabels: { stage: 'production' }, ...expression('stage', 'In', 'test') }, false],
];

test.each(rows)('%s', (_, selector, expected) => {
  expect(selects(selector, labels)).toBe(expected);
});
