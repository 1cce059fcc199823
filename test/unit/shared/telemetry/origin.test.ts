import { expect, test } from 'vitest';
import { originOf } from '../../../../shared/telemetry/origin.ts';

const ID = '0198a3a0-0000-7000-8000-000000000001';
const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';

test.each([
  ['a uuid', ID, undefined, { correlationId: ID }],
  ['a uuid and a trace', ID, `00-${TRACE}-00f067aa0ba902b7-01`, { correlationId: ID, traceId: TRACE }],
  ['what would be a header of its own', 'x\r\nX-Vault-Token: s.x', undefined, {}],
  ['an id that is no uuid', 'event-1', undefined, {}],
  ['a trace of zeros, which is none', ID, `00-${'0'.repeat(32)}-00f067aa0ba902b7-01`, { correlationId: ID }],
  ['a trace that is garbage', ID, '<script>', { correlationId: ID }],
])('%s', (_, id, traceparent, expected) => {
  expect(originOf(id, traceparent)).toEqual(expected);
});
