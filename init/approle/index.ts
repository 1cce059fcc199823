/**
 * The init container's program, a replacement of kubernetes-vault's: waits for a wrapped secret_id, logs in with it,
 * and leaves the token for the pod's containers. It exits with 0 once the token is there, and with 1 and the reason
 * otherwise.
 */
import { deadlineIn, monotonicClock, within } from '../../shared/deadline.ts';
import { InjectorError } from '../../shared/errors.ts';
import { createLogger, type Logger } from '../../shared/telemetry/logger.ts';
import { createAppRoleLogin } from '../../shared/vault/approle-login.ts';
import { beginWork } from '../../shared/vault/requests.ts';
import { selfSigned } from './certificate.ts';
import { prepareFolders, writeCredentials } from './credentials.ts';
import { listenForSecretId, type SecretIdListener } from './listener.ts';
import { type Post, readPost } from './post.ts';
import { readSettings, type Settings } from './settings.ts';

const LOGIN_WITHIN_MS = 30_000;

function logOf(level: string): Logger {
  const options = { level, name: 'approle-init', onTerminal: false };
  return createLogger(options, { report: () => {}, flush: async () => {} });
}

/** @throws InjectorError `secret_id_missing` if none comes in time. */
async function inTime({ taken }: SecretIdListener, { timeoutMs }: Settings): Promise<Post> {
  using deadline = deadlineIn(timeoutMs, monotonicClock);
  const message = `no secret_id has come within ${timeoutMs / 1_000} s (TIMEOUT): the log of the approle function says why; it sends none if the pod's annotations, its namespace or its service account do not allow it, or if its namespace is not enabled`;
  return await within(deadline, taken, () => new InjectorError('secret_id_missing', message));
}

async function logIn(post: Post, { roleId, mount, address: localAddress }: Settings) {
  const { vaultAddress: address, vaultNamespace: namespace, vaultCa: ca } = post;
  const login = createAppRoleLogin({ address, namespace, ca, localAddress, mount });
  using deadline = deadlineIn(LOGIN_WITHIN_MS, monotonicClock);
  return await login.logIn(post.wrapping, roleId, beginWork(deadline)).finally(login.close);
}

async function run(settings: Settings, log: Logger): Promise<void> {
  await prepareFolders(settings);
  const listener = await listenForSecretId({
    tls: await selfSigned(new Date()),
    address: settings.address,
    read: (body) => readPost(body, settings.vaultAddress),
    log,
  });
  log.info('waiting for a secret_id', { port: 50_000 });
  const post = await inTime(listener, settings);
  log.info('a secret_id has come: logging in');
  // Listens until the end, so that further senders learn that a secret_id was already taken.
  await writeCredentials(settings, await logIn(post, settings), post);
  listener.close();
  log.info(`the token is in ${settings.tokenFile}`);
}

async function main(environment: NodeJS.ProcessEnv): Promise<void> {
  let log = logOf('info');
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => {
      log.warn(`told to end (${signal}) before there was a token`);
      process.exit(1);
    });
  }
  try {
    const settings = readSettings(environment);
    log = logOf(settings.logLevel);
    await run(settings, log);
    process.exit(0);
  } catch (error) {
    log.error('there is no token', error);
    process.exit(1);
  }
}

await main(process.env);
