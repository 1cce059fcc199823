import { join, relative } from 'node:path';
import { type Command, parseCommand, usage } from './cli/arguments.ts';
import { down } from './cli/down.ts';
import { status } from './cli/status.ts';
import { sweep } from './cli/sweep.ts';
import { up, upInForeground } from './cli/up.ts';
import { findOrInstall, installRecipe } from './install/index.ts';
import { lowestFolder, lowestParts, type PartName } from './install/parts.ts';
import type { Report } from './progress.ts';

/** Says one thing in ten seconds: there is news every second, for minutes. */
const calmly = (say: Report): Report => {
  let last = Number.NEGATIVE_INFINITY;
  return (detail) => {
    if (performance.now() - last < 10_000) return;
    last = performance.now();
    say(detail);
  };
};

const install = async (names: readonly PartName[]): Promise<number> => {
  for (const name of names) {
    const report = calmly((detail) => console.log(`${name}: ${detail}`));
    const file = await findOrInstall(name, report);
    console.log(`${name}: ${file}`);
  }
  return 0;
};

/** Beside the stack's own, which stay what stacks are started with. */
const installLowest = async (): Promise<number> => {
  for (const [name, recipe] of Object.entries(lowestParts)) {
    const file = join(lowestFolder, name);
    await installRecipe(
      recipe,
      file,
      calmly((detail) => console.log(`${name}: ${detail}`)),
    );
    console.log(`${name}: ${file}`);
  }
  const folder = relative(process.cwd(), lowestFolder);
  console.log(`a stack with them: STACK_PARTS=${folder} npx vitest run --project e2e test/e2e/renewal`);
  return 0;
};

const run = (command: Command): Promise<number> => {
  switch (command.verb) {
    case 'up':
      return command.foreground ? upInForeground(command) : up(command, process.argv.slice(2));
    case 'down':
      return down(command.folder);
    case 'status':
      return status(command.folder);
    case 'sweep':
      return sweep(command.folder);
    case 'install':
      return install(command.parts);
    case 'install-lowest':
      return installLowest();
  }
};

const main = async (): Promise<number> => {
  const command = parseCommand(process.argv.slice(2));
  if (command === undefined) {
    console.error(usage);
    return 2;
  }
  try {
    return await run(command);
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    return 1;
  }
};

// Not left to the event loop: a compiler that is not needed any more would keep it going.
process.exit(await main());
