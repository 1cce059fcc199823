/** Documents in Vault's KV v2 (https://developer.hashicorp.com/vault/api-docs/secret/kv/kv-v2). */
import * as v from 'valibot';
import { InjectorError } from '../errors.ts';
import { countUpTo } from '../numbers.ts';
import { acknowledged, checked } from './answer.ts';
import { VaultError } from './failure.ts';
import { vaultPath } from './path.ts';
import type { VaultRequest, Work } from './requests.ts';
import type { Session } from './session.ts';

/** The newest version of a document is deleted (`vault kv delete`, `delete_version_after`); its metadata still exists. */
export class DocumentDeleted extends InjectorError {
  constructor(what: string) {
    super(
      'record_deleted',
      `the newest version of ${what} was deleted (vault kv delete, or delete_version_after)`,
    );
    this.name = 'DocumentDeleted';
  }
}

/** Handler for `catch`: a deleted document counts as missing. @throws all other errors. */
export function unlessDeleted(error: unknown): undefined {
  if (error instanceof DocumentDeleted) return undefined;
  throw error;
}

interface KvDocument {
  readonly data: Readonly<Record<string, unknown>>;
  readonly createdAt: Date;
  readonly version: number;
}

export interface Kv {
  /**
   * @returns `undefined` if Vault says that there never was such a document.
   * @throws DocumentDeleted, VaultError
   */
  read(what: string, path: string, work: Work): Promise<KvDocument | undefined>;
  /**
   * Resolves when Vault confirms the version it has written.
   *
   * @param replaces the only version that may be replaced; absent: any.
   * @throws VaultError, also if a KV engine of version 1, or something other than Vault, has accepted it.
   */
  write(what: string, path: string, data: object, work: Work, replaces?: number): Promise<void>;
  /** Limits the document to one version in Vault, instead of the usual ten. */
  keepOneVersion(what: string, path: string, work: Work): Promise<void>;
  /** Deletes all versions; a document that does not exist is success. */
  remove(what: string, path: string, work: Work): Promise<void>;
  /** Names directly below the path; empty if there are none. */
  list(what: string, path: string, work: Work): Promise<string[]>;
}

// Fields of every answer of Vault, and of nothing else's: JSON alone proves little.
const request_id = v.string();
const moment = v.pipe(
  v.string(),
  v.isoTimestamp(),
  // The pattern also matches impossible dates.
  v.check((time) => Number.isFinite(Date.parse(time))),
);
const Document = v.object({
  request_id,
  data: v.object({
    data: v.record(v.string(), v.unknown()),
    metadata: v.object({
      created_time: moment,
      version: countUpTo(Number.MAX_SAFE_INTEGER),
    }),
  }),
});
const Written = v.object({
  request_id,
  data: v.object({ version: v.pipe(countUpTo(Number.MAX_SAFE_INTEGER), v.minValue(1)) }),
});
const Deleted = v.object({
  data: v.null(),
  metadata: v.object({ version: countUpTo(Number.MAX_SAFE_INTEGER) }),
});
const Listing = v.object({
  request_id,
  // Vault answers 404 for an empty folder.
  data: v.object({ keys: v.pipe(v.array(v.string()), v.nonEmpty()) }),
});

/** @param mount of the KV engine, without leading or trailing slash. */
export function createKv(session: Pick<Session, 'send'>, mount: string): Kv {
  async function found(what: string, request: Omit<VaultRequest, 'token'>): Promise<unknown> {
    try {
      return await session.send(request);
    } catch (error) {
      if (error instanceof VaultError && error.isAbsence) return undefined;
      if (error instanceof VaultError && v.is(Deleted, error.data)) throw new DocumentDeleted(what);
      throw error;
    }
  }

  return {
    async read(what, path, work) {
      const operation = `read ${what}`;
      const answer = await found(what, {
        operation,
        method: 'GET',
        path: vaultPath(mount, 'data', path),
        work,
      });
      if (answer === undefined) return undefined;
      const { data, metadata } = checked(Document, operation, answer).data;
      return { data, createdAt: new Date(metadata.created_time), version: metadata.version };
    },
    async write(what, path, data, work, replaces) {
      const operation = `write ${what}`;
      const answer = await session.send({
        operation,
        method: 'POST',
        path: vaultPath(mount, 'data', path),
        body: { data, ...(replaces !== undefined && { options: { cas: replaces } }) },
        work,
      });
      checked(Written, operation, answer);
    },
    async keepOneVersion(what, path, work) {
      const [operation, body] = [`write ${what}`, { max_versions: 1 }];
      const at = vaultPath(mount, 'metadata', path);
      await acknowledged(operation, session.send({ operation, method: 'POST', path: at, body, work }));
    },
    async remove(what, path, work) {
      const operation = `delete ${what}`;
      const at = vaultPath(mount, 'metadata', path);
      await acknowledged(operation, session.send({ operation, method: 'DELETE', path: at, work }));
    },
    async list(what, path, work) {
      const operation = `list ${what}`;
      const listing = `${vaultPath(mount, 'metadata', path)}?list=true`;
      const answer = await found(what, { operation, method: 'GET', path: listing, work });
      if (answer === undefined) return [];
      return checked(Listing, operation, answer).data.keys;
    },
  };
}
