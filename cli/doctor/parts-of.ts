/** What an installation has: without Knative nothing tells of deleted pods, so what hears of them is not there. */
import type { Facts } from './facts.ts';

const WITHOUT_KNATIVE: readonly string[] = ['admission', 'renewal'];

export const NO_PART = 'not part of an installation without Knative: the renewal job revokes alone';

/** @param name of a process, or of whoever else has a service account. */
export const isPart = async (name: string, facts: Pick<Facts, 'withKnative'>): Promise<boolean> =>
  WITHOUT_KNATIVE.includes(name) || facts.withKnative();
