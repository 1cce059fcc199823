import { describe, expect, test } from 'vitest';
import { environmentOf, type Variables } from '../../../../shared/pod/environment.ts';
import { expand } from './kubernetes-expansion.ts';

const variables = (values: Readonly<Record<string, string>>): Variables =>
  new Map(Object.entries(values).map(([name, value]) => [name, { value }]));
const entries = (values: readonly string[]) =>
  values.map((text) => {
    const [name = '', value = ''] = text.split('=');
    return { name, value };
  });

describe('the order of variables', () => {
  test.each<[string, string[], Record<string, string>, string[], string[]]>([
    ['at the end, if nobody refers to them', ['A=1', 'B=2'], { U: 'u' }, ['A', 'B', 'U'], []],
    [
      'before the first that refers to them',
      ['A=1', 'URL=x://$(U)', 'B=$(U)'],
      { U: 'u' },
      ['A', 'U', 'URL', 'B'],
      [],
    ],
    ['after those that they refer to', ['A=1', 'HOST=h'], { U: 'x://$(HOST)' }, ['A', 'HOST', 'U'], []],
    ['between the two', ['HOST=h', 'A=1', 'URL=$(U)'], { U: '$(HOST)' }, ['HOST', 'A', 'U', 'URL'], []],
    ['where the container had them', ['U=old', 'A=1'], { U: 'u' }, ['U', 'A'], []],
    ['earlier than that, if somebody refers to them', ['A=$(U)', 'U=old'], { U: 'u' }, ['U', 'A'], []],
    [
      'later than that, if they refer to others',
      ['U=old', 'HOST=h', 'A=1'],
      { U: '$(HOST)' },
      ['HOST', 'U', 'A'],
      [],
    ],
    ['each other', ['A=$(URL)'], { URL: '$(U)', U: 'u' }, ['U', 'URL', 'A'], []],
    ['a reference that is escaped is none', ['A=$$(U)'], { U: 'u' }, ['A', 'U'], []],
    ['a circle', ['A=$(U)'], { U: '$(A)' }, ['A', 'U'], ['A']],
    ['a circle of ours', [], { U: '$(V)', V: '$(U)' }, ['V', 'U'], ['V']],
    [
      'what they refer to, after what refers to them',
      ['A=$(U)', 'HOST=h'],
      { U: '$(HOST)' },
      ['A', 'HOST', 'U'],
      ['A'],
    ],
    ['others in the wrong order are not ours to tell', ['A=$(B)', 'B=1'], { U: 'u' }, ['A', 'B', 'U'], []],
  ])('%s', (_, given, ours, order, unexpanded) => {
    const found = environmentOf({ name: 'app', env: entries(given) }, variables(ours));
    expect(found.entries.map(({ name }) => name)).toEqual(order);
    expect(found.unexpanded).toEqual(unexpanded);
  });

  test('is what Kubernetes needs to expand them all', () => {
    const env = entries(['HOST=db', 'URL=postgres://$(DBUSER):$(DBPASSWORD)@$(HOST)/orders']);
    const found = environmentOf({ name: 'app', env }, variables({ DBUSER: 'u', DBPASSWORD: 'p$$(HOST)' }));
    const values = found.entries.map((entry) => ({ name: entry.name, value: String(entry['value']) }));
    expect(expand(values).get('URL')).toBe('postgres://u:p$(HOST)@db/orders');
  });

  test('of very many takes no more than their number', () => {
    const env = entries(Array.from({ length: 100_000 }, (_, index) => `V${index}=$(U${index % 1_000})`));
    const ours = variables(
      Object.fromEntries(Array.from({ length: 1_000 }, (_, index) => [`U${index}`, `$(V${index})`])),
    );
    const found = environmentOf({ name: 'app', env }, ours);
    expect(found.entries).toHaveLength(101_000);
  });
});
