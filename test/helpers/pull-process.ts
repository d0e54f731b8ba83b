/** A process that pulls one ref, for tests that kill it: `pull-process.ts ENDPOINT CACHE REF`. */
import { hubContext } from '../../src/hub/context.ts';
import { readHubSettings } from '../../src/hub/settings.ts';
import { downloadModels } from '../../src/model/download.ts';
import { locateRefs } from '../../src/model/locate.ts';
import { nanoFolder } from './nano.ts';

const [endpoint, cache, ref = ''] = process.argv.slice(2);
const settings = readHubSettings({ ...process.env, HF_ENDPOINT: endpoint, HF_HUB_CACHE: cache });
const hub = hubContext({ settings });
await downloadModels(await locateRefs([ref], { nanoFolder, hub }), { files: 1, connections: 2 }, hub);
