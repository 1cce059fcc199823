/** Reading of annotations: the settings, and the sentences about their faults. */

import type { Findings } from '../findings.ts';
import { printable } from '../secret.ts';

export const ANNOTATION_PREFIX = 'db-creds-injector.numberly.io/';

/** Values by key: of the whole pod, or of one database. */
export type Settings = ReadonlyMap<string, string>;

/** The operator's defaults for pods that set nothing. */
export interface PodDefaults {
  readonly engine: string;
  readonly delivery: 'env' | 'secret';
  readonly podsMayChooseDelivery: boolean;
}

/** The annotations being read, and where their faults are collected. */
export interface Reading {
  readonly pod: Settings;
  readonly defaults: PodDefaults;
  readonly problems: Findings;
  readonly warnings: Findings;
}

// Names in one comma list.
const MAX_NAMES = 256;

/** A comma list without repetitions; at least one name, each matching the pattern. */
export function readNames(
  name: string,
  list: string,
  pattern: RegExp,
  expected: string,
  { problems }: Reading,
): string[] {
  const names = [...new Set(list.split(',').map((item) => item.trim()))].filter((item) => item !== '');
  if (names.length === 0)
    problems.add(() => fault(name, list, `${expected} (or several, separated by commas)`));
  if (names.length > MAX_NAMES) {
    problems.add(() => fault(name, list, `at most ${MAX_NAMES} names, and there are ${names.length}`));
    return [];
  }
  for (const item of names) if (!pattern.test(item)) problems.add(() => fault(name, item, expected));
  return names;
}

/** @param name of the annotation, without our prefix. */
export function fault(name: string, found: string, expected: string): string {
  const what = found === '' ? 'is missing' : `is "${printable(found, 80)}"`;
  return `annotation "${ANNOTATION_PREFIX}${printable(name, 100)}" ${what}: expected ${expected}`;
}
