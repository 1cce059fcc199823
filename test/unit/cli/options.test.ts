import { describe, expect, test } from 'vitest';
import { readOptions } from '../../../cli/install/options.ts';
import { readRotateOptions } from '../../../cli/rotate/options.ts';

const faultsOf = (...args: string[]) => {
  try {
    readOptions(args);
  } catch (error) {
    return error instanceof Error ? error.message.split('\n') : [];
  }
  throw new Error('nothing was wrong');
};

describe('the options of an installation', () => {
  test('have defaults', () => {
    expect(readOptions([])).toMatchObject({
      timeout: 300,
      uninstall: false,
      'dry-run': false,
      'self-test-namespace': 'default',
    });
    expect(readOptions([]).ingress).toBeUndefined();
  });

  test('that are wrong are all named', () => {
    expect(faultsOf('--ingress=nginx', '--timeout=soon', '--webhook-url=http://x', '--image=a b')).toEqual([
      '--image: expected an image',
      '--ingress: expected kourier, istio or none',
      '--webhook-url: expected https:// and a host',
      '--timeout: expected a number of seconds',
    ]);
  });

  test.each([
    ['an unknown one', ['--vault-adress=x'], /Unknown option '--vault-adress'/],
    ['a word', ['install'], /Unexpected argument 'install'/],
    ['none without a URL', ['--ingress=none'], /needs --webhook-url/],
    ['a URL without none', ['--webhook-url=https://x'], /requires --ingress none/],
    ['credentials without an uninstallation', ['--credentials=keep'], /requires --uninstall/],
    ['revoking without saying yes', ['--uninstall', '--credentials=revoke'], /add --yes/],
    ['a path in the URL, which is the secret', ['--ingress=none', '--webhook-url=https://x/y'], /and a host/],
  ])('%s is refused', (_, args, expected) => {
    expect(faultsOf(...args).join('\n')).toMatch(expected);
  });

  test('of a dry run need no yes', () => {
    expect(readOptions(['--uninstall', '--credentials=revoke', '--dry-run']).credentials).toBe('revoke');
  });
});

test('the options of a rotation have defaults', () => {
  expect(readRotateOptions([])).toEqual({ timeout: 300, settle: 60, help: false });
});
