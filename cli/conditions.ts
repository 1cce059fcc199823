/** Conditions, by which controllers report how an object is (`status.conditions`). */
import * as v from 'valibot';

const Condition = v.object({
  type: v.string(),
  status: v.string(),
  reason: v.optional(v.string(), ''),
  message: v.optional(v.string(), ''),
});
type Condition = v.InferOutput<typeof Condition>;

export const Reported = v.object({
  metadata: v.optional(v.object({ generation: v.optional(v.number(), 0) }), {}),
  status: v.optional(
    v.object({
      observedGeneration: v.optional(v.number()),
      conditions: v.optional(v.array(Condition), []),
      latestCreatedRevisionName: v.optional(v.string()),
    }),
    {},
  ),
});
export type Reported = v.InferOutput<typeof Reported>;

export const conditionOf = ({ status }: Reported, type: string): Condition | undefined =>
  status.conditions?.find((one) => one.type === type);

export const isMet = (reported: Reported, type: string): boolean =>
  conditionOf(reported, type)?.status === 'True';

/** Whether the controller has not seen the object's last change yet. */
export function isOutdated({ metadata, status }: Reported): boolean {
  return status.observedGeneration !== undefined && status.observedGeneration < (metadata.generation ?? 0);
}
