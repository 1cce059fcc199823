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
const COMMA = ','.charCodeAt(0);
const [OPEN_OBJECT, CLOSE_OBJECT] = ['{'.charCodeAt(0), '}'.charCodeAt(0)];
const [OPEN_LIST, CLOSE_LIST] = ['['.charCodeAt(0), ']'.charCodeAt(0)];

/**
 * One look at each byte. What is no JSON is counted somehow, and refused by the parser.
 *
 * @throws InjectorError `request_too_large`
 */
export function refuseTooMany(body: Buffer): void {
  let values = 0;
  let depth = 0;
  let deepest = 0;
  for (let at = 0; at < body.length; at += 1) {
    switch (body[at]) {
      case QUOTE:
        at = endOfText(body, at);
        break;
      case COMMA:
        values += 1;
        break;
      case OPEN_OBJECT:
      case OPEN_LIST:
        values += 1;
        depth += 1;
        deepest = Math.max(deepest, depth);
        break;
      case CLOSE_OBJECT:
      case CLOSE_LIST:
        depth -= 1;
        break;
    }
  }
  if (values > MAX_VALUES) throw tooLarge(`the body has ${values} values: expected at most ${MAX_VALUES}`);
  if (deepest > MAX_DEPTH) throw tooLarge(`the body has ${deepest} levels: expected at most ${MAX_DEPTH}`);
}

function endOfText(body: Buffer, start: number): number {
  for (let at = start + 1; at < body.length; at += 1) {
    const byte = body[at];
    if (byte === QUOTE) return at;
    if (byte === BACKSLASH) at += 1;
  }
  return body.length;
}

function tooLarge(message: string): InjectorError {
  return new InjectorError('request_too_large', message);
}
