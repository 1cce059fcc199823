/**
 * `npm run dashboard:picture`: the README's picture of the dashboard, of a stack that lives for some minutes, or with
 * `--prometheus URL` of whatever that Prometheus has seen.
 */
import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { drawDashboard } from './picture.ts';
import { playScene } from './scene.ts';

const { values } = parseArgs({
  options: {
    prometheus: { type: 'string' },
    minutes: { type: 'string', default: '10' },
    output: { type: 'string', default: 'docs/dashboard.svg' },
  },
});
const minutes = Number(values.minutes);
const draw = (prometheusUrl: string) => drawDashboard(prometheusUrl, minutes);
await writeFile(
  values.output,
  await (values.prometheus === undefined ? playScene(minutes, draw) : draw(values.prometheus)),
);
console.log(`drawn: ${values.output}`);
process.exit(0);
