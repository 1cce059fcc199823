/** `npm run dashboard`. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { dashboard } from './dashboard.ts';

await writeFile(join(import.meta.dirname, '../dashboard.json'), dashboard());
