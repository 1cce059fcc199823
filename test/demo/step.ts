/** What a step of the demo is, and what all of them share. */
import type { StackDescription } from '../stack/description.ts';
import type { StackTools } from '../stack/tools.ts';
import type { Narrator } from './narrator.ts';

/** A pod that an earlier step created. */
interface DemoPod {
  readonly name: string;
  readonly namespace: string;
  /** Credentials of its grants, in the order of its databases. */
  readonly uuids: readonly string[];
  /** The database users that it was given, in the same order. */
  readonly users: readonly string[];
}

export interface Demo {
  readonly stack: StackTools & { readonly description: StackDescription };
  readonly narrator: Narrator;
  readonly pods: DemoPod[];
}

/** Shows one thing, and throws if it is not so. */
export interface Step {
  readonly title: string;
  run(demo: Demo): Promise<void>;
}

export async function timed<T>(work: () => Promise<T>): Promise<{ readonly value: T; readonly ms: number }> {
  const start = performance.now();
  const value = await work();
  return { value, ms: performance.now() - start };
}
