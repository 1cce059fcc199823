/** Sends an event to the Broker, whose Trigger delivers it as it did the first time. */
import { readFile } from 'node:fs/promises';
import { type Deadline, deadlineIn, monotonicClock } from '../../shared/deadline.ts';
import { InjectorError } from '../../shared/errors.ts';
import { type DeadLetter, replayOf } from '../../shared/events/dead-letter.ts';
import { Secret } from '../../shared/secret.ts';

/** Resolves when the sink has accepted the event. */
export type Send = (letter: DeadLetter, deadline: Deadline) => Promise<void>;

export interface SinkPlace {
  readonly url: string;
  /** File with the token that authenticates the sender; read for each event, since the kubelet replaces it. */
  readonly tokenFile: string | undefined;
}

const SEND_WITHIN_MS = 15_000;

/** The returned function throws InjectorError `sink_unavailable`. */
export function createSend({ url, tokenFile }: SinkPlace): Send {
  return async (letter, deadline) => {
    const { headers, body } = replayOf(letter);
    const token = tokenFile === undefined ? undefined : await readToken(tokenFile);
    using ownDeadline = deadlineIn(SEND_WITHIN_MS, monotonicClock, deadline.signal);
    try {
      const answer = await fetch(url, {
        method: 'POST',
        headers: { ...headers, ...(token && { authorization: `Bearer ${token.reveal()}` }) },
        body,
        redirect: 'manual',
        signal: ownDeadline.signal,
      });
      await answer.body?.cancel();
      if (!answer.ok) throw unavailable(`the sink did not accept the event (HTTP ${answer.status})`);
    } catch (cause) {
      throw cause instanceof InjectorError ? cause : unavailable('the sink cannot be reached', cause);
    }
  };
}

async function readToken(file: string): Promise<Secret> {
  try {
    return new Secret((await readFile(file, 'utf8')).trim());
  } catch (cause) {
    throw unavailable(`the file of replaySinkTokenFile (${file}) cannot be read`, cause);
  }
}

function unavailable(message: string, cause?: unknown): InjectorError {
  return new InjectorError('sink_unavailable', message, { cause });
}
