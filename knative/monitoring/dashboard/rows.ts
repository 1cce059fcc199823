/** The whole dashboard, top to bottom. */
import type { Query, Row } from './panel.ts';
import { admission } from './rows/admission.ts';
import { health } from './rows/health.ts';
import { instances } from './rows/instances.ts';
import { renewal } from './rows/renewal.ts';
import { revocation } from './rows/revocation.ts';
import { vault } from './rows/vault.ts';

export const rows: readonly Row[] = [health, admission, renewal, revocation, vault, instances];

/** Grafana's query for its list of namespaces. */
export const NAMESPACES = { metric: 'vault_injector_grants', label: 'namespace' } as const;

/** Every query, with its place in the dashboard. */
export const queries: readonly (Query & { readonly place: string })[] = rows.flatMap(
  ({ title: row, panels }) =>
    panels.flatMap((panel) =>
      panel.queries.map((query) => ({ ...query, place: `${row}: ${panel.title}, ${query.legend}` })),
    ),
);
