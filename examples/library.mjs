// quantscope as a library: which of these files may be shipped, and what is in it. Run: node examples/library.mjs nano
import { compare, inspect, validate } from 'quantscope';

const refs = process.argv.slice(2);
const say = (line) => process.stdout.write(`${line}\n`);

const { files } = await validate(refs);
for (const { ref, verdict, diagnostics } of files) {
  const errors = diagnostics.filter(({ severity }) => severity === 'error');
  say(`${ref}: ${verdict}${errors.map(({ rule, message }) => `, ${rule}: ${message}`).join('')}`);
}

const sound = files.filter(({ verdict }) => verdict !== 'error').map(({ ref }) => ref);
for (const ref of sound) {
  const { model, quantization } = await inspect(ref);
  say(`${ref}: ${model.architecture}, ${quantization.label}, ${quantization.bitsPerWeight.toFixed(2)} bits`);
}

// Size and weight error alone need no engine; leave `only` out to measure speed and accuracy too.
const { variants } = await compare(sound, { only: ['size'] });
for (const { name, file, weights } of variants) {
  const error =
    weights.relativeRmse === undefined ? '' : `, weights off by ${(weights.relativeRmse * 100).toFixed(2)} %`;
  say(`${name}: ${file.bytes} bytes${error}`);
}
