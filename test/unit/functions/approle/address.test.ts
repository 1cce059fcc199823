import { describe, expect, test } from 'vitest';
import { createCheckAddress } from '../../../../functions/approle/address.ts';

const at = (address: string | undefined, onHostNetwork = false) => ({ address, onHostNetwork });

describe('where nobody says where pods are', () => {
  const check = createCheckAddress(undefined);

  test.each([
    '10.244.1.7',
    '100.64.0.1',
    '192.168.3.4',
    '8.8.8.8',
    'fd00::12',
    '2001:db8::1',
    '::ffff:10.0.0.1',
  ])('%s may be a pod’s', (address) => expect(check(at(address))).toBeUndefined());

  test.each([
    '127.0.0.1',
    '127.8.9.10',
    '0.0.0.0',
    '169.254.169.254',
    '224.0.0.1',
    '239.255.255.250',
    '255.255.255.255',
    '240.0.0.1',
    '::',
    '::1',
    'fe80::1',
    'ff02::1',
    '::ffff:127.0.0.1',
    '::ffff:169.254.169.254',
  ])('%s is none', (address) => expect(check(at(address))).toBe('its address cannot be that of a pod'));

  test.each([
    undefined,
    '',
    'localhost',
    'vault.vault.svc',
    '10.0.0.1:80',
    '0x7f000001',
    '127.1',
    '10.0.0.1/32',
  ])('%s is no address', (address) => expect(check(at(address))).toBe('its address is not an IP address'));
});

describe('where pods are', () => {
  const check = createCheckAddress(['10.244.0.0/16', 'fd00:1::/32', '127.0.0.0/8']);

  test.each(['10.244.255.1', 'fd00:1::5', '127.0.0.9'])('%s is among them', (address) =>
    expect(check(at(address))).toBeUndefined(),
  );

  test.each(['10.245.0.1', '8.8.8.8', '::1', 'fd00:2::5', '169.254.169.254'])('%s is not', (address) =>
    expect(check(at(address))).toBe('its address is not in appRolePodCidrs'),
  );
});

test.each([undefined, ['10.0.0.0/8']])('a node’s address is nobody’s (%s)', (cidrs) => {
  expect(createCheckAddress(cidrs)(at('10.0.0.1', true))).toBe("its address is its node's (hostNetwork)");
});
