/** Documents in Vault's KV v2 (https://developer.hashicorp.com/vault/api-docs/secret/kv/kv-v2). */
import * as v from 'valibot';
import { countUpTo } from '../numbers.ts';
import { checked } from './answer.ts';
import { VaultError } from './failure.ts';
import { vaultPath } from './path.ts';
import type { VaultRequest, Work } from './requests.ts';
import type { Session } from './session.ts';

interface KvDocument {
  readonly data: Readonly<Record<string, unknown>>;
  readonly createdAt: Date;
  readonly version: number;
}

export interface Kv {
  /** `undefined` if there is no document, or its latest version was deleted. */
  read(what: string, path: string, work: Work): Promise<KvDocument | undefined>;
  /** @param replaces the version in whose place it is to be, and nothing else; absent: of whatever is there. */
  write(what: string, path: string, data: object, work: Work, replaces?: number): Promise<void>;
  /** From now on Vault keeps one version of the document, not its usual ten. */
  keepOneVersion(what: string, path: string, work: Work): Promise<void>;
  /** With all versions; one that is not there is success. */
  remove(what: string, path: string, work: Work): Promise<void>;
  /** Names directly below the path; none where nothing is. */
  list(what: string, path: string, work: Work): Promise<string[]>;
}

const Document = v.object({
  data: v.object({
    data: v.record(v.string(), v.unknown()),
    metadata: v.object({
      created_time: v.pipe(v.string(), v.isoTimestamp()),
      version: countUpTo(Number.MAX_SAFE_INTEGER),
    }),
  }),
});
const Listing = v.object({ data: v.object({ keys: v.array(v.string()) }) });

/** @param mount of the KV engine, without slashes at its ends. */
export function createKv(session: Pick<Session, 'send'>, mount: string): Kv {
  async function found(request: Omit<VaultRequest, 'token'>): Promise<unknown> {
    try {
      return await session.send(request);
    } catch (error) {
      if (error instanceof VaultError && error.status === 404) return undefined;
      throw error;
    }
  }

  return {
    async read(what, path, work) {
      const operation = `read ${what}`;
      const answer = await found({ operation, method: 'GET', path: vaultPath(mount, 'data', path), work });
      if (answer === undefined) return undefined;
      const { data, metadata } = checked(Document, operation, answer).data;
      return { data, createdAt: new Date(metadata.created_time), version: metadata.version };
    },
    async write(what, path, data, work, replaces) {
      await session.send({
        operation: `write ${what}`,
        method: 'POST',
        path: vaultPath(mount, 'data', path),
        body: { data, ...(replaces !== undefined && { options: { cas: replaces } }) },
        work,
      });
    },
    async keepOneVersion(what, path, work) {
      const body = { max_versions: 1 };
      await session.send({
        operation: `write ${what}`,
        method: 'POST',
        path: vaultPath(mount, 'metadata', path),
        body,
        work,
      });
    },
    async remove(what, path, work) {
      await session.send({
        operation: `delete ${what}`,
        method: 'DELETE',
        path: vaultPath(mount, 'metadata', path),
        work,
      });
    },
    async list(what, path, work) {
      const operation = `list ${what}`;
      const listing = `${vaultPath(mount, 'metadata', path)}?list=true`;
      const answer = await found({ operation, method: 'GET', path: listing, work });
      if (answer === undefined) return [];
      return checked(Listing, operation, answer).data.keys;
    },
  };
}
