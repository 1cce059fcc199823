// Windows, offsets and `for`, as rules.yaml writes them.
const DURATION = /(?<=\[|offset |for: )(\d+)([smhd])\b/g;
const MILLISECONDS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/**
 * The same alerts on a faster clock, so that tests can wait for minutes to pass. Sweeps have to come as much more
 * often.
 */
export const hurried = (rules: string, factor: number): string =>
  rules.replaceAll(DURATION, (_, count: string, unit: string) => {
    const milliseconds = (Number(count) * (MILLISECONDS[unit] ?? 0)) / factor;
    return `${Math.round(milliseconds)}ms`;
  });
