/**
 * JSON from outside. Its cost is in the number of values, not of bytes: three mebibytes of `{}` take longer to parse
 * than one admission may delay the others. So values are counted before parsing.
 */
import { InjectorError } from './errors.ts';

/** Objects, lists and commas: no pod that Kubernetes would store has nearly as many. */
const MAX_VALUES = 25_000;
const MAX_DEPTH = 100;

/** @throws InjectorError `request_invalid`, `request_too_large` */
export function parseJson(body: Buffer): unknown {
  refuseTooMany(body);
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    // Our own message: the parser's quotes the body.
    throw new InjectorError('request_invalid', 'the body is not JSON');
  }
}

const QUOTE = '"'.charCodeAt(0);
const BACKSLASH = '\\'.charCodeAt(0);
/** Indexed by byte: whether a value begins, and whether nesting goes down or up. */
const VALUES = new Uint8Array(256);
const LEVELS = new Int8Array(256);
for (const sign of ',{[') VALUES[sign.charCodeAt(0)] = 1;
for (const sign of '{[') LEVELS[sign.charCodeAt(0)] = 1;
for (const sign of '}]') LEVELS[sign.charCodeAt(0)] = -1;

/**
 * Scans each byte once, which costs less than parsing. Invalid JSON gets some count, and the parser refuses it.
 *
 * @throws InjectorError `request_too_large`
 */
export function refuseTooMany(body: Buffer): void {
  const { length } = body;
  // Too short to exceed the limit, as nearly all pods are. Deep nesting is harmless: we do not descend into it before
  // Vault is asked.
  if (length <= MAX_VALUES) return;
  let [values, depth, deepest] = [0, 0, 0];
  for (let at = 0; at < length; at += 1) {
    const byte = body[at] ?? 0;
    values += VALUES[byte] ?? 0;
    depth += LEVELS[byte] ?? 0;
    if (depth > deepest) deepest = depth;
    if (byte === QUOTE) at = endOfText(body, at + 1);
  }
  if (values > MAX_VALUES) throw tooLarge(`the body has ${values} values: expected at most ${MAX_VALUES}`);
  if (deepest > MAX_DEPTH) throw tooLarge(`the body has ${deepest} levels: expected at most ${MAX_DEPTH}`);
}

function endOfText(body: Buffer, start: number): number {
  const { length } = body;
  let at = start;
  while (at < length && body[at] !== QUOTE) at += body[at] === BACKSLASH ? 2 : 1;
  return at;
}

function tooLarge(message: string): InjectorError {
  return new InjectorError('request_too_large', message);
}
