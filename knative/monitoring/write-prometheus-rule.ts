/** rules.yaml as the Prometheus Operator takes it: `npm run rules`. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { prometheusRule } from './prometheus-rule.ts';

const file = (name: string): string => join(import.meta.dirname, name);

await writeFile(file('prometheus-rule.yaml'), prometheusRule(await readFile(file('rules.yaml'), 'utf8')));
