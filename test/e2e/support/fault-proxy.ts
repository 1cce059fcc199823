/**
 * A proxy between an admission function and OpenBao. It hands everything on as it is, until a test tells it what is to
 * go wrong with which step, and it keeps the secrets that pass, so that they can be looked for where they must not be.
 */
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { until } from '../../stack/wait.ts';
import { secretsIn } from './secrets.ts';
import { openBao } from './stack.ts';

/** The requests that functions and job make, by what they are for. */
const steps = [
  ['login', /^POST \/v1\/auth\/[^/]+\/login$/],
  ['role', /^GET \/v1\/auth\/[^/]+\/role\/[^/]+$/],
  ['last sweep', /^GET \/v1\/[^/]+\/data\/[^/]+-sweep\//],
  ['token', /^POST \/v1\/auth\/token\/create-orphan$/],
  ['credentials', /^GET \/v1\/[^/]+\/creds\/[^/]+$/],
  ['memory', /^POST \/v1\/[^/]+\/(?:meta)?data\/[^/]+-sweep\//],
  ['slot', /^POST \/v1\/[^/]+\/metadata\/[^/]+-held\//],
  ['slots', /^GET \/v1\/[^/]+\/metadata\/[^/?]+-held[^?]*\?list=true$/],
  ['slot given back', /^DELETE \/v1\/[^/]+\/metadata\/[^/]+-held\//],
  ['ledger list', /^GET \/v1\/[^/]+\/metadata\/[^?]+\?list=true$/],
  ['reading', /^GET \/v1\/[^/]+\/data\//],
  ['record', /^POST \/v1\/[^/]+\/data\//],
  ['lease renewal', /^POST \/v1\/sys\/leases\/renew$/],
  ['token renewal', /^POST \/v1\/auth\/token\/renew$/],
  ['lease revocation', /^POST \/v1\/sys\/leases\/revoke$/],
  ['revoke', /^POST \/v1\/auth\/token\/revoke$/],
  ['forget', /^DELETE \/v1\/[^/]+\/metadata\//],
  ['renewal', /^POST \/v1\/auth\/token\/renew-self$/],
  ['logout', /^POST \/v1\/auth\/token\/revoke-self$/],
] as const;
export type Step = (typeof steps)[number][0];

export interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: string;
}

/** One request of the function, and what can be done with it. */
interface Exchange {
  /** Sends it on to OpenBao. */
  forward(): Promise<Answer>;
  reply(answer: Answer): void;
  /** Says how long the answer is, sends half of it and breaks the connection. */
  replyHalf(answer: Answer): void;
  /** Breaks the connection. */
  cut(): void;
}

export type Fault = (exchange: Exchange) => Promise<void> | void;

export interface FaultProxy {
  readonly url: string;
  /** Has the next requests of that step (one, where nothing else is said) meet the fault. */
  fail(step: Step, fault: Fault, times?: number): void;
  /** Has only those requests of that step meet it whose path matches. */
  failWhere(step: Step, path: RegExp, fault: Fault): void;
  /** Has the request with that number, from 1 on since the start or the last `heal`, meet it, whatever step it is. */
  failAt(number: number, fault: Fault): void;
  /** Has every document that is read from now on look as if it had been written so much earlier. */
  backdate(byMs: number): void;
  /** All goes well from now on. */
  heal(): void;
  /** How often a step was asked for since the start or the last `heal`. */
  count(step: Step): number;
  /** All requests since then, of whatever step. */
  total(): number;
  /** Resolves when OpenBao has answered all that it was sent, whether or not the function still listens. */
  settled(): Promise<void>;
  /** Tokens, passwords and JWTs that have passed, in either direction. */
  secrets(): ReadonlySet<string>;
}

interface Plan {
  readonly step: Step;
  readonly path: RegExp;
  readonly fault: Fault;
  left: number;
}

const pass: Fault = async (exchange) => exchange.reply(await exchange.forward());

export async function startFaultProxy(target = openBao.address): Promise<FaultProxy> {
  let plans: Plan[] = [];
  const numbered = new Map<number, Fault>();
  const counts = new Map<Step, number>();
  const secrets = new Set<string>();
  let total = 0;
  let underWay = 0;
  let backdatedBy = 0;

  function faultFor({ method = '', url = '' }: IncomingMessage): Fault {
    total += 1;
    const byNumber = numbered.get(total);
    if (byNumber) return byNumber;
    const [step] = steps.find(([, pattern]) => pattern.test(`${method} ${url}`)) ?? [];
    if (step === undefined) return pass;
    counts.set(step, (counts.get(step) ?? 0) + 1);
    const plan = plans.find(
      (candidate) => candidate.step === step && candidate.left > 0 && candidate.path.test(url),
    );
    if (!plan) return pass;
    plan.left -= 1;
    return plan.fault;
  }

  const server = createServer(async (incoming, outgoing) => {
    const body = await textOf(incoming);
    for (const secret of secretsIn(incoming.headers, body)) secrets.add(secret);
    const fault = faultFor(incoming);
    const forward = async () => {
      const answer = await send(target, incoming, body);
      for (const secret of secretsIn({}, answer.body)) secrets.add(secret);
      return backdatedBy === 0 ? answer : { ...answer, body: backdated(answer.body, backdatedBy) };
    };
    underWay += 1;
    try {
      await fault(exchangeOf(outgoing, forward));
    } catch {
      // OpenBao is not there: then the proxy is not there either.
      outgoing.destroy();
    } finally {
      underWay -= 1;
    }
  });
  // The function keeps its connections; none may end just as it is used again.
  server.keepAliveTimeout = 60_000;
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  // It is there until the test file's process ends: functions end before that, and log out through it.
  server.unref();

  return {
    url: `http://127.0.0.1:${portOf(server.address())}`,
    fail: (step, fault, left = 1) => void plans.push({ step, path: /^/, fault, left }),
    failWhere: (step, path, fault) => void plans.push({ step, path, fault, left: 1 }),
    backdate(byMs) {
      backdatedBy = byMs;
    },
    failAt: (number, fault) => void numbered.set(number, fault),
    heal() {
      plans = [];
      numbered.clear();
      counts.clear();
      total = 0;
    },
    count: (step) => counts.get(step) ?? 0,
    total: () => total,
    settled: () => until('OpenBao has answered', () => underWay === 0),
    secrets: () => secrets,
  };
}

const backdated = (body: string, byMs: number): string =>
  body.replace(
    /"created_time":"([^"]+)"/g,
    (_, time: string) => `"created_time":"${new Date(Date.parse(time) - byMs).toISOString()}"`,
  );

function exchangeOf(outgoing: ServerResponse, forward: () => Promise<Answer>): Exchange {
  return {
    forward,
    reply: ({ status, headers, body }) => outgoing.writeHead(status, headers).end(body),
    replyHalf: ({ status, body }) => {
      const whole = Buffer.from(body);
      outgoing.writeHead(status, { 'content-length': whole.length });
      outgoing.write(whole.subarray(0, Math.floor(whole.length / 2)), () => outgoing.destroy());
    },
    cut: () => outgoing.destroy(),
  };
}

/** Hop-by-hop headers do not matter here: a body has always been read whole, on either side. */
function send(target: string, { method, url, headers }: IncomingMessage, body: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request(`${target}${url}`, { method, headers, agent: false }, async (answer) => {
      const type = answer.headers['content-type'];
      const status = answer.statusCode ?? 0;
      resolve({ status, headers: type ? { 'content-type': type } : {}, body: await textOf(answer) });
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

async function textOf(message: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks).toString();
}

function portOf(address: AddressInfo | string | null): number {
  if (typeof address !== 'object' || !address) throw new Error('the proxy does not listen');
  return address.port;
}
