import { describe, expect, test } from 'vitest';
import { understand } from './understood.ts';

const faultOf = (...args: string[]) =>
  understand(args).then(
    () => 'understood',
    (error: unknown) => (error instanceof Error ? error.message : ''),
  );

describe('the options of an installation', () => {
  test('have defaults', async () => {
    const { options } = await understand(['install']);
    expect(options).toEqual({
      timeout: 300,
      selfTestRole: 'vault-db-injector-self-test',
      selfTestNamespace: 'default',
      selfTestServiceAccount: 'default',
    });
  });

  test.each([
    ['an ingress that is none of these', ['--ingress=nginx'], /Allowed choices are kourier, istio, none/],
    ['no number', ['--timeout=soon'], /Expected a number of seconds/],
    ['no image', ['--image=a b'], /Expected an image/],
    ['an address that is not encrypted', ['--webhook-url=http://x'], /Expected https:\/\/ and a host/],
    [
      'an unknown one',
      ['--vault-adress=x'],
      /unknown option '--vault-adress=x'\n\(Did you mean --vault-address\?/,
    ],
    ['a word', ['kourier'], /too many arguments/],
    ['none without a URL', ['--ingress=none'], /needs --webhook-url/],
    ['a URL without none', ['--webhook-url=https://x'], /requires --ingress none/],
    ['a path in the URL, which is the secret', ['--ingress=none', '--webhook-url=https://x/y'], /and a host/],
  ])('%s is refused', async (_, args, expected) => {
    expect(await faultOf('install', ...args)).toMatch(expected);
    expect(await faultOf('upgrade', ...args)).toMatch(expected);
  });
});

test('what becomes of credentials is asked of an uninstallation only', async () => {
  expect((await understand(['uninstall'])).options).toEqual({
    credentials: 'keep',
    settle: 30,
    timeout: 300,
  });
  expect(await faultOf('install', '--credentials=keep')).toMatch(/unknown option '--credentials/);
});

test('the options of a rotation have defaults', async () => {
  expect((await understand(['rotate'])).options).toEqual({ timeout: 300, settle: 60 });
});

test('as with kubectl: short options, and JSON in two ways', async () => {
  const [short, long] = await Promise.all([
    understand(['list', '-n', 'team', '-l', 'app=web', '-o', 'json', '--kubeconfig', 'file']),
    understand(['list', '--namespace=team', '--selector=app=web', '--json', '--kubeconfig=file']),
  ]);
  expect(long.options).toEqual({ ...short.options, json: true });
  expect(await faultOf('list', '-A', '-n', 'team')).toMatch(/cannot be used with/);
  expect((await understand(['explain', '-f', 'a', '-f', 'b', 'c'])).options).toEqual({
    filename: ['a', 'b'],
  });
});
