import type { World } from './world.ts';

/** What a step measured: names, and values with their units. */
export type Figures = Readonly<Record<string, string>>;

/** Tries one thing, and throws if it is not so. */
export interface Step {
  readonly title: string;
  /** Whether it is part of the short form, which runs at every change. */
  readonly isShort: boolean;
  /** Whether it does what only the project's own cluster lets it do, such as halting a database. */
  readonly needsOwnCluster?: true;
  run(world: World): Promise<Figures>;
}

export const inSeconds = (ms: number): string => `${(ms / 1_000).toFixed(2)} s`;
