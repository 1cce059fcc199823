/** Admission reviews over HTTP: what is asked, and how much time the API server leaves for the answer. */
import type { HttpFunction } from '@google-cloud/functions-framework';
import { deadlineIn } from '../../shared/deadline.ts';
import { InjectorError } from '../../shared/errors.ts';
import { arrivalOf } from '../../shared/http/arrival.ts';
import { originOf } from '../../shared/telemetry/origin.ts';
import { budgetFor } from './deadline.ts';
import { type Admission, admit } from './handler.ts';
import { answerReview, parseReview } from './review.ts';

export function createReviews(admission: Admission): HttpFunction {
  const { clock } = admission;
  return async (request, response) => {
    const { workMs, answerMs } = budgetFor(timeoutOf(request.url));
    const hungUp = new AbortController();
    // Nobody will read the answer, so nobody gets the pod: what was issued for it is undone.
    const abort = () => hungUp.abort(new InjectorError('request_aborted', 'the caller hung up'));
    response.on('close', () => response.writableFinished || abort());
    // Its body has been read since, and others have been answered.
    const passedMs = clock() - arrivalOf(request, clock);
    const deadline = deadlineIn(workMs - passedMs, clock, hungUp.signal);
    const answerBy = deadlineIn(answerMs - passedMs, clock);
    try {
      const { uid, creation } = parseReview(request.rawBody ?? Buffer.alloc(0));
      const work = { deadline, vaultCalls: 0, ...originOf(uid, request.get('traceparent')) };
      const verdict = creation ? await admit(creation, work, answerBy, admission) : { warnings: [] };
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify(answerReview(uid, verdict)));
    } finally {
      for (const one of [deadline, answerBy]) one.release();
    }
  };
}

/** Of `/path?timeout=5s`; an URL that cannot be read as one says nothing. */
function timeoutOf(url: string): string | null {
  return URL.parse(url, 'http://localhost')?.searchParams.get('timeout') ?? null;
}
