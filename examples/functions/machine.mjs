// What this machine can run: node machine.mjs [build | remove]
import { buildLocalEngine, doctor, engineBuilds, removeEngineBuilds } from 'quantscope';
import { host, say } from './host.mjs';

const [change] = process.argv.slice(2);
// Compiles llama.cpp for this very processor; removing it brings the prebuilt one back.
if (change === 'build') {
  const { built } = await buildLocalEngine({ ...host, onLine: (line) => process.stderr.write(`${line}\n`) });
  say(`built: llama.cpp ${built.llamaCpp}, backend ${built.backend}`);
}
if (change === 'remove') say(`removed: ${(await removeEngineBuilds()).folders.length} builds`);

const { canMeasure, checks } = await doctor({ ...host, hub: false });
say(canMeasure ? 'models can be measured here' : 'models cannot be measured here');
for (const { status, label, message, fix } of checks) {
  if (status !== 'ok') say(`${status}, ${label}: ${[message, fix].filter(Boolean).join('. ')}`);
}
const { builds } = await engineBuilds(host);
say(`prebuilt: ${builds.prebuilt.info?.version ?? 'does not start'}`);
