/** Admission reviews over HTTP: what is asked, and how much time the API server leaves for the answer. */
import type { HttpFunction } from '@google-cloud/functions-framework';
import { type Deadline, deadlineIn } from '../../shared/deadline.ts';
import { asInjectorError, InjectorError } from '../../shared/errors.ts';
import { arrivalOf } from '../../shared/http/arrival.ts';
import { originOf } from '../../shared/telemetry/origin.ts';
import { beginWork } from '../../shared/vault/requests.ts';
import { answerReview, parseReview, uidOfUnread } from './admission-review.ts';
import { budgetFor } from './deadline.ts';
import { type Admission, admit, denialOf } from './handler.ts';

interface Asked {
  readonly deadline: Deadline;
  readonly answerBy: Deadline;
  readonly traceparent: string | undefined;
}

export function createReviewEndpoint(admission: Admission): HttpFunction {
  const { clock } = admission;

  async function answerTo(body: Buffer, { deadline, answerBy, traceparent }: Asked) {
    try {
      const { uid, creation } = parseReview(body);
      const work = beginWork(deadline, originOf(uid, traceparent));
      const verdict = creation ? await admit(creation, work, answerBy, admission) : { warnings: [] };
      return answerReview(uid, verdict);
    } catch (thrown) {
      const { code, message } = asInjectorError(thrown);
      const uid = code === 'request_too_large' ? uidOfUnread(body) : undefined;
      // The API server shows a pod's author nothing from an answer that is not a review.
      if (uid === undefined) throw thrown;
      return answerReview(uid, denialOf(code, message));
    }
  }

  return async (request, response) => {
    const { workMs, answerMs } = budgetFor(timeoutOf(request.url));
    const hungUp = new AbortController();
    // The caller is gone, so the pod will not be created: what was issued for it is revoked.
    const abort = () => hungUp.abort(new InjectorError('request_aborted', 'the caller hung up'));
    response.on('close', () => response.writableFinished || abort());
    // Time has passed since the request arrived: its body was read and others were answered.
    const passedMs = clock() - arrivalOf(request, clock);
    using deadline = deadlineIn(workMs - passedMs, clock, hungUp.signal);
    using answerBy = deadlineIn(answerMs - passedMs, clock);
    const body = request.rawBody ?? Buffer.alloc(0);
    const answer = await answerTo(body, { deadline, answerBy, traceparent: request.get('traceparent') });
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify(answer));
  };
}

/** Reads `/path?timeout=5s`; a URL that cannot be parsed gives no timeout. */
function timeoutOf(url: string): string | null {
  return URL.parse(url, 'http://localhost')?.searchParams.get('timeout') ?? null;
}
