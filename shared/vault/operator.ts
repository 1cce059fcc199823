/** Vault as seen by its operator: uses their own token, for one-time set-up. */
import type * as v from 'valibot';
import { type Clock, deadlineIn } from '../deadline.ts';
import type { Secret } from '../secret.ts';
import { checked } from './answer.ts';
import { createCaFile } from './ca-file.ts';
import { VaultError } from './failure.ts';
import { vaultPath } from './path.ts';
import { beginWork, createVaultRequests, type VaultRequest } from './requests.ts';

interface Operation {
  /** A verb phrase that completes "Vault would not …". */
  readonly operation: string;
  /** Segments, as `vaultPath` takes them. */
  readonly path: readonly (string | { readonly name: string })[];
}

export interface Operator {
  /**
   * @returns `undefined` if it does not exist.
   * @throws VaultError
   */
  read<S extends v.GenericSchema>(what: Operation, schema: S): Promise<v.InferOutput<S> | undefined>;
  /**
   * Checks that Vault answers, within a few seconds: everything else is tried for longer than a person likes to wait.
   *
   * @throws VaultError that names the address.
   */
  mustAnswer(): Promise<void>;
  /** @throws VaultError */
  write(what: Operation, body: Readonly<Record<string, unknown>>): Promise<void>;
  close(): void;
}

export interface OperatorOptions {
  readonly address: string;
  readonly namespace: string | undefined;
  readonly caFile: string | undefined;
  readonly token: Secret;
}

const WITHIN_MS = 20_000;
const ANSWER_WITHIN_MS = 3_000;

export function createOperator({ token, caFile, ...options }: OperatorOptions, clock: Clock): Operator {
  const requests = createVaultRequests({
    ...options,
    caFile: caFile === undefined ? undefined : createCaFile(caFile, clock),
    rateLimit: undefined,
    random: Math.random,
    onSent: () => {},
  });

  async function send({ operation, path }: Operation, request: Pick<VaultRequest, 'method' | 'body'>) {
    using deadline = deadlineIn(WITHIN_MS, clock);
    try {
      const work = beginWork(deadline);
      return await requests.send({ ...request, operation, path: vaultPath(...path), token, work });
    } catch (error) {
      throw error instanceof VaultError && error.status === 403 ? denied(error) : error;
    }
  }

  return {
    async mustAnswer() {
      using deadline = deadlineIn(ANSWER_WITHIN_MS, clock);
      const work = beginWork(deadline);
      const operation = 'report its health';
      const path = `${vaultPath('sys/health')}?standbyok=true`;
      try {
        await requests.send({ operation, method: 'GET', path, work });
      } catch (error) {
        if (!(error instanceof VaultError)) throw error;
        // Late, because it was tried several times: the reason of these failures says more.
        const { code, message } = error.code === 'vault_timeout' ? (work.lastFailure ?? error) : error;
        throw new VaultError(code, `${message}; tried ${options.address}`, { operation, cause: error });
      }
    },
    async read(what, schema) {
      try {
        return checked(schema, what.operation, await send(what, { method: 'GET' }));
      } catch (error) {
        if (error instanceof VaultError && [400, 404].includes(error.status)) return undefined;
        throw error;
      }
    },
    async write(what, body) {
      await send(what, { method: 'POST', body });
    },
    close: requests.close,
  };
}

/** The operator was refused here, not the injector. */
function denied({ operation, status, detail }: VaultError): VaultError {
  const why = detail === '' ? '' : ` (${detail})`;
  return new VaultError('vault_denied', `Vault does not allow VAULT_TOKEN to ${operation}${why}`, {
    operation,
    status,
    detail,
  });
}
