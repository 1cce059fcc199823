import * as v from 'valibot';
import { stepNames } from '../progress.ts';

const progressEvent = v.object({
  step: v.picklist(stepNames),
  state: v.picklist(['working', 'done']),
  detail: v.optional(v.string()),
});

/** What the process in the background tells the one that started it. */
export const supervisorMessage = v.variant('type', [
  v.object({ type: v.literal('progress'), event: progressEvent }),
  v.object({ type: v.literal('ready') }),
  v.object({ type: v.literal('taken') }),
  v.object({ type: v.literal('failed'), reason: v.string() }),
]);

export type SupervisorMessage = v.InferOutput<typeof supervisorMessage>;
