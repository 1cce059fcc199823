/** Error reports to Sentry. The module is heavy, so it is loaded with the first report. */
import type { ErrorEvent } from '@sentry/node';
import { buildInfo } from '../build-info.ts';
import type { ErrorCode } from '../errors.ts';
import { printable } from '../secret.ts';

export interface ErrorReports {
  /** @param description what the log says about the error: it holds no secret. */
  report(message: string, code: ErrorCode, description: string): void;
  /** Waits until all reports have been sent, two seconds at most. */
  flush(): Promise<void>;
}

export interface SentryOptions {
  readonly dsn: string;
  readonly environment: string | undefined;
  /** The share of errors to report, 0 to 1. */
  readonly sampleRate: number;
}

const FLUSH_WITHIN_MS = 2_000;
const MAX_MESSAGE = 2_000;

type Sentry = Pick<typeof import('@sentry/node'), 'init' | 'captureMessage' | 'flush'>;

interface ErrorReportDependencies {
  /** Called once, for the first report that fails. */
  readonly onUnavailable: (error: unknown) => void;
  readonly importSentry?: () => Promise<Sentry>;
}

/**
 * @param name of the process that reports.
 * @param options `undefined` turns reports off.
 */
export function createErrorReports(
  name: string,
  options: SentryOptions | undefined,
  { onUnavailable, importSentry = () => import('@sentry/node') }: ErrorReportDependencies,
): ErrorReports {
  if (options === undefined) return { report: () => {}, flush: async () => {} };
  const { dsn, environment, sampleRate } = options;
  let loading: ReturnType<typeof load> | undefined;
  let isReported = false;

  function reportOnce(error: unknown): void {
    if (isReported) return;
    isReported = true;
    onUnavailable(error);
  }

  async function load() {
    const sentry = await importSentry();
    sentry.init({
      dsn,
      sampleRate,
      release: `vault-db-injector@${buildInfo.version}`,
      ...(environment !== undefined && { environment }),
      // Default integrations would collect requests, their headers and the environment.
      defaultIntegrations: false,
      sendClientReports: false,
      beforeSend: scrubbed,
    });
    return sentry;
  }

  return {
    report(message, code, description) {
      loading ??= load();
      // A failed report must not disturb the answer; the log has the same line.
      loading
        .then((sentry) =>
          sentry.captureMessage(`${message}: ${description}`, {
            level: 'error',
            tags: { code, process: name },
            // One Sentry issue per error, however many pods meet it.
            fingerprint: [name, message, code],
          }),
        )
        .catch(reportOnce);
    },
    async flush() {
      await (await loading?.catch(() => undefined))?.flush(FLUSH_WITHIN_MS);
    },
  };
}

/** Builds the event from known fields; whatever the library adds is dropped. */
function scrubbed(event: ErrorEvent): ErrorEvent {
  const { type, event_id, timestamp, platform, level, release, environment, tags, fingerprint } = event;
  const kept = { event_id, timestamp, platform, level, release, environment, tags, fingerprint };
  const given = Object.entries(kept).filter(([, value]) => value !== undefined);
  return { type, ...Object.fromEntries(given), message: printable(event.message ?? '', MAX_MESSAGE) };
}
