/** An application that logs in every second, from the first change of the installation to the last: none may fail. */
import { inSeconds, type Step } from '../step.ts';
import { apply, kubectl, usersOf, type World, waitFor } from '../world.ts';
import { available, deployment } from './application.ts';

const NAME = 'steady';
const LOOP = `trap 'exit 0' TERM
while true; do
  if user=$(PGCONNECT_TIMEOUT=5 psql "$DATABASE_URL" --tuples-only --no-align --command='SELECT session_user'); then
    touch /tmp/ok; echo "in as $user"
  else echo FAILED; fi
  sleep 1 & wait $!
done`;

/** Starts it where it does not run. */
export async function startSteady(world: World): Promise<void> {
  await apply(world, deployment(world, { name: NAME, role: world.id, script: LOOP }));
  await available(world, NAME, 120);
}

/**
 * @returns how often it logged in since it was started.
 * @throws where a login failed, or the pod was started again.
 */
export async function checkSteady(world: World): Promise<number> {
  const namespace = `--namespace=${world.id}`;
  const log = await kubectl(world, 'logs', namespace, `--selector=app=${NAME}`, '--tail=-1');
  const failures = log.split('\n').filter((line) => line === 'FAILED').length;
  if (failures > 0) throw new Error(`${failures} logins failed:\n${log.split('\n').slice(-20).join('\n')}`);
  const restarts = await kubectl(
    world,
    'get',
    'pods',
    namespace,
    `--selector=app=${NAME}`,
    '--output=jsonpath={.items[*].status.containerStatuses[*].restartCount}',
  );
  if (restarts !== '0') throw new Error(`one pod, never started again, was expected: ${restarts}`);
  const logins = log.split('\n').filter((line) => line.startsWith('in as ')).length;
  if (logins === 0) throw new Error('it has not logged in');
  return logins;
}

/** Its user as the database knows it. */
export async function userOfSteady(world: World): Promise<string> {
  const log = await kubectl(world, 'logs', `--namespace=${world.id}`, `--selector=app=${NAME}`, '--tail=5');
  const [, user] = /^in as (v-\S+)$/m.exec(log) ?? [];
  if (user === undefined) throw new Error(`it does not say as whom it is in: ${log}`);
  return user;
}

/** @returns how long it took until its user was gone. */
export async function endSteady(world: World): Promise<number> {
  const user = await userOfSteady(world);
  await kubectl(world, 'delete', `deployment/${NAME}`, `--namespace=${world.id}`, '--wait=false');
  return waitFor(
    'the application’s user is dropped',
    async () => !(await usersOf(world)).includes(user),
    60_000,
  );
}

export const steady: Step = {
  title: 'An application that logs in every second from now on',
  isShort: false,
  async run(world) {
    const began = performance.now();
    await startSteady(world);
    return { available: inSeconds(performance.now() - began) };
  },
};
