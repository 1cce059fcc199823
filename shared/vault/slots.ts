/**
 * Counts the grants of a role for `maxGrantsPerRole`: beside the ledger there is one slot per grant, an entry
 * without content at `<folder>/<namespace>/<mount>/<role>/<uuid>`, so that one list counts them and no record is
 * read. A slot is taken before its grant is issued and given back after the grant has ended; the sweep repairs what
 * a crashed process left.
 */
import { InjectorError } from '../errors.ts';
import type { Kv } from './kv.ts';
import { isGrantUuid, type LedgerRecord } from './ledger.ts';
import { isPath } from './path.ts';
import type { Work } from './requests.ts';

/** The scope that the limit applies to. */
export interface SlotScope {
  readonly namespace: string;
  readonly mount: string;
  readonly role: string;
}

interface Slot extends SlotScope {
  readonly uuid: string;
}

export interface Slots {
  /**
   * Takes a slot, then counts: the last one to come sees all others, so the limit is never exceeded. If several come
   * for the last slot at once, each may find that there are too many.
   *
   * @throws InjectorError `too_many_grants`; the slot is taken even so and has to be given back.
   */
  take(uuid: string, of: SlotScope, work: Work): Promise<void>;
  /** Takes a slot without counting: the grant already exists. */
  put(uuid: string, of: SlotScope, work: Work): Promise<void>;
  /** Gives a slot back; one that does not exist is success. */
  release(uuid: string, of: SlotScope, work: Work): Promise<void>;
  /** All slots: one list per namespace, mount and role. */
  all(work: Work): Promise<readonly Slot[]>;
}

const WHAT = 'the slot of a grant';
// Depth of the folders: a namespace, a role, and a mount of several segments.
const MOST_FOLDERS = 10;

/**
 * @param folder in `kv`'s engine.
 * @param most grants of a role that a namespace may hold.
 */
export function createSlots(kv: Kv, folder: string, most: number): Slots {
  const folderOf = ({ namespace, mount, role }: SlotScope) => `${folder}/${namespace}/${mount}/${role}`;
  // Metadata only: it stores no data and is listed even so.
  const put = (uuid: string, of: SlotScope, work: Work) =>
    kv.keepOneVersion(WHAT, `${folderOf(of)}/${uuid}`, work);

  /** Invalid names are skipped: one stray entry must not stop the others from being processed. */
  async function below(path: string, depth: number, work: Work): Promise<string[]> {
    if (depth > MOST_FOLDERS) return [];
    const names = await kv.list('the slots of grants', path, work);
    const found = names.map((name) => {
      if (isGrantUuid(name)) return [`${path}/${name}`];
      const folder = name.slice(0, -1);
      return name.endsWith('/') && isPath(folder) ? below(`${path}/${folder}`, depth + 1, work) : [];
    });
    return (await Promise.all(found)).flat();
  }

  return {
    put,
    async take(uuid, of, work) {
      await put(uuid, of, work);
      const names = await kv.list('the slots of grants', folderOf(of), work);
      const others = names.filter((name) => isGrantUuid(name) && name !== uuid).length;
      if (others < most) return;
      throw new InjectorError(
        'too_many_grants',
        `namespace "${of.namespace}" holds ${others === 1 ? '1 grant' : `${others} grants`} of role "${of.role}" at "${of.mount}", and maxGrantsPerRole allows ${most}: one has to end first, or too many pods want it (npx vault-db-injector list --namespace ${of.namespace})`,
      );
    },
    release: (uuid, of, work) => kv.remove(WHAT, `${folderOf(of)}/${uuid}`, work),
    async all(work) {
      const paths = await below(folder, 0, work);
      return paths.flatMap((path) => slotAt(path.slice(folder.length + 1)));
    },
  };
}

/**
 * Scope from `<mount>/creds/<role>/<id>`, which every record has: the reference's records name neither mount nor
 * role.
 */
export function scopeOfLease(namespace: string, leaseId: string): SlotScope | undefined {
  const [, mount, role] = /^(.+)\/creds\/([^/]+)\/[^/]+$/.exec(leaseId) ?? [];
  return mount !== undefined && role !== undefined ? { namespace, mount, role } : undefined;
}

/** Scope of a record: the reference injector's records name it in their lease only. */
export function mountOf({ mount, namespace, leaseId }: LedgerRecord): string | undefined {
  return mount ?? scopeOfLease(namespace, leaseId)?.mount;
}

/** A mount may have inner slashes. */
function slotAt(path: string): Slot[] {
  const [namespace, ...rest] = path.split('/');
  const uuid = rest.pop();
  const role = rest.pop();
  if (namespace === undefined || uuid === undefined || role === undefined || rest.length === 0) return [];
  return [{ namespace, mount: rest.join('/'), role, uuid }];
}
