/** A process that pulls one ref, for tests that kill it: `pull-process.ts ENDPOINT CACHE REF`. */
import { hubContext } from '../../src/hub/context.ts';
import { resolveRefs } from '../../src/hub/resolve.ts';
import { readHubSettings } from '../../src/hub/settings.ts';
import { nanoFolder } from './nano.ts';

const [endpoint, cache, ref = ''] = process.argv.slice(2);
const settings = readHubSettings({ ...process.env, HF_ENDPOINT: endpoint, HF_HUB_CACHE: cache });
await resolveRefs([ref], { nanoFolder, hub: hubContext({ settings }), pull: { files: 1, connections: 2 } });
