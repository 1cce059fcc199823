import { describe, expect, test } from 'vitest';
import {
  ANNOTATION_PREFIX,
  type DatabaseRequest,
  type PodDefaults,
  parseAnnotations,
  variablesOf,
} from '../../../shared/annotations.ts';
import { templateOf } from '../../../shared/pod/template.ts';

/** @param annotations without their prefix. */
const defaults: PodDefaults = { engine: 'databases', delivery: 'env', podsMayChooseDelivery: false };
function parse(annotations: Readonly<Record<string, string>>, changes: Partial<PodDefaults> = {}) {
  const prefixed = Object.entries(annotations).map(([key, value]) => [`${ANNOTATION_PREFIX}${key}`, value]);
  return parseAnnotations(Object.fromEntries(prefixed), { ...defaults, ...changes });
}

const classic = (userVariables = ['DBUSER'], passwordVariables = ['DBPASSWORD']) => ({
  mode: 'classic' as const,
  variables: [
    ...userVariables.map((name) => ({ name, template: templateOf('user') })),
    ...passwordVariables.map((name) => ({ name, template: templateOf('password') })),
  ],
});
const request = (database: string, changes: Partial<DatabaseRequest> = {}): DatabaseRequest => ({
  database,
  mount: 'databases',
  role: 'rw',
  authRole: 'rw',
  ...classic(),
  inSecret: false,
  files: [],
  ...changes,
});
const at = (key: string) => `annotation "${ANNOTATION_PREFIX}${key}"`;

describe('annotations that ask for databases', () => {
  const credentials = [...templateOf('user', 'uri'), ':', ...templateOf('password', 'uri')];
  const template = ['postgres://', ...credentials, '@db:5432/app'];
  const uri = (...names: string[]) => ({
    mode: 'uri' as const,
    variables: names.map((name) => ({ name, template })),
  });
  const rows: readonly (readonly [string, Readonly<Record<string, string>>, readonly DatabaseRequest[]])[] = [
    ['a single role', { role: 'rw' }, [request('')]],
    ['a single role and its engine', { role: 'rw', cluster: 'pg/eu' }, [request('', { mount: 'pg/eu' })]],
    ['one database, classic by default', { 'db.role': 'rw' }, [request('db')]],
    [
      'the names of its variables',
      { 'db.role': 'rw', 'db.mode': 'classic', 'db.env-key-dbuser': 'U', 'db.env-key-dbpassword': 'P' },
      [request('db', { ...classic(['U'], ['P']) })],
    ],
    [
      'comma lists of them, with blanks, repetitions and empty places',
      { 'db.role': 'rw', 'db.env-key-dbuser': 'U, U2,,U', 'db.env-key-dbpassword': ' P ,P2, ' },
      [request('db', { ...classic(['U', 'U2'], ['P', 'P2']) })],
    ],
    [
      'a URI',
      {
        'db.role': 'rw',
        'db.mode': 'uri',
        'db.template': 'postgres://@db:5432/app',
        'db.env-key-uri': 'A,B',
      },
      [request('db', uri('A', 'B'))],
    ],
    ...['URI', 'Uri'].map((mode): [string, Record<string, string>, DatabaseRequest[]] => [
      `a URI, spelt ${mode}, as pods of the reference have it`,
      { 'db.role': 'rw', 'db.mode': mode, 'db.template': 'postgres://@db:5432/app', 'db.env-key-uri': 'A' },
      [request('db', uri('A'))],
    ]),
    [
      'two databases, in the order of their names, one with an engine of its own',
      {
        cluster: 'all',
        'b.role': 'rw',
        'a.role': 'ro',
        'a.cluster': 'mine',
        'a.env-key-dbuser': 'A',
        'a.env-key-dbpassword': 'AP',
      },
      [
        request('a', { mount: 'mine', role: 'ro', authRole: 'ro', ...classic(['A'], ['AP']) }),
        request('b', { mount: 'all' }),
      ],
    ],
    [
      'one role for all that do not name their own',
      {
        role: 'rw',
        'a.mode': 'classic',
        'b.role': 'ro',
        'b.env-key-dbuser': 'B',
        'b.env-key-dbpassword': 'BP',
      },
      [request('a'), request('b', { role: 'ro', authRole: 'ro', ...classic(['B'], ['BP']) })],
    ],
    ['an auth role', { 'db.role': 'rw', 'db.auth-role': 'team' }, [request('db', { authRole: 'team' })]],
    ['names with dots and dashes', { 'my-team.orders.v2.role': 'rw' }, [request('my-team.orders.v2')]],
    ['blanks around values', { 'db.role': ' rw ', 'db.cluster': ' pg ' }, [request('db', { mount: 'pg' })]],
    [
      "a mount with Vault's slash",
      { role: 'rw', cluster: 'pgsql2-dv/' },
      [request('', { mount: 'pgsql2-dv' })],
    ],
    ['values that are empty', { 'db.role': 'rw', 'db.cluster': '', 'db.mode': '' }, [request('db')]],
    [
      'roles with all that Vault allows',
      { role: 'a.b_c-d@e.f' },
      [request('', { role: 'a.b_c-d@e.f', authRole: 'a.b_c-d@e.f' })],
    ],
  ];

  test.each(rows)('%s', (_, annotations, requests) => {
    expect(parse(annotations)).toEqual({ requests, containers: undefined, problems: [], warnings: [] });
  });

  test('among those of others', () => {
    const { requests, problems } = parseAnnotations(
      { 'example.org/db.role': 'x', [`${ANNOTATION_PREFIX}db.role`]: 'rw', 'kubectl.kubernetes.io/x': '' },
      defaults,
    );
    expect([requests, problems]).toEqual([[request('db')], []]);
  });

  test('set these variables', () => {
    const { requests } = parse({
      'a.role': 'rw',
      'b.role': 'rw',
      'b.mode': 'uri',
      'b.template': 'pg://h',
      'b.env-key-uri': 'U,V',
    });
    expect(requests.map(variablesOf)).toEqual([
      ['DBUSER', 'DBPASSWORD'],
      ['U', 'V'],
    ]);
  });
});

describe('the containers', () => {
  test.each([
    ['app', ['app']],
    ['app, migrate ,app', ['app', 'migrate']],
  ])('%j', (containers, expected) => {
    expect(parse({ role: 'rw', containers }).containers).toEqual(expected);
  });

  test.each([
    ['', `${at('containers')} is missing: expected names of containers (or several, separated by commas)`],
    ['App', `${at('containers')} is "App": expected names of containers`],
    ['a,../b', `${at('containers')} is "../b": expected names of containers`],
  ])('%j is refused', (containers, problem) => {
    expect(parse({ role: 'rw', containers }).problems).toEqual([problem]);
  });
});

describe('warnings', () => {
  test.each([
    [
      'a key that is not known',
      { 'db.user': 'x' },
      `${at('db.user')} is not known and ignored; known: <database>.cluster, `,
    ],
    [
      'a key of the pod that is not known',
      { roles: 'x' },
      `${at('roles')} is not known and ignored; known: cluster, role, delivery, containers, uuid`,
    ],
    ['a key without a database', { '.role': 'x' }, `${at('.role')} is not known and ignored`],
    [
      'a key of another mode',
      { 'db.template': 'pg://h' },
      'annotation "db.template" has no effect in mode "classic"',
    ],
  ])('%s', (_, annotations, warning) => {
    const { problems, warnings } = parse({ 'db.role': 'rw', ...annotations });
    expect(problems).toEqual([]);
    expect(warnings).toEqual([expect.stringContaining(warning)]);
  });

  test('a user in the template, which is replaced', () => {
    const uri = { 'db.mode': 'uri', 'db.env-key-uri': 'U', 'db.template': 'pg://me:secret@h' };
    expect(parse({ 'db.role': 'rw', ...uri }).warnings).toEqual([
      'annotation "db.template" has user info, which the credentials replace',
    ]);
  });

  test("a uuid is the handler's to warn of", () => {
    expect(parse({ role: 'rw', uuid: 'x' }).warnings).toEqual([]);
  });
});
