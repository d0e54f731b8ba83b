// What is in a file, and in many: node inspect.mjs nano:Q2_K nano:Q8_0
import { inspect, scanHeaders } from 'quantscope';
import { host, say } from './host.mjs';

const refs = process.argv.slice(2);
const { model, quantization } = await inspect(refs[0], host);
say(`${refs[0]}: ${model.architecture}, ${quantization.label}`);
for await (const scanned of scanHeaders(refs, host)) {
  say(`${scanned.name ?? scanned.ref}: ${scanned.error?.message ?? `${scanned.scan.issues.length} faults`}`);
}
