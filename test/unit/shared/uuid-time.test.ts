import fc from 'fast-check';
import { v1, v4, v7 } from 'uuid';
import { expect, test } from 'vitest';
import { uuidTime } from '../../../shared/uuid-time.ts';

const moments = fc.integer({ min: 0, max: 4_102_444_800_000 });

test('the time of issue can be read off uuids of version 7 and 1', () => {
  fc.assert(
    fc.property(moments, (msecs) => {
      expect(uuidTime(v7({ msecs }))).toBe(msecs);
      expect(uuidTime(v1({ msecs }))).toBe(msecs);
    }),
  );
});

test('other uuids do not tell it, nor does what is none', () => {
  for (const other of [v4(), '00000000-0000-0000-0000-000000000000', '', 'x', '../etc', v7().slice(1)])
    expect(uuidTime(other)).toBeUndefined();
});
