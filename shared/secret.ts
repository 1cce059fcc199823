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

// Shapes of what must not appear in a foreign text: Vault tokens (old, new and OpenBao's) and JWTs.
const TOKEN_SHAPES =
  /\b(?:hv[sbr]\.|[sbr]\.)[A-Za-z0-9_-]{20,}|\beyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*/g;

/**
 * Makes a text of foreign origin (a Vault error, an annotation's value) fit for one line of a log or a
 * message: no control characters, no token, at most `limit` characters.
 */
export function printable(text: string, limit = 200): string {
  const line = text
    .replace(TOKEN_SHAPES, REDACTED)
    .replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ')
    .trim();
  return line.length > limit ? `${line.slice(0, limit - 1)}…` : line;
}
