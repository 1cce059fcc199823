import packageJson from '../package.json' with { type: 'json' };

/** What runs, as the metric `build_info` and error reports show it. */
export const buildInfo = { version: packageJson.version, node_version: process.version };
