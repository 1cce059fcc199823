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

// Patterns of what must not appear in text from outside: Vault tokens (old, new and OpenBao's), and JWTs or what may
// be the start of one. Each matches a single run of characters, so matching is linear.
const TOKEN_SHAPES =
  /\b(?:hv[sbr]\.|[sbr]\.)[A-Za-z0-9_-]{20,}|\beyJ[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*){0,2}/g;
// How much of a text is examined: masking tokens and removing control characters makes it shorter.
const LOOKED_AT = 4;
const LOOKED_AT_LEAST = 1_024;
// A token that was cut too short to be recognized lies within this many last characters.
const LONGEST_REST = 32;

/**
 * Makes text from outside (a Vault error, an annotation's value) fit for one line of a log or a message: no control
 * or invisible characters, no token, at most `limit` characters. Its cost depends on the limit, not on the text.
 */
export function printable(text: string, limit = 200): string {
  const lookedAt = limit * LOOKED_AT + LOOKED_AT_LEAST;
  const isCut = text.length > lookedAt;
  const masked = text.slice(0, lookedAt).replace(TOKEN_SHAPES, REDACTED);
  const line = (isCut ? masked.slice(0, -LONGEST_REST) : masked)
    // Format characters, too: they reverse a line, or make two words look alike.
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ')
    .trim()
    // Half of a surrogate pair would not get through every parser after us.
    .toWellFormed();
  return isCut || line.length > limit ? `${line.slice(0, limit - 1).toWellFormed()}…` : line;
}
