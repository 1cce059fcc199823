/** `npx vault-db-injector`; in the image `vault-db-injector.cjs`. */
import { CommanderError } from '@commander-js/extra-typings';
import { InjectorError } from '../shared/errors.ts';
import { createProgram } from './program.ts';
import { Misuse, Refusal } from './refusal.ts';

const FAILED = 1;
const MISUSED = 2;

function explainEnd(error: unknown): number {
  // Printed already: help, the version, or what is wrong with the command line.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : MISUSED;
  console.error(error instanceof Refusal || error instanceof InjectorError ? error.message : error);
  return error instanceof Misuse ? MISUSED : FAILED;
}

// A closed pipe (`… | head -1`) must not interrupt the work: it is completed.
process.stdout.on('error', (error) => {
  if (!('code' in error) || error.code !== 'EPIPE') throw error;
});

createProgram()
  .parseAsync()
  .catch((error: unknown) => {
    process.exitCode = explainEnd(error);
  });
