import { join } from 'node:path';

export const projectRoot = join(import.meta.dirname, '../..');

/** The Node that `npm install` brought, whichever one runs this: it reads TypeScript as it is. */
export const nodeProgram = join(projectRoot, 'node_modules/.bin/node');

/** What is installed for the stack, and the default stack's own files. */
export const stackRoot = join(projectRoot, '.stack');

/** Where `npm run stack` keeps what belongs to one stack. */
export type StackFiles = {
  /** Addresses and keys, to `source`; there while the stack is up. */
  environment: string;
  /** Which process runs the stack. */
  lock: string;
  /** That process's own output. */
  log: string;
  data: string;
};

export const stackFiles = (folder = stackRoot): StackFiles => ({
  environment: join(folder, 'env'),
  lock: join(folder, 'supervisor'),
  log: join(folder, 'supervisor.log'),
  data: join(folder, 'data'),
});

/** The default stack's data. */
export const defaultFolder = stackFiles().data;
