// How far the weights moved: node diff.mjs nano:F16 nano:Q8_0
import { diff } from 'quantscope';
import { host, say } from './host.mjs';

const [a, b] = process.argv.slice(2);
const { gate, weights } = await diff(a, b, { ...host, failAbove: 0.05 });
say(`${gate.holds ? 'close enough' : 'too far'}: ${JSON.stringify(weights.total)}`);
