import { expect, test } from 'vitest';
import { createErrorReports } from '../../../../shared/telemetry/error-reports.ts';

const options = { dsn: 'http://publickey@127.0.0.1:1/42', environment: undefined, sampleRate: 1 };
const report = (reports: ReturnType<typeof createErrorReports>) =>
  reports.report('pod denied', 'internal', 'TypeError at x');

test('that Sentry cannot be loaded is told once, and disturbs nobody', async () => {
  const told: unknown[] = [];
  const missing = new Error('Cannot find module');
  const reports = createErrorReports('admission', options, {
    onUnavailable: (error) => told.push(error),
    importSentry: () => Promise.reject(missing),
  });
  for (let time = 0; time < 3; time += 1) report(reports);
  await reports.flush();
  report(reports);
  await reports.flush();
  expect(told).toEqual([missing]);
});

test('a Sentry that takes its reports is no news', async () => {
  const told: unknown[] = [];
  const captured: string[] = [];
  const reports = createErrorReports('admission', options, {
    onUnavailable: (error) => told.push(error),
    importSentry: async () => ({
      init: () => undefined,
      captureMessage: (message) => {
        captured.push(message);
        return '';
      },
      flush: async () => true,
    }),
  });
  report(reports);
  await reports.flush();
  expect([told, captured]).toEqual([[], ['pod denied: TypeError at x']]);
});
