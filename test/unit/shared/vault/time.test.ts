import { beforeEach, describe, expect, test } from 'vitest';
import { createVaultTime, type VaultTime } from '../../../../shared/vault/time.ts';

const START = Date.parse('2026-01-01T12:00:00Z');
let monotonic: number;
let skewMs: number;
let time: VaultTime;

/** Vault answers, `roundTripMs` after it was asked. Its clock began with the monotonic one. */
function answered(roundTripMs = 10): void {
  const sentAt = monotonic;
  monotonic += roundTripMs;
  const vaultClock = START + sentAt + roundTripMs / 2;
  time.observe(new Date(Math.floor(vaultClock / 1_000) * 1_000).toUTCString(), sentAt, monotonic);
}

beforeEach(() => {
  monotonic = 5_432;
  skewMs = 0;
  time = createVaultTime(
    () => START + monotonic + skewMs,
    () => monotonic,
  );
});

test("before the first answer it is this machine's", () => {
  skewMs = 1_000;
  expect([time.now(), time.skewMs()]).toEqual([START + monotonic + 1_000, undefined]);
});

test.each([0, 37_000, -37_000, 3_600_000])(
  'a machine that is %i ms ahead is told so, by the second',
  (ahead) => {
    skewMs = ahead;
    answered();
    expect(Math.abs(time.now() - (START + monotonic))).toBeLessThanOrEqual(505);
    expect(Math.abs((time.skewMs() ?? 0) - ahead)).toBeLessThanOrEqual(505);
  },
);

test('answers at different parts of a second tell it more exactly', () => {
  for (let count = 0; count < 20; count += 1) {
    answered();
    monotonic += 83;
  }
  expect(Math.abs(time.now() - (START + monotonic))).toBeLessThan(60);
});

describe('what it relies on', () => {
  test.each([undefined, '', 'soon', '12'.repeat(500)])('is no header that is no date: %j', (date) => {
    time.observe(date, monotonic, monotonic);
    expect(time.skewMs()).toBeUndefined();
  });

  test("is not this machine's clock, which may be set while it runs", () => {
    answered();
    const before = time.now();
    skewMs = 3_600_000;
    expect(time.now()).toBe(before);
    expect(Math.round((time.skewMs() ?? 0) / 1_000)).toBe(3_600);
  });

  test("is the latest answer, where Vault's own clock was set", () => {
    answered();
    time.observe(new Date(START + monotonic + 90_000).toUTCString(), monotonic, monotonic);
    expect(Math.abs(time.now() - (START + monotonic + 90_000))).toBeLessThanOrEqual(1_000);
  });

  test('is not the slow answer, where a fast one has told it better', () => {
    answered();
    const [now, at] = [time.now(), monotonic];
    answered(60_000);
    expect(Math.abs(time.now() - now - (monotonic - at))).toBeLessThanOrEqual(505);
  });
});
