// Is it good enough, and no worse than before: node gates.mjs new.json old.json
import { judge } from 'quantscope';
import { host, say } from './host.mjs';

const [path, before] = process.argv.slice(2);
const { verdict, outcomes } = await judge([path], {
  ...host,
  failIf: ['any.divergence.meanKld > 0.0001 if available'],
  baseline: [before],
});
say(verdict);
for (const { condition, findings } of outcomes) {
  say(`${condition}: ${findings.map(({ message }) => message).join('; ')}`);
}
