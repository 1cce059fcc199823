import { validate, version } from 'uuid';

// From the Gregorian calendar's first day to 1970, in milliseconds (RFC 9562, 5.1).
const GREGORIAN_TO_UNIX_MS = 12_219_292_800_000;

/**
 * When a uuid was made, in milliseconds since 1970: it can be read off versions 7 (ours) and 1 (the reference's).
 *
 * @returns `undefined` for other versions and for what is no uuid.
 */
export function uuidTime(uuid: string): number | undefined {
  if (!validate(uuid)) return undefined;
  const digits = uuid.replaceAll('-', '');
  if (version(uuid) === 7) return Number.parseInt(digits.slice(0, 12), 16);
  if (version(uuid) !== 1) return undefined;
  // time_low, time_mid and the rest of time_hi without its version, of 100 ns each.
  const ticks = BigInt(`0x${digits.slice(13, 16)}${digits.slice(8, 12)}${digits.slice(0, 8)}`);
  return Number(ticks / 10_000n) - GREGORIAN_TO_UNIX_MS;
}
