import { InjectorError } from '../errors.ts';
import { printable } from '../secret.ts';

const REFUSED = /^(?:|\.|\.\.)$|[\p{Cc}/\\%?#]/u;
// Maximum length of a segment: longer than any name of ours, and of Vault's own.
const MOST_CHARACTERS = 1_024;

/** Whether each segment of the text is valid in a path and none leaves it. */
export const isPath = (text: string): boolean => text.split('/').every((segment) => !REFUSED.test(segment));

/**
 * Builds a path of Vault's API. Mounts and prefixes may hold inner slashes; a name is one segment. Anything that
 * could leave the path (empty and dot segments, control characters) is refused, everything else encoded.
 *
 * @throws InjectorError `internal`: input is validated where it enters, so this is a second check.
 */
export function vaultPath(...parts: readonly (string | { readonly name: string })[]): string {
  const segments = parts.flatMap((part) => (typeof part === 'string' ? part.split('/') : [part.name]));
  for (const segment of segments) {
    if (segment.length > MOST_CHARACTERS || REFUSED.test(segment)) {
      throw new InjectorError('internal', `"${printable(segment)}" cannot be part of a path in Vault`);
    }
  }
  return `/${segments.map(encodeURIComponent).join('/')}`;
}
