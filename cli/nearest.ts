import { closest, distance } from 'fastest-levenshtein';

/** The name that was probably meant; `undefined` if none is close. */
export function nearest(typed: string, names: readonly string[]): string | undefined {
  if (names.length === 0) return undefined;
  const found = closest(typed, names);
  return distance(typed, found) <= Math.max(2, found.length / 3) ? found : undefined;
}
