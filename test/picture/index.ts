/** `npm run dashboard:picture -- --prometheus URL [--minutes N] [--output FILE]`: the README's picture of the dashboard. */
import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { drawDashboard } from './picture.ts';

const { values } = parseArgs({
  options: {
    prometheus: { type: 'string', default: 'http://127.0.0.1:9090' },
    minutes: { type: 'string', default: '60' },
    output: { type: 'string', default: 'docs/dashboard.svg' },
  },
});
await writeFile(values.output, await drawDashboard(values.prometheus, Number(values.minutes)));
