/** Error reports to Sentry. The module is heavy, so it is loaded with the first report and never before. */
import type { ErrorCode } from '../errors.ts';

export interface ErrorReports {
  /** @param description what the log says of the error: it holds no secret. */
  report(message: string, code: ErrorCode, description: string): void;
  /** Waits until what was reported has been sent, two seconds at the most. */
  flush(): Promise<void>;
}

const FLUSH_WITHIN_MS = 2_000;

/** @param dsn `undefined`: nothing is reported. */
export function createErrorReports(dsn: string | undefined): ErrorReports {
  if (dsn === undefined) return { report: () => {}, flush: async () => {} };
  let loading: ReturnType<typeof load> | undefined;

  async function load(from: string) {
    const sentry = await import('@sentry/node');
    // No integrations: they would collect requests, their headers and the environment.
    sentry.init({ dsn: from, defaultIntegrations: false });
    return sentry;
  }

  return {
    report(message, code, description) {
      loading ??= load(dsn);
      // A report that cannot be made must not disturb the answer; the same line stands in the log.
      loading
        .then((sentry) =>
          sentry.captureMessage(`${message}: ${description}`, { level: 'error', tags: { code } }),
        )
        .catch(() => {});
    },
    async flush() {
      await (await loading?.catch(() => undefined))?.flush(FLUSH_WITHIN_MS);
    },
  };
}
