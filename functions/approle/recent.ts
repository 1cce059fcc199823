/** The most recent entries up to a limit: enough for repeated events, without growing. */
export interface Recent {
  has(one: string): boolean;
  add(one: string): void;
}

export function createRecent(most: number): Recent {
  const seen = new Set<string>();
  return {
    has: (one) => seen.has(one),
    add(one) {
      seen.add(one);
      if (seen.size <= most) return;
      for (const oldest of seen) {
        seen.delete(oldest);
        return;
      }
    },
  };
}
