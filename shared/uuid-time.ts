import { validate, version } from 'uuid';

// Milliseconds from the start of the Gregorian calendar to 1970 (RFC 9562, 5.1).
const GREGORIAN_TO_UNIX_MS = 12_219_292_800_000;

/**
 * Creation time of a uuid in milliseconds since 1970, which versions 7 (ours) and 1 (the reference's) contain.
 *
 * @returns `undefined` for other versions and for what is not a uuid.
 */
export function uuidTime(uuid: string): number | undefined {
  if (!validate(uuid)) return undefined;
  const digits = uuid.replaceAll('-', '');
  if (version(uuid) === 7) return Number.parseInt(digits.slice(0, 12), 16);
  if (version(uuid) !== 1) return undefined;
  // time_low, time_mid and time_hi without the version, in units of 100 ns.
  const ticks = BigInt(`0x${digits.slice(13, 16)}${digits.slice(8, 12)}${digits.slice(0, 8)}`);
  return Number(ticks / 10_000n) - GREGORIAN_TO_UNIX_MS;
}
