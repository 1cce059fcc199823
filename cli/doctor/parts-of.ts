/** The parts of an installation: without Knative nothing reports deleted pods, so the functions for that do not exist. */
import type { Facts } from './facts.ts';

const WITHOUT_KNATIVE: readonly string[] = ['admission', 'renewal'];

export const NO_PART = 'not part of an installation without Knative: only the renewal job revokes';

/** @param name of a process, or of another owner of a service account. */
export const isPart = async (name: string, facts: Pick<Facts, 'withKnative'>): Promise<boolean> =>
  WITHOUT_KNATIVE.includes(name) || facts.withKnative();
