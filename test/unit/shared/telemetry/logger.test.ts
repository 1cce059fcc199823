/** Whom a line is about: what its error knows stands in it beside what the line itself says. */
import { expect, test, vi } from 'vitest';
import { about, asInjectorError, InjectorError } from '../../../../shared/errors.ts';
import { createLogger } from '../../../../shared/telemetry/logger.ts';

function written(write: (log: ReturnType<typeof createLogger>) => void): unknown {
  const lines: string[] = [];
  const spy = vi.spyOn(process.stdout, 'write').mockImplementation((text) => lines.push(String(text)) > 0);
  const reports = { report: () => {}, flush: async () => {} };
  write(createLogger({ level: 'info', name: 'test', onTerminal: false }, reports));
  spy.mockRestore();
  return JSON.parse(lines[0] ?? '{}');
}

test.each(['error', 'denied'] as const)('%s: the subject of the error', (level) => {
  const inner = new InjectorError('vault_timeout', 'late', { subject: { mount: 'db' } });
  const thrown = about({ uuid: 'u', pod: 'web\n0', mount: 'other' }, inner);
  expect(written((log) => log[level]('request failed', thrown, { namespace: 'team' }))).toMatchObject({
    namespace: 'team',
    uuid: 'u',
    pod: expect.not.stringContaining('\n'),
    // Who threw it knows best.
    mount: 'db',
    code: 'vault_timeout',
    reason: 'late',
  });
});

test('an error of another kind is about nobody, and keeps its code', () => {
  const thrown = about({ uuid: 'u' }, new TypeError('secret'));
  expect([thrown.code, thrown.subject, asInjectorError(thrown)]).toEqual(['internal', { uuid: 'u' }, thrown]);
  expect(thrown.message).not.toContain('secret');
});
