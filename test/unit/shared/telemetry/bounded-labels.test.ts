import { describe, expect, test } from 'vitest';
import { createBoundedLabels } from '../../../../shared/telemetry/bounded-labels.ts';
import { createMetrics } from '../../../../shared/telemetry/metrics.ts';

describe('labels that pods’ authors choose', () => {
  const of = (name: string) => ({
    service_account_name: name,
    namespace: 'team',
    db_role: 'rw',
    cause: 'role',
  });

  test('are called "other" after so many combinations, and those that are known go on', () => {
    const bounded = createBoundedLabels(2);
    const names = ['a', 'b', 'c', 'a', 'd'].map(
      (name) => bounded('denied', of(name))['service_account_name'],
    );
    expect(names).toEqual(['a', 'b', 'other', 'a', 'other']);
    expect(bounded('denied', of('c'))).toEqual({
      service_account_name: 'other',
      namespace: 'other',
      db_role: 'other',
      cause: 'role',
    });
  });

  test('are counted for each counter by itself', () => {
    const bounded = createBoundedLabels(1);
    bounded('one', { namespace: 'a' });
    expect(bounded('two', { namespace: 'b' })).toEqual({ namespace: 'b' });
  });

  test('have a length', () => {
    const label = createBoundedLabels()('denied', of('x'.repeat(100_000)))['service_account_name'] ?? '';
    expect(label.length).toBeLessThanOrEqual(253);
  });

  test('that are ours are left as they are', () => {
    const bounded = createBoundedLabels(0);
    expect(bounded('sent', { operation: 'x', status: '2xx' })).toEqual({ operation: 'x', status: '2xx' });
  });
});

test('a counter has at most so many series, whatever is asked for', async () => {
  const metrics = createMetrics({ process: 'admission', uuidLabel: false });
  for (let index = 0; index < 5_000; index += 1) {
    const labels = {
      service_account_name: `sa-${index}`,
      namespace: `ns-${index}`,
      db_role: `role-${index}`,
    };
    metrics.count('service_account_denied_count', { ...labels, cause: 'any' });
  }
  const { text } = await metrics.expose();
  const series = text
    .split('\n')
    .filter((line) => line.startsWith('vault_injector_service_account_denied_count{'));
  expect(series.length).toBe(1_001);
  expect(series.at(-1)).toMatch(/namespace="other".* 4000$/);
});
