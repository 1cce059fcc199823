/**
 * JSON from outside. Its cost is in its values, not in its bytes: three mebibytes of `{}` take longer to read than an
 * admission may hold up the others. So the values are counted before they are made.
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
    // Without the parser's words: they quote the body.
    throw new InjectorError('request_invalid', 'the body is not JSON');
  }
}

const QUOTE = '"'.charCodeAt(0);
const BACKSLASH = '\\'.charCodeAt(0);
/** By byte: whether a value begins, and whether it leads a level down or up. */
const VALUES = new Uint8Array(256);
const LEVELS = new Int8Array(256);
for (const sign of ',{[') VALUES[sign.charCodeAt(0)] = 1;
for (const sign of '{[') LEVELS[sign.charCodeAt(0)] = 1;
for (const sign of '}]') LEVELS[sign.charCodeAt(0)] = -1;

/**
 * One look at each byte: it costs less than the parser. What is no JSON is counted somehow, and refused by that.
 *
 * @throws InjectorError `request_too_large`
 */
export function refuseTooMany(body: Buffer): void {
  const { length } = body;
  // Too short to hold so many, as nearly all pods are. What is deep in it, nobody goes down into before Vault is asked.
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
