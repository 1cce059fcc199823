const UNITS_IN_MS = { ns: 1e-6, us: 1e-3, µs: 1e-3, ms: 1, s: 1_000, m: 60_000, h: 3_600_000 } as const;
const PART = /(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)/gy;
const WHOLE = /^(?:\d+(?:\.\d+)?(?:ns|us|µs|ms|s|m|h))+$/;
// Each unit at most once, with more digits than anybody needs.
const LONGEST = 64;

function isUnit(text: string): text is keyof typeof UNITS_IN_MS {
  return text in UNITS_IN_MS;
}

/** Milliseconds of a Go duration such as `768h`, `1m30s` or `500ms`; `undefined` for anything else. */
export function parseDuration(text: string): number | undefined {
  if (text.length > LONGEST || !WHOLE.test(text)) return undefined;
  let total = 0;
  for (const [, amount = '0', unit = 's'] of text.matchAll(PART)) {
    if (isUnit(unit)) total += Number(amount) * UNITS_IN_MS[unit];
  }
  return total;
}
