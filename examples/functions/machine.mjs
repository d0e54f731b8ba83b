// What this machine can run: node machine.mjs
import { doctor, engineBuilds } from 'quantscope';
import { host, say } from './host.mjs';

const { canMeasure, checks } = await doctor({ ...host, hub: false });
say(canMeasure ? 'models can be measured here' : 'models cannot be measured here');
for (const { status, label, message, fix } of checks) {
  if (status !== 'ok') say(`${status}, ${label}: ${message} ${fix ?? ''}`);
}
// buildLocalEngine(host) compiles llama.cpp for this processor, removeEngineBuilds() takes that back.
const { builds } = await engineBuilds(host);
say(`prebuilt: ${builds.prebuilt.info?.version ?? 'does not start'}`);
