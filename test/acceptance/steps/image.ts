import type { Step } from '../step.ts';

/** Built from the Dockerfile in our own cluster; otherwise the environment names an image (IMAGE). */
export const image: Step = {
  title: 'The image is built from the Dockerfile and pushed',
  isShort: true,
  async run(world) {
    if (world.image !== '') return { image: world.image };
    if (!world.own) throw new Error('IMAGE has to name an image of the product that this cluster can pull');
    world.image = await world.own.buildImage('3.0.0');
    return { image: world.image };
  },
};
