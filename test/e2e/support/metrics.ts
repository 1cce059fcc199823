/** Prometheus' text format, as far as counters go: `name{label="value"} 1`. */
export type Samples = Readonly<Record<string, number>>;

export function parseMetrics(text: string): Samples {
  const samples: Record<string, number> = {};
  for (const line of text.split('\n')) {
    const [, name, value] = /^(\w+(?:\{.*\})?) (\S+)$/.exec(line) ?? [];
    if (name !== undefined) samples[name] = Number(value);
  }
  return samples;
}
