import { inspect } from 'node:util';

const REDACTED = '[redacted]';

/**
 * A token, password or JWT. Printing, serializing or inspecting it gives `[redacted]`;
 * `reveal` is called only where the value is sent.
 */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  reveal(): string {
    return this.#value;
  }

  toString(): string {
    return REDACTED;
  }

  toJSON(): string {
    return REDACTED;
  }

  [inspect.custom](): string {
    return REDACTED;
  }
}

// Shapes of what must not appear in a foreign text: Vault tokens (old, new and OpenBao's), and JWTs or what may be the
// beginning of one. Each is decided by one run of characters, so that no text takes longer than its length.
const TOKEN_SHAPES =
  /\b(?:hv[sbr]\.|[sbr]\.)[A-Za-z0-9_-]{20,}|\beyJ[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*){0,2}/g;
// What is left of a text before it is looked through: masked tokens and control characters make it shorter.
const LOOKED_AT = 4;
const LOOKED_AT_LEAST = 1_024;
// A token of which the cut has left less than its shape needs is among so many last characters.
const LONGEST_REST = 32;

/**
 * Makes a text of foreign origin (a Vault error, an annotation's value) fit for one line of a log or a
 * message: no control characters, no invisible ones, no token, at most `limit` characters. It costs what the limit is, not what the text is.
 */
export function printable(text: string, limit = 200): string {
  const lookedAt = limit * LOOKED_AT + LOOKED_AT_LEAST;
  const isCut = text.length > lookedAt;
  const masked = text.slice(0, lookedAt).replace(TOKEN_SHAPES, REDACTED);
  const line = (isCut ? masked.slice(0, -LONGEST_REST) : masked)
    // Signs of format, too: they turn a line round, or make two words look like one.
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ')
    .trim()
    // Half of a character would not get through every parser after us.
    .toWellFormed();
  return isCut || line.length > limit ? `${line.slice(0, limit - 1).toWellFormed()}…` : line;
}
