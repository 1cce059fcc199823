import { expect, test } from 'vitest';
import { claimsOf, holderOf } from '../../../../shared/grants/claims.ts';
import { isGrantUuid } from '../../../../shared/vault/ledger.ts';

const A = '019a0000-0000-7000-8000-000000000001';
const B = '019a0000-0000-7000-8000-000000000002';
const pod = (name: string, ...uuids: string[]) => ({ namespace: 'team', name, uid: `uid of ${name}`, uuids });

test('each uuid has the pods that name it, a pod once', () => {
  const [web, job] = [pod('web', A, B, A), pod('job', B)];
  expect(claimsOf([web, job, { ...web }])).toEqual(
    new Map([
      [A, [web]],
      [B, [web, job]],
    ]),
  );
});

test('text that is no uuid counts only where it is asked for', () => {
  const odd = pod('odd', 'no uuid', A.toUpperCase(), B);
  expect([...claimsOf([odd]).keys()]).toEqual(['no uuid', A.toUpperCase(), B]);
  expect([...claimsOf([odd], isGrantUuid).keys()]).toEqual([B]);
});

test("a grant is held by a pod of its own namespace, whatever others' annotations say", () => {
  const thief = { ...pod('thief', A), namespace: 'other' };
  const claims = claimsOf([thief, pod('web', A)]);
  expect(holderOf(claims, A, 'team')?.name).toBe('web');
  expect(holderOf(claimsOf([thief]), A, 'team')).toBeUndefined();
  expect(holderOf(claims, B, 'team')).toBeUndefined();
});
