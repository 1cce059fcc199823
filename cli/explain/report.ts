/** Report for a person; the file's name and line precede each remark, as compilers print it. */
import type { Terminal } from '../terminal.ts';
import type { Access } from './access.ts';
import type { ContainerOutlook, Explained } from './explain.ts';
import type { Remark } from './manifests.ts';

export interface Outlook extends Explained {
  readonly access: readonly Access[];
  readonly outcome: 'given' | 'denied' | 'untouched';
}

const OUTCOMES = {
  given: 'would be given credentials',
  denied: 'would be denied',
  untouched: 'would not be changed',
} as const;
const SYMBOLS = { allowed: ['✓', 'green'], denied: ['✗', 'red'], unknown: ['?', 'yellow'] } as const;

export function outlookOn(explained: Explained, access: readonly Access[]): Outlook {
  const isDenied = explained.problems.length > 0 || access.some(({ verdict }) => verdict === 'denied');
  const outcome = isDenied ? 'denied' : explained.isOurs ? 'given' : 'untouched';
  return { ...explained, access, outcome };
}

export function linesOf(file: string, outlook: Outlook, { paint }: Pick<Terminal, 'paint'>): string[] {
  const { kind, namespace, name, line, serviceAccount, isOurs, requests, access, containers, outcome } =
    outlook;
  const place = (at: number) => `${file}:${at}`;
  const style = outcome === 'denied' ? 'red' : outcome === 'given' ? 'green' : 'gray';
  const remark = (symbol: string) => (one: Remark) => `  ${symbol} ${place(one.line)}: ${one.message}`;
  return [
    `${place(line)}: ${kind} ${namespace}/${name || '(not named)'}, service account ${serviceAccount}: ${paint(style, OUTCOMES[outcome])}`,
    ...(isOurs ? access.map((one) => `  ${accessLine(one, outlook, file, paint)}`) : []),
    ...(requests.length === 0 ? [] : containers).map(containerLine),
    ...outlook.problems.map(remark(paint('red', '✗'))),
    ...outlook.warnings.map(remark(paint('yellow', '!'))),
  ];
}

/** Variables in their order, those that the container has itself in parentheses. */
function containerLine({ name, order, files }: ContainerOutlook): string {
  const variables = order.map((one) => (one.isOurs ? one.name : `(${one.name})`));
  return `    container ${name}: ${[...variables, ...files].join(', ') || 'nothing (annotation "containers")'}`;
}

function accessLine(
  { request, verdict, said }: Access,
  outlook: Outlook,
  file: string,
  paint: Terminal['paint'],
): string {
  const { database, mount, role, authRole } = request;
  const [symbol, style] = SYMBOLS[verdict];
  const roles = authRole === role ? `role ${role}` : `role ${role}, auth role ${authRole}`;
  const place = `${file}:${outlook.lineOfDatabase(database)}`;
  return `${paint(style, symbol)} ${place}: database ${database || '(unnamed)'}, mount ${mount}, ${roles}: ${said}`;
}

/** Report for programs. */
export function plainOf(outlook: Outlook): object {
  const { kind, namespace, name, line, serviceAccount, outcome, containers, problems, warnings } = outlook;
  const databases = outlook.access.map(({ request, verdict, said }) => ({
    database: request.database,
    line: outlook.lineOfDatabase(request.database),
    mount: request.mount,
    role: request.role,
    authRole: request.authRole,
    mode: request.mode,
    access: verdict,
    detail: said,
  }));
  const given = containers.map(({ order: _, ...container }) => container);
  const pod = { kind, namespace, name, line, serviceAccount, outcome };
  return { ...pod, databases, containers: given, problems, warnings };
}
