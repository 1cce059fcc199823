/** Installed from plain manifests, with the components that the example names, and where no Knative is. */
import { applyOverlay, type Overlay, withOverlay } from '../overlay.ts';
import { imagesOf, NAMESPACE, sweep } from '../product.ts';
import { inSeconds, type Step } from '../step.ts';
import { apply, kubectl, recordsIn, waitFor } from '../world.ts';
import { available, deployment } from './application.ts';
import { setUpProduct } from './install.ts';
import { nothingIsLeft } from './keep.ts';
import { comeAndGo } from './variants.ts';

const WITH_KNATIVE: Overlay = { components: ['../../components/approle', '../../monitoring'] };

export const byManifests: Step = {
  title: 'It is installed from an overlay: with AppRole tokens, monitoring, and a sweep a minute',
  isShort: false,
  needsOwnCluster: true,
  async run(world) {
    await world.own?.startMonitoring();
    await setUpProduct(world, { more: { APPROLE_PATH: 'approle' } });
    const began = performance.now();
    world.isInstalled = true;
    await applyOverlay(world, WITH_KNATIVE);
    const ready = ['--for=condition=Ready', '--timeout=120s', NAMESPACE];
    await kubectl(world, 'wait', ...ready, 'ksvc', '--all');
    await kubectl(world, 'wait', ...ready, 'brokers.eventing.knative.dev,triggers,apiserversources', '--all');
    const took = inSeconds(performance.now() - began);
    const images = new Set((await imagesOf(world)).values());
    if (images.size !== 1 || !images.has(world.image)) throw new Error(`images: ${[...images].join(', ')}`);
    await comeAndGo(world, 'by-manifests');
    return { ready: took };
  },
};

const WITHOUT_KNATIVE: Overlay = { resources: ['../without-knative'], components: [] };

export const withoutKnative: Step = {
  title: 'Without Knative: a Deployment admits, sweeps revoke, and kubectl removes it all',
  isShort: false,
  needsOwnCluster: true,
  async run(world) {
    await setUpProduct(world);
    world.isInstalled = true;
    await applyOverlay(world, WITHOUT_KNATIVE);
    await kubectl(world, 'rollout', 'status', 'deployment/admission', NAMESPACE, '--timeout=120s');
    const began = performance.now();
    await apply(world, deployment(world, { name: 'plain', role: world.id, replicas: 2 }));
    await available(world, 'plain', 120);
    const ready = performance.now() - began;
    await kubectl(world, 'delete', 'deployment/plain', `--namespace=${world.id}`);
    const deletion = performance.now();
    const areGone = async () => (await recordsIn(world)).length === 0;
    await waitFor('the schedule’s sweeps revoke', areGone, 300_000);
    const revoked = performance.now() - deletion;
    await sweep(world);
    await withOverlay(world, WITHOUT_KNATIVE, 'delete', '--wait=true');
    world.isInstalled = false;
    await nothingIsLeft(world);
    return { available: inSeconds(ready), revoked: inSeconds(revoked) };
  },
};
