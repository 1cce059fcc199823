/** A stub of a webhook: it allows whatever it is asked for and keeps the reviews, as the API server sent them. */
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:https';
import * as v from 'valibot';
import { freePort } from '../../stack/process/ports.ts';
import { stack } from './stack.ts';

const Review = v.looseObject({ request: v.looseObject({ uid: v.string() }) });
export type Review = v.InferOutput<typeof Review>;

export interface Recorder {
  readonly url: string;
  readonly recorded: readonly { readonly path: string; readonly review: Review }[];
}

export async function startRecorder(): Promise<Recorder> {
  const { certFile, keyFile } = v.parse(
    v.object({ certFile: v.string(), keyFile: v.string() }),
    stack.description.functions.configuration,
  );
  const recorded: { path: string; review: Review }[] = [];
  const keyPair = { cert: await readFile(certFile), key: await readFile(keyFile) };
  const server = createServer(keyPair, async (incoming, outgoing) => {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(Buffer.from(chunk));
    const review = v.parse(Review, JSON.parse(Buffer.concat(chunks).toString()));
    recorded.push({ path: incoming.url ?? '', review });
    const { uid } = review.request;
    outgoing.setHeader('content-type', 'application/json');
    outgoing.end(
      JSON.stringify({
        apiVersion: 'admission.k8s.io/v1',
        kind: 'AdmissionReview',
        response: { uid, allowed: true },
      }),
    );
  });
  const port = await freePort();
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  server.unref();
  return { url: `https://127.0.0.1:${port}`, recorded };
}
