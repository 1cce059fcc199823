import { grown, medianAndP99, type Row } from '../panel.ts';

const COLD_START = 'vault_injector_cold_start_duration_seconds';

/** The processes themselves. */
export const instances: Row = {
  title: 'Cold starts and versions',
  panels: [
    {
      title: 'Cold starts',
      description: 'Instances of functions that were started.',
      kind: 'bars',
      unit: 'short',
      width: 8,
      queries: [{ expr: `sum by (job) (${grown(`${COLD_START}_count`)})`, legend: '{{job}}' }],
    },
    {
      title: 'Duration of cold starts',
      description: 'From the start of the process until it listens.',
      kind: 'lines',
      unit: 's',
      width: 8,
      queries: medianAndP99(COLD_START),
      colors: { p50: 'blue', p99: 'orange' },
    },
    {
      title: 'What runs',
      description: 'Processes by version and Node.',
      kind: 'table',
      unit: 'short',
      width: 8,
      queries: [
        {
          expr: 'count by (process, version, node_version) (vault_injector_build_info)',
          legend: '{{process}} {{version}}, Node {{node_version}}',
        },
      ],
    },
  ],
};
